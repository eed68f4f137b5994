"""The fields of a command: read from a function's annotations, filled with what was said."""

import inspect
import types
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from ai.commands import MAX_ITEMS, FieldKind, FieldSpec, Tense, spoken, typed
from ai.extraction.times_in_english import in_english
from ai.languages import Language, Question, asked_in
from ai.quantities import NAMED_UNITS, read_amount, read_length
from ai.times import resolve
from ai.times.recurrence import Resolved, is_recurring, resolve_recurring
from bot.api.sessions import UserApi
from bot.markdown import escape


class Unclear(Exception):
    """A field can't be filled with what was said; the message asks the person again."""


Choices = Callable[[UserApi], Awaitable[Sequence[Mapping[str, Any]]]]
"""Reads the person's own rows, whose `name`s are what a field may be filled with."""


@dataclass(frozen=True)
class About:
    """What a parameter means ("the task"), and an example: for help, questions and the model.

    `choices_from` is what Discord offers to choose from while a slash command is typed. With `each`
    a row of names is an order for each: "add milk, eggs and bread to my shopping list" adds three.
    Words that `accepts` refuses are none: of a place "I live in fear" names none. `said_as` has the
    other words for a choice: {"viewer": ("read only", "just to look")}. `early` says, of all that
    was said, whether an hour without am or pm is one of the morning, as an alarm's is.
    """

    meaning: str
    example: str = ""
    choices_from: Choices | None = None
    each: bool = False
    accepts: Callable[[str], bool] | None = None
    said_as: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    early: Callable[[Mapping[str, Any]], bool] | None = None


@dataclass(frozen=True)
class _Kind:
    name: FieldKind
    repeats: bool = False
    many: bool = False
    tense: Tense = "future"


Item = TypeVar("Item")

When = Annotated[datetime, _Kind("when")]
"""A point in time that the person names in their own words; an aware datetime in the function."""

Past = Annotated[datetime, _Kind("when", tense="past")]
"""A point in time that is over, or now: "yesterday at 5pm"; "friday" is the last one."""

PastDate = Annotated[date, _Kind("date", tense="past")]
"""A day that is over, or today: "the 3rd" is the last one. A plain `date` may be any day."""

FutureDate = Annotated[date, _Kind("date", tense="future")]
"""Today, or a day to come: "the 3rd" is the next one."""


@dataclass(frozen=True)
class Unit:
    """What a Decimal is counted in, such as "km", "kg" or "eur".

    Other units of the same kind are converted, and those of another are asked about.
    """

    name: str


Repeating = Annotated[Resolved, _Kind("when", repeats=True)]
"""A time, or how often: "every weekday at 7:30". The function gets the (first) time, aware, as `at`
and the `rule` by which it comes again, "" for none."""

Secret = Annotated[str, _Kind("secret")]
"""A password or the like: asked for by the conversation, never parsed, kept or logged.

One with a default is the password of the account: asked of those who have one."""

Many = Annotated[list[Item], _Kind("text", many=True)]
"""`Many[str]` is several texts in one order, "milk, eggs and flour": a list in the function."""

NO_OTHERS: Mapping[str, Any] = {}
KINDS: dict[Any, FieldKind] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "when",
    date: "date",
    Decimal: "decimal",
    timedelta: "duration",
}


