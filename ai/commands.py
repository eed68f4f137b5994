"""What can be said: one CommandSpec a command, from which everything else is derived.

The bot's command modules fill the catalogue; the local sentences, the model's JSON schema and
prompt, the help and the slash commands are all read from it.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, Self

from ai.quantities import UnclearAmount, read_amount, read_length
from ai.times.grammar.numbers import WORDS, number
from ai.times.grammar.reading import in_ascii

Command = dict[str, Any]
"""A command in the documented form: `interaction_type`, `action` and its fields."""
Role = Literal["user", "admin"]
"""Who a person is to the program: an admin may use what every user may, and more."""

FieldKind = Literal[
    "text",
    "integer",
    "number",
    "decimal",
    "boolean",
    "choice",
    "when",
    "date",
    "duration",
    "secret",
]

Tense = Literal["past", "future", "any"]

JSON_TYPES: dict[FieldKind, str] = {
    "text": "string",
    "integer": "integer",
    "number": "number",
    "decimal": "string",
    "boolean": "boolean",
    "choice": "string",
    "when": "string",
    "date": "string",
    "duration": "string",
    "secret": "string",
}


_WORD = re.compile(r"[^\W_]+")
SAMPLES: dict[tuple[FieldKind, Tense], str] = {
    ("when", "past"): "yesterday at 5pm",
    ("when", "future"): "tomorrow at 5pm",
    ("date", "past"): "yesterday",
    ("date", "future"): "tomorrow",
    ("date", "any"): "yesterday",
    ("duration", "future"): "1 hour 30 minutes",
    ("integer", "future"): "3",
    ("number", "future"): "2.5",
    ("decimal", "future"): "2.50",
    ("boolean", "future"): "yes",
}


@dataclass(frozen=True)
class FieldSpec:
    """One field of a command.

    A `when`, a `date`, a `decimal` and a `duration` are the user's own words: "tomorrow at 5pm",
    "yesterday", "$4.20", "half an hour". They are read after parsing, times in the user's zone. A
    `secret` is never asked of the parser: the conversation asks the user for it, and neither the
    model nor the history sees it.
    """

    name: str
    kind: FieldKind = "text"
    required: bool = True
    description: str = ""
    choices: tuple[str, ...] = ()
    example: str = ""  # a value as a person would say it, for the help
    repeats: bool = False  # of a `when`: whether it may also come again, as in "every day at 9"
    many: bool = False  # of a `text`: whether it holds several, as in "milk, eggs and flour"
    each: bool = False  # of a `text`: whether several in a row are an order each
    tense: Tense = "future"  # of a `when` or a `date`: whether it is over or to come
    early: Callable[[Mapping[str, Any]], bool] | None = None
    """Of a `when`: whether an hour without am or pm is of the morning, by what else is said."""
    unit: str = ""  # of a `decimal`: what it is counted in
    accepts: Callable[[str], bool] | None = None  # of a `text`: whether words can be one
    said_as: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Of a `choice`: in which other words one is said, anywhere in a message."""

    @property
    def is_time(self) -> bool:
        """Whether it says when."""
        return self.kind in ("when", "date")

    @property
    def sample(self) -> str:
        """A value as a person would say it, or an empty text where any words may be one."""
        sample = self.example or next(iter(self.choices), SAMPLES.get((self.kind, self.tense), ""))
        if self.kind == "choice":
            sample = sample.replace("_", " ")  # as it may be said
        return f"{sample} {self.unit}" if self.unit and not self.example else sample

    @cached_property
    def ways(self) -> Mapping[str, str]:
        """The words for each choice, in lower case with spaces, and which one they mean."""
        said = {way: one for one, ways in self.said_as.items() for way in ways}
        return said | {one.casefold().replace("_", " "): one for one in self.choices}

    @cached_property
    def most_words(self) -> int:
        """How many words a choice has at most; 0 where any words may be one."""
        return max((len(way.split()) for way in self.ways), default=0)

    def chosen_in(self, text: str) -> str | None:
        """Return the one choice that a text names in other words, or None."""
        said = f" {' '.join(re.findall(_WORD, text.casefold()))} "
        found = [
            one for one, ways in self.said_as.items() if any(f" {way} " in said for way in ways)
        ]
        return found[0] if len(found) == 1 else None

    def without_choice(self, value: str) -> str:
        """Return a value up to where it names a choice in other words."""
        ways = (way.split(" ") for ways in self.said_as.values() for way in ways)
        said = "|".join(r"\W+".join(map(re.escape, way)) for way in ways)
        found = re.search(rf"(?<!\w)(?:{said})(?!\w)", value, re.IGNORECASE) if said else None
        return value[: found.start()] if found else value

    @property
    def json_schema(self) -> dict[str, Any]:
        """The field as JSON schema; an optional one may be null."""
        kind = "array" if self.many else JSON_TYPES[self.kind]
        schema: dict[str, Any] = {"type": kind if self.required else [kind, "null"]}
        if self.many:
            schema["items"] = {"type": JSON_TYPES[self.kind]}
        if self.choices:
            schema["enum"] = [*self.choices] if self.required else [*self.choices, None]
        if self.description:
            schema["description"] = self.description
        return schema


