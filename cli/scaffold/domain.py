"""What `manage.py new-domain` writes: the files of a domain, made of its name and its fields."""

import keyword
import re
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel

from ai.quantities import NAMED_UNITS

EXAMPLE = "Blue Moon"
WORD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_FREE_LINKS = 2  # "with" and "and" before fields that may be missing: each multiplies the ways
WIDTH = 80  # of a line of text in the files
MAX_LETTERS = 30  # letters, so that the names of indexes fit the 63 that PostgreSQL takes
MAX_CHOICES = 25  # what Discord shows
MAX_FIELDS = 12  # so that the sentences stay few
TAKEN = {
    "id", "user_uuid", "created_at", "name", "ctx", "row", "rows", "data", "said", "known", "kept",
    "asked", "before", "changes", "add", "show", "change", "delete", "named", "pick", "partial",
    "optional",
}  # fmt: skip


CALCULATIONS = {
    "max": "max(values)",
    "min": "min(values)",
    "sum": "sum(values, Decimal())",
    "average": "round(sum(values, Decimal()) / len(values), 2)",
    "count": "sum(values, Decimal())",
}
"""What a report may calculate, and how that is written."""
TITLES = {"max": "Highest {}", "min": "Lowest {}", "sum": "Total {}", "average": "Average {}"}


class BadName(ValueError):
    """A name or a field can't be used; the message says why."""


@dataclass(frozen=True)
class Kind:
    """How a kind of field is written in each file.

    `said`, `heard` and `shown` are one value: in a sentence, as a command's field (in YAML), in an
    answer. `later` and `seen` are another one, to which it is changed.
    """

    column: str
    model: str
    python: str
    parameter: str
    tell: str  # in an f-string of the answer, where NAME is the field's
    said: str
    heard: str
    shown: str
    later: str
    seen: str

    @property
    def words(self) -> str:
        """Every name that its lines use."""
        return f"{self.column} {self.model} {self.python} {self.parameter} {self.tell}"