def fields_of(function: Callable[..., Any]) -> tuple[FieldSpec, ...]:
    """Return the fields that a command function takes after its context.

    Raises TypeError where there is no context, or with the parameter whose annotation is missing or
    unknown.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters = [*inspect.signature(function).parameters.values()]
    if not parameters:
        raise TypeError("its first parameter must be the context: ctx: Context")
    return tuple(_field(parameter, hints.get(parameter.name)) for parameter in parameters[1:])


def choices_of(function: Callable[..., Any]) -> dict[str, Choices]:
    """Return what there is to choose from, by the names of the fields that offer a choice."""
    hints = get_type_hints(function, include_extras=True)
    notes = {name: [*_unwrap(hint)] for name, hint in hints.items()}
    return {
        name: note.choices_from
        for name, of_field in notes.items()
        for note in of_field
        if isinstance(note, About) and note.choices_from
    }


def _field(parameter: inspect.Parameter, annotation: Any) -> FieldSpec:  # noqa: ANN401 - a type
    """Read one parameter."""
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise TypeError(f"the parameter {parameter} can't be filled by name")
    bare, *notes = _unwrap(annotation)
    about = next((note for note in notes if isinstance(note, About)), About(""))
    choices = get_args(bare) if get_origin(bare) is Literal else ()
    noted = next((note for note in notes if isinstance(note, _Kind)), None)
    kind = noted.name if noted else KINDS.get(bare)
    if noted and noted.many and bare != list[str]:
        kind = None
    if choices and all(isinstance(choice, str) for choice in choices):
        kind = "choice"
    if kind is None:
        raise TypeError(
            f"the parameter {parameter.name!r} needs one of the annotations str, int, float, bool, "
            "Decimal, date, timedelta, When, Past, PastDate, FutureDate, Repeating, Secret, "
            "Many[str], or a Literal of strings"
        )
    unit = next((note.name for note in notes if isinstance(note, Unit)), "")
    if unit and (kind != "decimal" or unit not in NAMED_UNITS):
        known = f"there are {', '.join(sorted(NAMED_UNITS))}, for a Decimal"
        raise TypeError(f"the parameter {parameter.name!r} can't be counted in {unit!r}: {known}")
    tense: Tense = noted.tense if noted else "any" if kind == "date" else "future"
    required = parameter.default is parameter.empty
    return FieldSpec(
        parameter.name,
        kind,
        required,
        about.meaning,
        choices,
        about.example,
        repeats=noted is not None and noted.repeats,
        many=noted is not None and noted.many,
        each=about.each,
        tense=tense,
        unit=unit,
        accepts=about.accepts,
        said_as=about.said_as,
        early=about.early,
    )


def _unwrap(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - a type
    """Yield the bare type, then its notes, looking through Annotated and `| None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *notes = get_args(annotation)
        yield from _unwrap(inner)
        yield from notes
    elif origin in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        yield from _unwrap(members[0]) if len(members) == 1 else (annotation,)
    else:
        yield annotation


def meaning(field: FieldSpec) -> str:
    """Return what a field is, for a sentence."""
    return field.description or f"the {field.name.replace('_', ' ')}"


def question(field: FieldSpec, language: Language = "en") -> str:
    """Ask for a field that was not said, in the person's language."""
    about = " / ".join(field.choices) if field.kind == "choice" else meaning(field)
    if asked := asked_in(language, _sort(field), about):
        return asked
    if field.is_time:
        verb = "was" if field.tense == "past" else "is"
        return f"When {verb} {meaning(field)}? For example “{field.sample}”."
    if field.kind == "duration":
        return f"How long is {meaning(field)}? For example “{field.sample}”."
    if field.kind == "boolean":
        return f"What is {meaning(field)}: yes or no?"
    if field.many:
        example = f" For example “{field.example}”." if field.example else ""
        return f"What are {meaning(field)}?{example}"
    choices = f" ({' or '.join(field.choices)})" if field.choices else ""
    return f"What is {meaning(field)}{choices}?"


def _sort(field: FieldSpec) -> Question:
    if field.is_time:
        return "past" if field.tense == "past" else "when"
    match field.kind:
        case "duration":
            return "length"
        case "boolean":
            return "boolean"
        case "choice":
            return "choice"
        case _:
            return "text"


def convert(
    field: FieldSpec,
    said: Any,  # noqa: ANN401
    zone: ZoneInfo,
    now: datetime,
    others: Mapping[str, Any] = NO_OTHERS,
) -> Any:  # noqa: ANN401
    """Return the value of a field from what was said, or raise Unclear with the question to ask.

    `others` is all that was said with it.
    """
    early = field.early is not None and field.early(others)
    words = spoken(said).strip()
    if field.is_time:
        words = in_english(words)  # an answer to "Wann?"
    match field.kind:
        case "when":
            try:
                if field.repeats and is_recurring(words):
                    return resolve_recurring(words, zone, now, early=early)
                moment = resolve.resolve(words, zone, now, field.tense, early=early)
                return Resolved(moment, "") if field.repeats else moment
            except resolve.UnclearTime as error:
                raise Unclear(escape(str(error))) from error
        case "date":
            try:
                return resolve.resolve_date(words, zone, now, field.tense)
            except resolve.UnclearTime as error:
                raise Unclear(escape(str(error))) from error
        case "decimal" | "duration":
            try:
                words = typed(field, said)
            except ValueError as error:
                raise Unclear(_again(field)) from error
            return read_amount(words, field.unit) if field.kind == "decimal" else read_length(words)
        case "secret":
            return str(said)
        case _:
            try:
                return typed(field, said)
            except ValueError as error:
                raise Unclear(_again(field)) from error


def _again(field: FieldSpec) -> str:
    """Ask once more for a field that what was said can't fill."""
    if field.many:
        return f"{question(field)} At most {MAX_ITEMS} at once, please."
    match field.kind:
        case "integer" | "number":
            kind = "a whole number" if field.kind == "integer" else "a number"
            return f"I need {kind} for {meaning(field)}. Which one?"
        case "decimal":
            unit = f" in {field.unit}" if field.unit else ""
            return f"I need an amount{unit} for {meaning(field)}. How much?"
        case "boolean":
            return f"Please answer yes or no: what is {meaning(field)}?"
        case "choice":
            return f"Please choose {' or '.join(field.choices)}."
        case _:
            return question(field)