@dataclass(frozen=True)
class CommandSpec:
    """One command: what it is called, what it needs, and the sentences that say it."""

    interaction_type: str
    action: str
    description: str
    fields: tuple[FieldSpec, ...] = ()
    sentences: tuple[str, ...] = ()
    role: Role = "user"  # of those who may use it
    hint: str = ""  # for models: what else means this command
    examples: tuple[tuple[str, Mapping[str, Any]], ...] = ()  # for models: a message, its fields
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of first words
    near: tuple[str, ...] = ()  # sentences that may say it: it is offered where they are said
    for_models: bool = True  # or its sentences alone reach it, so that prompts stay short

    @cached_property
    def key(self) -> tuple[str, str]:
        """The pair that names it in a parsed command."""
        return self.interaction_type, self.action

    @cached_property
    def _hash(self) -> int:
        return hash(self.key)

    def __hash__(self) -> int:
        """Hash the name alone: what is made from all commands is looked up for each message."""
        return self._hash

    def is_open_to(self, role: Role) -> bool:
        """Say whether people with a role may use it."""
        return role in (self.role, "admin")

    @cached_property
    def parsed_fields(self) -> tuple[FieldSpec, ...]:
        """The fields that come out of the user's words; secrets do not."""
        return tuple(field for field in self.fields if field.kind != "secret")


class Specs(tuple[CommandSpec, ...]):
    """Commands whose hash is computed once: what is made of them is looked up for each message."""

    @cached_property
    def _hash(self) -> int:
        return super().__hash__()

    def __hash__(self) -> int:
        """Hash the commands."""
        return self._hash


@dataclass(frozen=True)
class ParsedCommand:
    """One order: the command that was meant, and what was said of its fields.

    The documented dict of it, which handlers and history take, is `as_dict`.
    """

    interaction_type: str
    values: Mapping[str, Any]  # of the fields; a raw handler's may hold any JSON
    action: str | None = None  # a raw handler's order may have none

    @classmethod
    def from_dict(cls, command: Mapping[str, Any]) -> Self:
        """Read the documented dict."""
        values = {k: v for k, v in command.items() if k not in ("interaction_type", "action")}
        return cls(command["interaction_type"], values, command.get("action"))

    @property
    def key(self) -> tuple[str, str]:
        """What a `CommandSpec` is known by."""
        return self.interaction_type, self.action or ""

    def as_dict(self) -> dict[str, Any]:
        """Return the documented dict: `interaction_type`, `action` and the fields."""
        named = {} if self.action is None else {"action": self.action}
        return {"interaction_type": self.interaction_type, **named, **self.values}


@dataclass(frozen=True)
class Clarification:
    """A question to the person, which takes the place of all orders."""

    question: str

    def as_dict(self) -> dict[str, Any]:
        """Return the documented dict."""
        return {"needs_clarification": self.question}


