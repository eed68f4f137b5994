"""The fields of a command: from annotations, and from what was said."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import pytest

from ai.commands import FieldSpec
from bot.framework.fields import About, Secret, Unclear, When, convert, fields_of, question

NOW = datetime(2030, 3, 4, 12, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")


async def every_kind(
    ctx: object,
    name: str,
    number: int,
    price: float,
    urgent: bool,
    due: When,
    password: Secret,
    color: Literal["red", "green"],
    note: Annotated[str, About("the note", example="soon")],
    later: Annotated[When | None, About("it due")] = None,
    *,
    flag: Annotated[bool, About("the flag")] | None = None,
) -> str:
    """Take a field of every kind."""
    return ""


def test_annotations_become_fields() -> None:
    assert fields_of(every_kind) == (
        FieldSpec("name"),
        FieldSpec("number", "integer"),
        FieldSpec("price", "number"),
        FieldSpec("urgent", "boolean"),
        FieldSpec("due", "when"),
        FieldSpec("password", "secret"),
        FieldSpec("color", "choice", choices=("red", "green")),
        FieldSpec("note", description="the note", example="soon"),
        FieldSpec("later", "when", required=False, description="it due"),
        FieldSpec("flag", "boolean", required=False, description="the flag"),
    )


async def unknown_type(ctx: object, things: list[str]) -> str:
    return ""


async def no_annotation(ctx: object, name) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001
    return ""


async def numbers_to_choose(ctx: object, size: Literal[1, 2]) -> str:
    return ""


async def two_types(ctx: object, name: str | int) -> str:
    return ""


async def any_number(ctx: object, *names: str) -> str:
    return ""


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (unknown_type, "things"),
        (no_annotation, "name"),
        (numbers_to_choose, "size"),
        (two_types, "name"),
        (any_number, "names"),
    ],
)
def test_what_cannot_be_filled_is_named(function: Callable[..., object], name: str) -> None:
    with pytest.raises(TypeError, match=name):
        fields_of(function)


@pytest.mark.parametrize(
    ("field", "said", "value"),
    [
        (FieldSpec("name"), "  milk ", "milk"),
        (FieldSpec("n", "integer"), "12", 12),
        (FieldSpec("n", "integer"), 12, 12),
        (FieldSpec("n", "integer"), "Two", 2),
        (FieldSpec("n", "integer"), "seventy-five", 75),
        (FieldSpec("n", "integer"), "1,000", 1000),
        (FieldSpec("n", "integer"), "٣", 3),
        (FieldSpec("n", "number"), "1.5", 1.5),
        (FieldSpec("n", "number"), "2,5", 2.5),
        (FieldSpec("n", "number"), "eighty", 80.0),
        (FieldSpec("n", "number"), 1e-05, 1e-05),
        (FieldSpec("b", "boolean"), "Yes", True),
        (FieldSpec("b", "boolean"), False, False),
        (FieldSpec("c", "choice", choices=("Red", "green")), "red", "Red"),
        (FieldSpec("s", "secret"), " kept as it is ", " kept as it is "),
        (FieldSpec("w", "when"), "in an hour", NOW + timedelta(hours=1)),
        (FieldSpec("w", "when"), "tomorrow at 5pm", datetime(2030, 3, 5, 16, 0, tzinfo=UTC)),
    ],
)
def test_what_was_said_becomes_a_value(field: FieldSpec, said: object, value: object) -> None:
    assert convert(field, said, ZONE, NOW) == value


@pytest.mark.parametrize(
    ("field", "said", "hint"),
    [
        (FieldSpec("n", "integer"), "many", "a whole number for the n"),
        *(
            (FieldSpec("n", kind), said, "number")
            for kind in ("integer", "number")
            for said in ("nan", "inf", "-Infinity", "1_000", "1e400", "²", "9" * 400, "a")
        ),
        (FieldSpec("n", "number"), "1,000", "number"),
        (FieldSpec("n", "number"), float("nan"), "number"),
        (FieldSpec("n", "number", description="the price"), "much", "a number for the price"),
        (FieldSpec("b", "boolean"), "perhaps", "yes or no"),
        (FieldSpec("c", "choice", choices=("red", "green")), "blue", "red or green"),
        (FieldSpec("w", "when"), "yesterday", "past"),
        (FieldSpec("w", "when"), "blue", "When"),
    ],
)
def test_what_is_unclear_is_asked_again(field: FieldSpec, said: str, hint: str) -> None:
    with pytest.raises(Unclear, match=hint):
        convert(field, said, ZONE, NOW)


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        (FieldSpec("new_name"), "What is the new name?"),
        (FieldSpec("name", description="the task"), "What is the task?"),
        (FieldSpec("b", "boolean", description="the state"), "What is the state: yes or no?"),
        (FieldSpec("c", "choice", choices=("red", "green")), "What is the c (red or green)?"),
        (FieldSpec("w", "when", description="it due"), "When is it due?"),
    ],
)
def test_what_was_not_said_is_asked(field: FieldSpec, asked: str) -> None:
    assert question(field).startswith(asked)
