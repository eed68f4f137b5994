"""What a person was told last, so that "it", "the second one" and "make it 6" can be understood."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ai.commands import Command, CommandSpec, FieldSpec
from ai.times.grammar.numbers import ONES, ORDINALS

IT = {"it", "that", "this"}
MAKERS = {"add", "make", "create", "remind"}
"""Actions for what is not there yet: nothing can point at it."""
FILLERS = {"the", "my", "one", "number", "no", "nr", "item", "entry"}
LAST = {"last"}
_ON_THE_LIST = re.compile(r" (?:on|of|from|in) (?:the|my|that|this) list $")


@dataclass(frozen=True)
class References:
    """What came before an order.

    `last` is the command that was carried out last, and `shown` the names in the list that the
    person saw last, by position. `kind` is the interaction type of what is shown; without it the
    list is of the last command's type.
    """

    last: Command | None = None
    shown: tuple[str, ...] = ()
    kind: str = ""


NO_REFERENCES = References()


@dataclass(frozen=True)
class Reference:
    """What words point at: names, and the interaction type that they are of."""

    names: tuple[str, ...]
    kind: str


def named_by(spec: CommandSpec) -> FieldSpec | None:
    """Return the field with the name of the thing that a command is about, or None."""
    return next((f for f in spec.parsed_fields if f.kind == "text" and f.required), None)


class ReferenceResolver:
    """Finds what words point at; what could be one thing or another is nothing."""

    def __init__(
        self, references: References, specs: Mapping[tuple[str, str], CommandSpec] | None = None
    ) -> None:
        self._recall = references
        last = references.last or {}
        self.spec = (specs or {}).get((last.get("interaction_type", ""), last.get("action", "")))
        self.is_empty = references == NO_REFERENCES

    @property
    def it(self) -> Reference | None:
        """Return what the last command was about, under the name that it has now."""
        field = named_by(self.spec) if self.spec else None
        if self.spec and field:
            last = self._recall.last or {}
            name = last.get(f"new_{field.name}") or last.get(field.name)
            names = tuple(name) if isinstance(name, list) else (str(name),)
            return Reference(names, self.spec.interaction_type) if name else None
        shown = self._recall.shown
        return Reference(shown, self._kind) if len(shown) == 1 else None

    @property
    def _kind(self) -> str:
        last = self._recall.last or {}
        return self._recall.kind or str(last.get("interaction_type", ""))

    def read(self, words: Sequence[str]) -> Reference | None:
        """Return what "it", "the last one", "2" or "the first and the third" points at."""
        if self.is_empty:
            return None
        said = _ON_THE_LIST.sub(" ", f" {' '.join(words)} ")
        parts = [part.split() for part in re.split(r" and | & ", said)]
        fillers = FILLERS | {self._kind}  # "the second task", where tasks are shown
        found = [self._one([word for word in part if word not in fillers]) for part in parts]
        if not found or any(one is None for one in found):
            return None
        pointed = [one for one in found if one]
        if len({one.kind for one in pointed}) > 1:
            return None
        return Reference(tuple(name for one in pointed for name in one.names), pointed[0].kind)

    def _one(self, words: list[str]) -> Reference | None:
        if len(words) != 1:
            return None
        word = words[0]
        if word in IT:
            return self.it
        shown = self._recall.shown
        if word in LAST:
            it = self.it
            if it and shown and it.names != shown[-1:]:
                return None  # the last that was shown, or the last that was spoken of?
            return Reference(shown[-1:], self._kind) if shown else it
        position = _position(word)
        if position is None or not 1 <= position <= len(shown) or word in shown:
            return None
        return Reference((shown[position - 1],), self._kind)


def _position(word: str) -> int | None:
    if found := re.fullmatch(r"#?(\d{1,3})(?:st|nd|rd|th)?", word):
        return int(found[1])
    for names, first in ((ORDINALS, 1), (ONES, 0)):
        if word in names:
            return names.index(word) + first
    return None
