"""A sentence as it is followed through a text, and the command at its end."""

from dataclasses import dataclass, field
from typing import Any

from ai.commands import CommandSpec, FieldSpec
from ai.sentences.templates import Node

SLIP, SYNONYM = "slip", "synonym"


@dataclass(frozen=True)
class Match:
    """A command that a text says, and its fields."""

    spec: CommandSpec
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> dict[str, Any]:
        """The command in the form in which it is handed on."""
        kind, action = self.spec.key
        return {"interaction_type": kind, "action": action, **self.fields}


@dataclass(frozen=True)
class Slot:
    """A field of a sentence, and the words of the text that fill it."""

    field: FieldSpec
    start: int
    end: int


@dataclass(frozen=True)
class Path:
    """How far a sentence has been followed: slots filled, fixed words and slips so far."""

    start: int
    slots: tuple[Slot, ...] = ()
    literals: int = 0
    slips: int = 0
    synonyms: int = 0  # among the fixed words
    verb: Node | None = field(default=None, compare=False, repr=False)  # behind the first of them

    def with_word(self, node: Node, how: str) -> "Path":
        """Go on by a fixed word, which was said as it is, or as a SLIP or a SYNONYM of it."""
        return Path(
            self.start,
            self.slots,
            self.literals + 1,
            self.slips + (how == SLIP),
            self.synonyms + (how == SYNONYM),
            self.verb or node,
        )

    def with_slot(self, slot: Slot) -> "Path":
        """Go on by a field."""
        slots = (*self.slots, slot)
        return Path(self.start, slots, self.literals, self.slips, self.synonyms, self.verb)


@dataclass(frozen=True)
class Index:
    """The sentences of a catalogue, ready to be matched."""

    root: Node
    vocabulary: frozenset[str]  # every fixed word
    verbs: frozenset[str]  # the words that open an order, such as "add"
    specs: dict[tuple[str, str], CommandSpec]
