"""Local understanding: which command a text says, without a model, in well under a millisecond.

A wrong match is worse than none, so that only an unambiguous one counts. The best is the one in
which a time went into a slot for times, then the one with the most fixed words; where two
different readings are equally good there is no match. A text that seems to hold a second order
is left to the model as well.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rapidfuzz import fuzz, process

from ai import dates
from ai.catalogue import Catalogue, CommandSpec, FieldSpec
from ai.english.numbers import ONES
from ai.templates import Node, build, ways
from ai.words import order_end, order_starts, slips, split

MAX_SLIPS = 2
MAX_WORDS_WITH_SLIPS = (
    60  # a longer text is free text for the most part, where slips are not looked for
)
YES = {"yes", "true", "on", "y"}
NO = {"no", "false", "off", "n"}
NO_VERBS = {"my", "the", "a", "an", "i", "what", "which", "how", "when", "where", "who", "is", "it"}
QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»"}


@dataclass(frozen=True)
class Match:
    """A command that a text says, and its fields."""

    spec: CommandSpec
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Path:
    """How far a sentence has been followed: slots filled, fixed words and slips so far."""

    slots: tuple[tuple[FieldSpec, int, int], ...] = ()
    literals: int = 0
    slips: int = 0

    def word(self, is_slip: bool) -> "_Path":
        return _Path(self.slots, self.literals + 1, self.slips + is_slip)

    def slot(self, filled: FieldSpec, start: int, end: int) -> "_Path":
        return _Path((*self.slots, (filled, start, end)), self.literals, self.slips)


class Matcher:
    """Matches texts against the sentences of a catalogue; rebuilt when the catalogue changes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._version = -1
        self._root = Node()
        self._vocabulary: frozenset[str] = frozenset()
        self._verbs: frozenset[str] = frozenset()
        self._shown: dict[str, CommandSpec] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the catalogue again if it changed. Raises SentenceError."""
        if self._version == self._catalogue.version:
            return
        self._root = build(self._catalogue)
        self._vocabulary = frozenset(_literals(self._root))
        self._verbs = frozenset(self._root.literals) - NO_VERBS
        self._shown = {
            " ".join(next(ways(spec, sentence))).replace("{", "<").replace("}", ">"): spec
            for spec in self._catalogue
            for sentence in spec.sentences
        }
        self._version = self._catalogue.version

    def match(self, text: str) -> Match | None:
        """Return the one command that the text says, or None."""
        self.refresh()
        return _Attempt(self._root, self._vocabulary, self._verbs, text).best()

    def nearest(
        self, text: str, count: int = 3, *, allowed: Collection[tuple[str, str]] | None = None
    ) -> list[str]:
        """Return the sentences most like the text, as a person would read them, one a command."""
        self.refresh()
        found = process.extract(text, [*self._shown], scorer=fuzz.token_set_ratio, limit=None)
        nearest: dict[tuple[str, str], str] = {}
        for sentence, _, _ in found:
            key = self._shown[sentence].key
            if allowed is None or key in allowed:
                nearest.setdefault(key, sentence)
        return [*nearest.values()][:count]


def _literals(node: Node) -> Iterator[str]:
    yield from node.literals
    for child in (*node.literals.values(), *node.slots.values()):
        yield from _literals(child)


class _Attempt:
    """One text against the tree."""

    def __init__(
        self, root: Node, vocabulary: frozenset[str], verbs: frozenset[str], text: str
    ) -> None:
        self.root, self.vocabulary, self.verbs, self.text = root, vocabulary, verbs, text
        self.words = split(text)
        self.end = order_end(self.words)
        self.found: list[tuple[CommandSpec, _Path]] = []
        self.meant: dict[str, list[str]] = {}

    def best(self) -> Match | None:
        """Follow every sentence and return the best reading, if it is the only one."""
        for start in order_starts(self.words):
            self._follow(self.root, start, _Path())
        readings: dict[tuple[int, int, int], list[Match]] = {}
        for spec, path in self.found:
            match = self._read(spec, path)
            if match:
                times = sum(
                    1
                    for filled in spec.fields
                    if filled.kind == "when" and filled.name in match.fields
                )
                matches = readings.setdefault((times, path.literals, -path.slips), [])
                if match not in matches:
                    matches.append(match)
        if not readings:
            return None
        best = readings[max(readings)]
        if len(best) > 1 or self._has_second_order(best[0]):
            return None
        return best[0]

    def _follow(self, node: Node, at: int, path: _Path) -> None:
        if at == self.end:
            self.found += [(spec, path) for spec in node.complete]
            return
        for child, is_slip in self._literal_children(node, at):
            if path.slips + is_slip <= MAX_SLIPS:
                self._follow(child, at + 1, path.word(is_slip))
        if self.words[at].is_glued:
            return
        for slot, child in node.slots.items():
            for end in self._slot_ends(slot, child, at):
                self._follow(child, end, path.slot(slot, at, end))

    def _literal_children(self, node: Node, at: int) -> Iterator[tuple[Node, bool]]:
        word = self.words[at].text
        if child := node.literals.get(word):
            yield child, False
        elif len(self.words) <= MAX_WORDS_WITH_SLIPS:
            for meant in self._slips(word):
                if child := node.literals.get(meant):
                    yield child, True

    def _slips(self, word: str) -> list[str]:
        if word not in self.meant:
            near = slips(word, self.vocabulary)
            self.meant[word] = near if len(near) == 1 else []
        return self.meant[word]

    def _slot_ends(self, slot: FieldSpec, child: Node, at: int) -> Iterator[int]:
        """Yield where a slot that starts at a word may end."""
        if slot.kind == "when":
            if end := self._dates.get(at):
                yield end
        elif slot.kind == "text":
            for end in range(at + 1, self.end + 1):
                if end == self.end or self._may_go_on(child, end):
                    yield end
        else:
            for end in range(at + 1, min(at + 1 + _most_words(slot), self.end + 1)):
                if _value(slot, self._slice(at, end)) is not None:
                    yield end

    def _may_go_on(self, node: Node, at: int) -> bool:
        """Say whether something can follow at a word, so that free text may end there."""
        if self.words[at].is_glued:
            return False
        if any(True for _ in self._literal_children(node, at)):
            return True
        return any(slot.kind != "when" or at in self._dates for slot in node.slots)

    @cached_property
    def _dates(self) -> dict[int, int]:
        """The date phrases: first word -> the word behind the last."""
        starts = {word.start: i for i, word in enumerate(self.words)}
        found = {}
        for start, end in dates.find(self.text):
            if start in starts:
                behind = next(
                    (i for i, w in enumerate(self.words) if w.start >= end), len(self.words)
                )
                found[starts[start]] = behind
        return found

    def _slice(self, start: int, end: int) -> str:
        return _trim(self.text[self.words[start].start : self.words[end - 1].end])

    def _read(self, spec: CommandSpec, path: _Path) -> Match | None:
        fields: dict[str, Any] = {}
        for slot, start, end in path.slots:
            value = _value(slot, self._slice(start, end))
            if value is None:
                return None
            fields[slot.name] = value
        return Match(spec, fields)

    def _has_second_order(self, match: Match) -> bool:
        if not self.verbs:
            return False
        verbs = "|".join(map(re.escape, self.verbs))
        second = re.compile(
            rf"(?:\b(?:and|then|also|plus)|[,;.!\n&])\s*(?:(?:and|then|also|please)\s+)*(?:{verbs})\b",
            re.IGNORECASE,
        )
        texts = [
            v for f in match.spec.fields if f.kind == "text" and (v := match.fields.get(f.name))
        ]
        return any(second.search(text) for text in texts)


def _most_words(slot: FieldSpec) -> int:
    return max((len(choice.split()) for choice in slot.choices), default=1)


def _trim(text: str) -> str:
    """Take the punctuation behind a slot away, and quotation marks that were put around it."""
    text = text.strip().rstrip(",;:").rstrip()
    text = re.sub(r"(?<![.!?…])[.!?]$", "", text)
    if len(text) > 2 and QUOTES.get(text[0]) == text[-1] and text.count(text[-1]) <= 2:
        return text[1:-1].strip()
    return text


def _value(slot: FieldSpec, said: str) -> Any:  # noqa: ANN401 - a field may be of any JSON type
    """Return what was said as the slot's type, or None where it is none of that type."""
    word = said.casefold()
    if slot.kind == "choice":
        return next((choice for choice in slot.choices if choice.casefold() == word), None)
    if slot.kind == "boolean":
        return True if word in YES else False if word in NO else None
    if slot.kind in ("integer", "number"):
        if word in ONES:
            return ONES.index(word)
        pattern = r"-?\d+" if slot.kind == "integer" else r"-?\d+(?:[.,]\d+)?"
        if not re.fullmatch(pattern, word):
            return None
        return int(word) if slot.kind == "integer" else float(word.replace(",", "."))
    return said or None
