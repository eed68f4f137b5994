"""What `manage.py new-domain` writes: the files of a domain, made of its name and its fields."""

import keyword
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel

EXAMPLE = "Blue Moon"
WORD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
WIDTH = 80  # of a line of text in the files
LONGEST = 30  # letters, so that the names of indexes fit the 63 that PostgreSQL takes
TAKEN = {"id", "user_uuid", "created_at", "name", "ctx", "row", "data", "add", "show", "delete"}


class BadName(ValueError):
    """A name or a field can't be used; the message says why."""


@dataclass(frozen=True)
class Kind:
    """How a kind of field is written in each file.

    `said`, `heard` and `shown` are one value: in a sentence, as a command's field, in an answer.
    """

    column: str
    model: str
    python: str
    parameter: str
    said: str
    heard: str
    shown: str
    tell: str  # in an f-string of the answer, where NAME is the field's

    @property
    def words(self) -> str:
        """Every name that its lines use."""
        return f"{self.column} {self.model} {self.python} {self.parameter} {self.tell}"


WHOLE = "int = Field(ge=-(2**31), lt=2**31)"
FINITE = "float = Field(allow_inf_nan=False)"
CLOCK = "tomorrow at 5pm"
LATER = " \N{EN DASH} tomorrow at 17:00"
KINDS = {
    "text": Kind(
        "String(255)", "Name", "str", "str", "green", "green", " green", " {escape(row['NAME'])}"
    ),
    "int": Kind("Integer()", WHOLE, "int", "int", "7", "7", " 7", " {row['NAME']}"),
    "float": Kind("Float()", FINITE, "float", "float", "2.5", "2.5", " 2.5", " {row['NAME']:g}"),
    "bool": Kind(
        "Boolean()", "bool", "bool", "bool", "yes", "true", " yes",
        " {'yes' if row['NAME'] else 'no'}",
    ),
    "when": Kind(
        "Moment()", "PointInTime", "datetime", "When", CLOCK, CLOCK, LATER,
        "{ctx.when(row['NAME'])}",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """One thing that is kept of each row, besides its name."""

    name: str
    kind_name: str

    @property
    def spoken(self) -> str:
        """The name in a sentence."""
        return self.name.replace("_", " ")

    @property
    def meaning(self) -> str:
        """What the bot asks for."""
        return f"the {self.spoken}" if self.kind_name != "when" else self.spoken

    @property
    def kind(self) -> Kind:
        """How it is written."""
        known = KINDS[self.kind_name]
        return Kind(**vars(known) | {"tell": known.tell.replace("NAME", self.name)})


def read_field(text: str) -> Field:
    """Read `field:type`. Raises BadName."""
    name, _, kind = text.partition(":")
    if kind not in KINDS:
        raise BadName(f"{text!r}: write a field as name:type, with a type of {', '.join(KINDS)}.")
    _check(name)
    if name in TAKEN or hasattr(BaseModel, name) or name.startswith("model_"):
        raise BadName(f"The field {name!r} has another meaning here; take another name.")
    return Field(name, kind)


def render(word: str, plural: str, fields: list[Field]) -> dict[str, str]:
    """Return the text of each file by its path. Raises BadName."""
    for name in (word, plural):
        _check(name)
    names = [field.name for field in fields]
    if len({*names}) < len(names) or {word, plural} & {*names}:
        raise BadName("Two things have the same name.")
    values = _values(word, plural, fields)
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - it is Python that is written, of names that were checked
    )
    templates.filters["literal"] = literal
    return {
        path: templates.get_template(name).render(values)
        for path, name in (
            (f"api/routes/{plural}.py", "route.py.jinja"),
            (f"bot/commands/{plural}.py", "command.py.jinja"),
            (f"tests/domains/{plural}/test_{plural}.py", "test.py.jinja"),
            (f"tests/domains/{plural}/sentences.yaml", "sentences.yaml.jinja"),
        )
    }


def literal(text: str) -> str:
    """Return a text as Python writes it: over several lines where it is long."""
    lines = textwrap.wrap(text, WIDTH, drop_whitespace=False, break_long_words=False)
    quoted = [f'"{line}"'.replace("\N{EN DASH}", r"\N{EN DASH}") for line in lines]
    return "\n    ".join(quoted)


def plural_of(word: str) -> str:
    """Return an English noun's plural, by the rules alone."""
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|z|ch|sh)$", word) else "s")


def _values(word: str, plural: str, fields: list[Field]) -> dict[str, Any]:
    def uses(name: str) -> bool:
        return any(re.search(rf"\b{re.escape(name)}\b", field.kind.words) for field in fields)

    spoken, spoken_plural = word.replace("_", " "), plural.replace("_", " ")
    a = "an" if word[0] in "aeiou" else "a"
    told = ", ".join(f"{field.spoken}{field.kind.shown}" for field in fields)

    def phrases(filled: list[str]) -> str:
        pairs = zip(fields, filled, strict=True)
        said = " and ".join(f"{field.spoken} {value}" for field, value in pairs)
        return f" with {said}" if said else ""

    values = [field.kind.said for field in fields]
    return {
        "word": word,
        "plural": plural,
        "class": "".join(part.capitalize() for part in word.split("_")),
        "spoken": spoken,
        "spoken_plural": spoken_plural,
        "title": spoken_plural.capitalize(),
        "a": a,
        "fields": fields,
        "uses": uses,
        "example": EXAMPLE,
        "phrases": phrases(["{" + field.name + "}" for field in fields]),
        "said": f"add {a} {spoken} called {EXAMPLE}{phrases(values)}",
        "shown": f"**{EXAMPLE}**" + (f": {told}" if told else ""),
        "column_types": sorted(
            {"Column", "String", "Table"}
            | {name for name in ("Boolean", "Float", "Integer") if uses(name)}
        ),
        "models": ["Body", "Name", *(["PointInTime"] if uses("PointInTime") else [])],
    }


def _check(name: str) -> None:
    if not WORD.fullmatch(name) or keyword.iskeyword(name) or len(name) > LONGEST:
        raise BadName(
            f"{name!r} can't be used: write a word in small letters, with _ for blanks, "
            f"of up to {LONGEST} letters."
        )