@dataclass(frozen=True)
class NotUnderstood:
    """No order: what the person is told, and the nearest sentences where they were looked for."""

    problem: str
    suggestions: tuple[str, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the documented dict."""
        near = {} if self.suggestions is None else {"suggestions": [*self.suggestions]}
        return {"error": self.problem, **near}


@dataclass(frozen=True)
class Offer:
    """Orders that are near but not certain: carried out only where the person says yes."""

    orders: tuple[ParsedCommand, ...]
    question: str
    is_whole: bool = False  # all of it was said in the message itself, so that a yes may teach it

    def as_dict(self) -> dict[str, Any]:
        """Return the documented dict, which knows of questions alone."""
        return {"needs_clarification": self.question}


Parsed = tuple[ParsedCommand, ...] | Offer | Clarification | NotUnderstood
"""What a message was taken for: one order or more in their turn, a question, or nothing."""


def from_dicts(answers: Sequence[Mapping[str, Any]]) -> Parsed:
    """Read documented dicts; a question or an error stands first and alone."""
    first = answers[0]
    if "interaction_type" in first:
        return tuple(ParsedCommand.from_dict(answer) for answer in answers)
    if "needs_clarification" in first:
        return Clarification(first["needs_clarification"])
    near = first.get("suggestions")
    return NotUnderstood(first["error"], None if near is None else tuple(near))


class Catalogue:
    """All commands, in the order in which they were added. `version` grows with every change."""

    def __init__(self) -> None:
        self._specs: dict[tuple[str, str], CommandSpec] = {}
        self.version = 0

    def add(self, *specs: CommandSpec) -> None:
        """Add commands, all or none. Raises ValueError where one exists already."""
        keys = [spec.key for spec in specs]
        for key in keys:
            if key in self._specs or keys.count(key) > 1:
                raise ValueError(f"the command {' '.join(key)!r} is there twice")
        self._specs.update(zip(keys, specs, strict=True))
        self.version += 1

    def of(self, interaction_type: str) -> list[CommandSpec]:
        """Return a module's commands."""
        return [spec for spec in self if spec.interaction_type == interaction_type]

    def keys(self) -> Set[tuple[str, str]]:
        """Return the pairs that name the commands."""
        return self._specs.keys()

    def __iter__(self) -> Iterator[CommandSpec]:
        """Walk over the commands."""
        return iter(tuple(self._specs.values()))

    def __len__(self) -> int:
        """Count the commands."""
        return len(self._specs)


catalogue = Catalogue()
"""The commands of this process; the registry in bot/framework/registry.py fills it."""


# fmt: off
YES = frozenset({
    "yes", "y", "yes please", "yep", "yeah", "sure", "ok", "okay", "true", "on",
    "ja", "oui", "si", "sí",
})
NO = frozenset({"no", "n", "no thanks", "nope", "nah", "don't", "false", "off", "nein", "non"})
# fmt: on
_WHOLE = re.compile(r"[+-]?(?:\d{1,18}|\d{1,3}(?:,\d{3}){1,5})(?:\.0{1,18})?")
_DECIMAL = re.compile(r"[+-]?\d{1,18}(?:[.,]\d{1,18})?")
_UNSURE = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")  # a thousand for some, and one for others
_WORDS = re.compile(WORDS, re.IGNORECASE)
QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»"}
SINGLE_QUOTES = {"'": "'", "‘": "’"}  # noqa: RUF001 - within a text they are apostrophes
MAX_ITEMS = 50  # in one field
_QUOTED = re.compile("|".join(f"{a}[^{b}\n]{{1,200}}{b}" for a, b in QUOTES.items()))
_COMMA = re.compile(r"(?:,(?!\d)|[;\n])[\s,;]*(?:(?:and|&|plus)\s)?", re.IGNORECASE)
_AND = re.compile(r"\s(?:and|&|plus)\s", re.IGNORECASE)


def trim(text: str) -> str:
    """Take away the punctuation behind free text, and quotation marks that were put around it."""
    text = text.strip().rstrip(",;:").rstrip()
    text = re.sub(r"(?<![.!?…])[.!?]$|!{2,}$", "", text)
    quote = (QUOTES | SINGLE_QUOTES).get(text[:1])
    if len(text) > 2 and quote == text[-1] and text.count(quote) <= 2:
        return text[1:-1].strip()
    return text


def items(text: str) -> list[str]:
    """Return the things that stand in a row: "milk, eggs and flour" are three.

    Beside commas an "and" parts the last two alone, and what is in quotation marks stays whole:
    "mac and cheese, milk and eggs" are three.
    """
    masked = _QUOTED.sub(lambda match: "_" * len(match[0]), text)
    cuts = [match.span() for match in _COMMA.finditer(masked)]
    cuts += [match.span() for match in _AND.finditer(masked, cuts[-1][1] if cuts else 0)]
    starts, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(text)]
    parts = (trim(text[start:end]) for start, end in zip(starts, ends, strict=True))
    return [part for part in parts if part]