WHOLE = "Annotated[int, Field(ge=-(2**31), lt=2**31)]"
SECONDS = 'Annotated[int, Field(ge=0, lt=2**31, description="In seconds.")]'
FINITE = "Annotated[float, Field(allow_inf_nan=False)]"
AMOUNT = "Annotated[Decimal, Field(max_digits=15, decimal_places=4, allow_inf_nan=False)]"
DASH = " \N{EN DASH} "
ON = (" {ctx.day(row['NAME'])}",)
WHEN = ("Moment()", "PointInTime", "dt.datetime")
DAY = ("Date()", "dt.date", "dt.date")
KINDS = {
    "text": Kind(
        "String(255)", "Name", "str", "str", " {escape(row['NAME'])}",
        "green", "green", " green", "blue", " blue",
    ),
    "int": Kind("Integer()", WHOLE, "int", "int", " {row['NAME']}", "7", "7", " 7", "8", " 8"),
    "float": Kind(
        "Float()", FINITE, "float", "float", " {row['NAME']:g}", "2.5", "2.5", " 2.5", "3", " 3",
    ),
    "decimal": Kind(
        "Numeric(15, 4)", AMOUNT, "Decimal", "Decimal", " {amount(row['NAME'])}",
        "2.5", "'2.5'", " 2.5", "3", " 3",
    ),
    "bool": Kind(
        "Boolean()", "bool", "bool", "bool", " {'yes' if row['NAME'] else 'no'}",
        "yes", "true", " yes", "no", " no",
    ),
    "date": Kind(*DAY, "date", *ON, "yesterday", "yesterday", " yesterday", "today", " today"),
    "past_date": Kind(
        *DAY, "PastDate", *ON, "yesterday", "yesterday", " yesterday", "today", " today"
    ),
    "future_date": Kind(
        *DAY, "FutureDate", *ON, "tomorrow", "tomorrow", " tomorrow", "today", " today"
    ),
    "duration": Kind(
        "Integer()", SECONDS, "int", "timedelta", " {length(row['NAME'])}",
        "half an hour", "half an hour", " 30 minutes", "2 hours", " 2 hours",
    ),
    "when": Kind(
        *WHEN, "When", "{ctx.when(row['NAME'])}", "tomorrow at 5pm", "tomorrow at 5pm",
        f"{DASH}tomorrow at 17:00", "tomorrow at 6pm", f"{DASH}tomorrow at 18:00",
    ),
    "past": Kind(
        *WHEN, "Past", "{ctx.when(row['NAME'])}", "yesterday at 5pm", "yesterday at 5pm",
        f"{DASH}yesterday at 17:00", "yesterday at 6pm", f"{DASH}yesterday at 18:00",
    ),
    "texts": Kind(
        "JSON()", "Annotated[list[Name], Field(min_length=1, max_length=50)]", "list[str]",
        "Many[str]", " {escape(spoken(row['NAME']))}", "red and green", "[red, green]",
        " red and green", "blue", " blue",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """One thing that is kept of each row, besides its name."""

    name: str
    kind_name: str
    optional: bool = False
    choices: tuple[str, ...] = ()
    unit: str = ""

    @property
    def label(self) -> str:
        """What stands before a value in an answer; a day may bring an "on" of its own."""
        return self.spoken.removesuffix(" on") if "ctx.day(" in self.kind.tell else self.spoken

    @property
    def spoken(self) -> str:
        """The name in a sentence."""
        return self.name.replace("_", " ")

    @property
    def written(self) -> str:
        """How it is given to `new-domain`."""
        kind = "|".join(self.choices) or self.kind_name + (f":{self.unit}" if self.unit else "")
        return f"{self.name}:{kind}{'?' if self.optional else ''}"

    @property
    def is_number(self) -> bool:
        """Whether it can be calculated with."""
        return self.kind_name in ("int", "float", "decimal", "duration")

    @property
    def groups(self) -> bool:
        """Whether rows with the same one make a group."""
        return bool(self.choices) or self.kind_name == "text"

    @property
    def meaning(self) -> str:
        """What the bot asks for."""
        return self.spoken if self.kind_name in ("when", "past") else f"the {self.spoken}"

    @property
    def kind(self) -> Kind:
        """How it is written."""
        if self.choices:
            one, other, *_ = self.choices
            literal = f"Literal[{', '.join(repr(one) for one in self.choices)}]"
            said = one, one, f" {one}", other, f" {other}"
            kind = Kind("String(255)", literal, literal, literal, " {row['NAME']}", *said)
        else:
            kind = KINDS[self.kind_name]
        if self.unit:
            unit = f" {self.unit}"
            kind = replace(
                kind,
                parameter=f'Annotated[Decimal, Unit("{self.unit}")]',
                tell=kind.tell + unit,
                **{name: getattr(kind, name) + unit for name in ("said", "shown", "later", "seen")},
                heard=kind.said + unit,
            )
        return replace(kind, tell=kind.tell.replace("NAME", self.name))


@dataclass(frozen=True)
class Report:
    """A calculation over a user's rows; without a field it counts them."""

    calculation: str
    field: Field | None
    by: str  # a field, "name", or "" for all in one
    group: Field | None
    sentences: tuple[str, ...]
    spoken_plural: str

    @property
    def title(self) -> str:
        """What it is called."""
        what = TITLES[self.calculation].format(self.field.spoken) if self.field else "Number of"
        what = what if self.field else f"{what} {self.spoken_plural}"
        return f"{what} by {self.by.replace('_', ' ')}" if self.by else what

    @property
    def code(self) -> str:
        """How it is calculated."""
        return CALCULATIONS[self.calculation]

    @property
    def tell(self) -> str:
        """The result in an f-string, where it is called `result`."""
        kind = self.field.kind_name if self.field else "int"
        if kind == "duration":
            return " {length(float(result))}"
        unit = f" {self.field.unit}" if self.field and self.field.unit else ""
        return " {amount(result)}" + unit

    @property
    def shown(self) -> str:
        """The answer where there is one row, the example."""
        group = self.group.kind.shown.strip() if self.group else EXAMPLE if self.by else ""
        label = f"**{group}**" if group else "All"
        return f"• {label}:{self.field.kind.shown if self.field else ' 1'}"


@dataclass(frozen=True)
class More:
    """What a domain may have besides its fields."""

    sentences: tuple[str, ...] = ()  # to add something by, with fields in braces
    hint: str = ""
    report: Report | None = None

    @property
    def is_proposed(self) -> bool:
        """Whether it has sentences that can be left out."""
        return self != self.plain()

    def plain(self) -> "More":
        """Leave out all sentences but the last one of the report."""
        report = self.report and replace(self.report, sentences=self.report.sentences[-1:])
        return replace(self, sentences=(), report=report)

    def without(self, said: str, fields: list[Field]) -> "More":
        """Leave out the sentence that a text was made of."""
        kept = tuple(one for one in self.sentences if fill(one, fields) != said)
        report = self.report
        if report and said in report.sentences:
            left = tuple(one for one in report.sentences if one != said)
            report = replace(report, sentences=left) if left else None
        return More(kept, self.hint, report)


NOTHING_MORE = More()


def fill(sentence: str, fields: list[Field]) -> str:
    """Say a sentence with the fields' examples."""
    said = {"name": EXAMPLE} | {field.name: field.kind.said for field in fields}
    return re.sub(r"\{(\w+)\}", lambda found: said[found[1]], sentence)


def read_field(text: str) -> Field:
    """Read `field:type`, `field:one|other` or `field:decimal:km`, `?` behind it. Raises BadName."""
    name, _, kind = text.partition(":")
    optional = kind.endswith("?")
    kind, _, unit = kind.removesuffix("?").partition(":")
    choices = tuple(kind.split("|")) if "|" in kind else ()
    if any(not WORD.fullmatch(one) or len(one) > MAX_LETTERS for one in choices):
        raise BadName(f"{text!r}: write choices in small letters, as in status:open|paid.")
    if len({*choices}) < len(choices) or len(choices) > MAX_CHOICES:
        raise BadName(f"{text!r}: up to {MAX_CHOICES} choices, each once.")
    if kind not in KINDS and not choices:
        raise BadName(
            f"{text!r}: write a field as name:type, with a type of {', '.join(KINDS)}, or choices "
            "such as open|paid; a ? behind it makes it optional."
        )
    if unit and (kind != "decimal" or unit not in NAMED_UNITS):
        raise BadName(
            f"{text!r}: only a decimal has a unit, one of {', '.join(sorted(NAMED_UNITS))}."
        )
    if text.count(":") > 1 and not unit:
        raise BadName(f"{text!r}: write a unit as in weight:decimal:kg.")
    _check(name)
    if name in TAKEN or hasattr(BaseModel, name) or name.startswith("model_"):
        raise BadName(f"The field {name!r} has another meaning here; take another name.")
    return Field(name, kind, optional, choices, unit)


def render(
    word: str, plural: str, fields: list[Field], more: More = NOTHING_MORE
) -> dict[str, str]:
    """Return the text of each file by its path. Raises BadName."""
    for name in (word, plural):
        _check(name)
    names = [field.name for field in fields]
    if len({*names}) < len(names) or {word, plural} & {*names}:
        raise BadName("Two things have the same name.")
    if len(fields) > MAX_FIELDS:
        raise BadName(f"Up to {MAX_FIELDS} fields, please.")
    fields = sorted(fields, key=lambda field: field.optional)
    values = _values(word, plural, fields) | {
        "more": more,
        "report": more.report,
        "heard": [
            (
                fill(sentence, fields),
                [one for one in fields if f"{{{one.name}}}" in sentence],
                "{name}" in sentence,
            )
            for sentence in more.sentences
        ],
    }
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

    def phrases(filled: dict[str, str], *, written: bool = False) -> str:
        """Say the fields, in the order of the command's; in a template optional ones may miss."""
        said, joint = "", "with"
        for number, field in enumerate(fields):
            phrase = f"{joint} {field.spoken} {filled[field.name]}"
            if written and field.optional:
                said += f" [{phrase}]"
                continue
            if written and number < MAX_FREE_LINKS:
                phrase = f"[with|and] {field.spoken} {filled[field.name]}"
            said += f" {phrase}"
            joint = "and"
        return said

    def shown(changed: str = "") -> str:
        """Say a row as the bot does."""
        told = ", ".join(
            f"{field.label}{field.kind.seen if field.name == changed else field.kind.shown}"
            for field in fields
        )
        return f"**{EXAMPLE}**" + (f": {told}" if told else "")

    return {
        "word": word,
        "plural": plural,
        "class": "".join(part.capitalize() for part in word.split("_")),
        "spoken": spoken,
        "spoken_plural": spoken_plural,
        "title": spoken_plural.capitalize(),
        "a": a,
        "a_new": f"({a}|a new)" if a == "an" else "a [new]",
        "fields": fields,
        "required": [field for field in fields if not field.optional],
        "uses": uses,
        "example": EXAMPLE,
        "phrases": phrases({field.name: "{" + field.name + "}" for field in fields}, written=True),
        "said": f"add {a} {spoken} called {EXAMPLE}"
        + phrases({field.name: field.kind.said for field in fields}),
        "shown": shown(),
        "changed": shown(fields[0].name) if fields else "",
        "column_types": sorted(
            {"Column", "String", "Table"}
            | {
                name
                for name in ("JSON", "Boolean", "Date", "Float", "Integer", "Numeric")
                if any(field.kind.column.startswith(name) for field in fields)
            }
        ),
        "models": sorted(
            {"Body", "Name"}
            | ({"PointInTime"} if uses("PointInTime") else set())
            | ({"Change", "optional"} if fields else set())
        ),
    }


def _check(name: str) -> None:
    if not WORD.fullmatch(name) or keyword.iskeyword(name) or len(name) > MAX_LETTERS:
        raise BadName(
            f"{name!r} can't be used: write a word in small letters, with _ for blanks, "
            f"of up to {MAX_LETTERS} letters."
        )