def spoken(value: Any) -> str:  # noqa: ANN401 - of a field of any kind
    """Return a field's value as it is said."""
    if not isinstance(value, list | tuple):
        return str(value)
    *first, last = [str(one) for one in value] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def typed(field: FieldSpec, said: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return what was said as the field's type.

    Raises ValueError, with a sentence for the model, where it is none of that type.
    """
    if field.many:
        parts = said if isinstance(said, list | tuple) else items(str(said))
        if not 1 <= len(parts) <= MAX_ITEMS:
            raise ValueError(f"{field.name} must be a list of 1 to {MAX_ITEMS} values.")
        return [typed(replace(field, many=False), part) for part in parts]
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    if isinstance(said, dict | list) or said is None:
        raise ValueError(f"{field.name} must be a single value.")
    word = str(said).strip()
    low = word.casefold().rstrip(" .!?")
    if field.kind == "boolean":
        if low in YES | NO or low in ("1", "0"):
            return low in YES or low == "1"
        raise ValueError(f"{field.name} must be true or false, not {word!r}.")
    if isinstance(said, bool) or not word:
        raise ValueError(f"{field.name} must be of the kind {field.kind}, not {word!r}.")
    if field.kind in ("decimal", "duration"):
        if isinstance(said, float):
            word = format(Decimal(word), "f") if math.isfinite(said) else word
        try:
            read_amount(word, field.unit) if field.kind == "decimal" else read_length(word)
        except UnclearAmount as error:
            kind = "an amount" if field.kind == "decimal" else "a length of time"
            raise ValueError(f"{field.name} must be {kind}, not {word!r}: {error}.") from error
        return word
    if field.kind == "choice":
        if choice := field.ways.get(low.replace("_", " ")):
            return choice
        raise ValueError(f"{field.name} must be one of {', '.join(field.choices)}, not {word!r}.")
    if field.accepts and not field.accepts(word):
        raise ValueError(f"{field.name} can't be {word!r}.")
    if field.kind == "integer":
        if (whole := _whole(word)) is None:
            raise ValueError(f"{field.name} must be a whole number, not {word!r}.")
        return whole
    if field.kind == "number":
        if isinstance(said, float) and math.isfinite(said):
            return said  # a model's, which may be written as 1e-05
        if (decimal := _decimal(word)) is None:
            raise ValueError(f"{field.name} must be a number, not {word!r}.")
        return decimal
    return word


def _whole(word: str) -> int | None:
    """Read "3", "+3", "3.0", "1,000" or "twenty-five"."""
    word = in_ascii(word)
    if _WORDS.fullmatch(word):
        return int(number(word))
    return int(word.partition(".")[0].replace(",", "")) if _WHOLE.fullmatch(word) else None


def _decimal(word: str) -> float | None:
    """Read "2.5", "2,5" or "two"; not "1,000", which may be a thousand or one."""
    word = in_ascii(word)
    if _WORDS.fullmatch(word):
        return float(number(word))
    is_clear = _DECIMAL.fullmatch(word) and not _UNSURE.fullmatch(word)
    return float(word.replace(",", ".")) if is_clear else None
