"""The fields of a command: from annotations, and from what was said."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import pytest

from ai.commands import Catalogue, FieldSpec, items
from ai.extraction.checks import check
from ai.sentences.matcher import Matcher
from ai.sentences.references import References
from bot import framework
from bot.framework.context import Context
from bot.framework.fields import (
    About,
    Many,
    Past,
    Secret,
    Unclear,
    Unit,
    When,
    convert,
    fields_of,
    question,
)
from bot.framework.registry import CommandModule
from tests.support.chat import Person, World

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


async def several(ctx: object, names: Many[str], tags: Many[str] | None = None) -> str:
    return ""


def test_a_field_may_hold_several_texts() -> None:
    assert fields_of(several) == (
        FieldSpec("names", many=True),
        FieldSpec("tags", required=False, many=True),
    )


async def several_numbers(ctx: object, numbers: Many[int]) -> str:
    return ""


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
        (several_numbers, "numbers"),
        (no_annotation, "name"),
        (numbers_to_choose, "size"),
        (two_types, "name"),
        (any_number, "names"),
        (lambda: None, "ctx: Context"),
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
        (FieldSpec("m", many=True), ["milk", " eggs "], ["milk", "eggs"]),
        (FieldSpec("m", many=True), "milk, eggs, and flour.", ["milk", "eggs", "flour"]),
        (FieldSpec("m", many=True), "milk and eggs & flour", ["milk", "eggs", "flour"]),
        (
            FieldSpec("m", many=True),
            "mac and cheese, milk and eggs",
            ["mac and cheese", "milk", "eggs"],
        ),
        (FieldSpec("m", many=True), '"mac and cheese", milk', ["mac and cheese", "milk"]),
        (FieldSpec("m", many=True), "milk\r\neggs;; flour,", ["milk", "eggs", "flour"]),
        (FieldSpec("m", many=True), "1,5 kg flour and sand", ["1,5 kg flour", "sand"]),
        (FieldSpec("m", many=True), "hand cream", ["hand cream"]),
        (FieldSpec("c", "choice", choices=("in_hand", "paid")), "in hand", "in_hand"),
        (FieldSpec("s", "secret"), " kept as it is ", " kept as it is "),
        *(
            (FieldSpec("d", "decimal"), said, Decimal(value))
            for said, value in (
                ("$4.20", "4.20"),
                ("3€", "3"),
                ("20 euros", "20"),
                ("5km", "5"),
                ("1,299.50", "1299.50"),
                ("€ 1.299,50", "1299.50"),
                ("-2,5", "-2.5"),
                ("- $3", "-3"),
                ("$-3", "-3"),
                (".5", "0.5"),
                ("fifty cents", "0.5"),
                ("twenty dollars", "20"),
                ("٣ €", "3"),
                (4.2, "4.2"),
                (7, "7"),
                ("1,234,567", "1234567"),
                ("80 KG", "80"),
                ("0,125 kg", "0.125"),
            )
        ),
        *(
            (FieldSpec("d", "decimal", unit=unit), said, Decimal(value))
            for unit, said, value in (
                ("km", "5", "5"),
                ("km", "5 km", "5"),
                ("km", "3 miles", "4.8280"),
                ("km", "800m", "0.8"),
                ("kg", "10 lbs", "4.5359"),
                ("kg", "10 pounds", "4.5359"),
                ("gbp", "10 pounds", "10"),
                ("eur", "50 cents", "0.5"),
                ("usd", "$4.20", "4.20"),
                ("m", "5 km", "5000"),
            )
        ),
        *(
            (FieldSpec("l", "duration"), said, timedelta(minutes=minutes))
            for said, minutes in (
                ("half an hour", 30),
                ("1h30", 90),
                ("1 hour 30 minutes", 90),
                ("90 min", 90),
                ("an hour and a half.", 90),
                ("2 days", 2880),
                ("0 minutes", 0),
            )
        ),
        *(
            (FieldSpec("d", "date", tense=tense), said, date(*day))
            for tense, said, day in (  # it is Monday
                ("any", "yesterday", (2030, 3, 3)),
                ("any", "the day before yesterday", (2030, 3, 2)),
                ("any", "last friday", (2030, 3, 1)),
                ("any", "last monday", (2030, 2, 25)),
                ("any", "on the 3rd", (2030, 3, 3)),
                ("any", "on the 28th", (2030, 2, 28)),
                ("any", "the 3rd of last month", (2030, 2, 3)),
                ("any", "today", (2030, 3, 4)),
                ("any", "friday", (2030, 3, 8)),
                ("any", "monday", (2030, 3, 4)),
                ("any", "now", (2030, 3, 4)),
                ("any", "friday last week", (2030, 3, 1)),
                ("any", "3 days ago", (2030, 3, 1)),
                ("any", "a week ago", (2030, 2, 25)),
                ("any", "2 months ago", (2030, 1, 4)),
                ("any", "christmas", (2029, 12, 25)),
                ("any", "29 february", (2032, 2, 29)),
                ("any", "12 May 1987", (1987, 5, 12)),
                ("any", "1987-05-12", (1987, 5, 12)),
                ("any", "tomorrow at 5pm", (2030, 3, 5)),
                ("any", "last night", (2030, 3, 3)),
                ("past", "friday", (2030, 3, 1)),
                ("past", "monday", (2030, 3, 4)),
                ("past", "the 28th", (2030, 2, 28)),
                ("past", "5 march", (2029, 3, 5)),
                ("future", "the 3rd", (2030, 4, 3)),
                ("future", "friday", (2030, 3, 8)),
                ("future", "today", (2030, 3, 4)),
            )
        ),
        *(
            (FieldSpec("w", "when", tense="past"), said, datetime(*moment, tzinfo=ZONE))
            for said, moment in (  # it is 13:00
                ("yesterday", (2030, 3, 3, 9)),
                ("yesterday at 5pm", (2030, 3, 3, 17)),
                ("at 8", (2030, 3, 4, 8)),
                ("at 1:30", (2030, 3, 4, 1, 30)),
                ("at 5pm", (2030, 3, 3, 17)),
                ("last friday at noon", (2030, 3, 1, 12)),
                ("friday", (2030, 3, 1, 9)),
                ("monday at 6pm", (2030, 2, 25, 18)),
                ("monday at 8", (2030, 3, 4, 8)),
                ("an hour ago", (2030, 3, 4, 12)),
                ("this morning", (2030, 3, 4, 9)),
                ("last night", (2030, 3, 3, 21)),
                ("2 days ago at 5pm", (2030, 3, 2, 17)),
                ("just now", (2030, 3, 4, 13)),
                ("on the 1st at 10", (2030, 3, 1, 10)),
            )
        ),
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
        (FieldSpec("m", many=True), " , ;", "What are the m"),
        (FieldSpec("m", many=True), ["x"] * 51, "At most 50"),
        (FieldSpec("m", many=True), [{"name": "x"}], "What are the m"),
        *(
            (FieldSpec("d", "decimal"), said, "an amount for the d")
            for said in (
                "1,000",
                "$",
                "",
                "5 apples",
                "4.20 $ 5",
                "nan",
                "1e400",
                "9" * 40,
                "$5€",
                "--5",
            )
        ),
        (FieldSpec("d", "decimal", unit="km"), "5 euros", "an amount in km for the d"),
        *(
            (FieldSpec("l", "duration"), said, "How long")
            for said in ("5", "soon", "2 months", "9" * 9 + " weeks")
        ),
        (FieldSpec("d", "date"), "soon", "When"),
        (FieldSpec("d", "date"), "last month", "When"),
        (FieldSpec("d", "date"), "2/3/2030", "past"),  # in the order of its zone
        (FieldSpec("d", "date"), "26/05/30", "which the year"),
        (FieldSpec("d", "date"), "31 february", "no such day"),
        (FieldSpec("d", "date"), "every day", "once"),
        (FieldSpec("d", "date", tense="past"), "tomorrow", "to come"),
        (FieldSpec("d", "date", tense="future"), "yesterday", "past"),
        (FieldSpec("w", "when", tense="past"), "in 5 minutes", "to come"),
        (FieldSpec("w", "when", tense="past"), "999999999 days ago", "years"),
        (FieldSpec("w", "when"), "yesterday", "past"),
        (FieldSpec("w", "when"), "last friday at 5pm", "past"),
        (FieldSpec("w", "when"), "12 may 1987", "past"),
        (FieldSpec("w", "when"), "blue", "When"),
    ],
)
def test_what_is_unclear_is_asked_again(field: FieldSpec, said: object, hint: str) -> None:
    with pytest.raises(Unclear, match=hint):
        convert(field, said, ZONE, NOW)


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        (FieldSpec("new_name"), "What is the new name?"),
        (FieldSpec("name", description="the task"), "What is the task?"),
        (FieldSpec("b", "boolean", description="the state"), "What is the state: yes or no?"),
        (FieldSpec("c", "choice", choices=("red", "green")), "What is the c (red or green)?"),
        (FieldSpec("m", description="the things", many=True), "What are the things?"),
        (FieldSpec("w", "when", description="it due"), "When is it due?"),
    ],
)
def test_what_was_not_said_is_asked(field: FieldSpec, asked: str) -> None:
    assert question(field).startswith(asked)


def test_a_long_row_is_read_soon() -> None:
    began = time.thread_time()
    for text in (" " * 4000, "and " * 1000, "a, " * 1300, '"a' * 2000, "\n" * 4000):
        items(text)
    assert time.thread_time() - began < 0.5


pantry = CommandModule("pantry", "Your pantry")


@pantry.command("add {things} [to the pantry]", "put {things} in the pantry by {due}")
async def add(ctx: Context, things: Many[str], due: When | None = None) -> str:
    """Add things to the pantry."""
    return f"Added {len(things)}."


@pantry.command("remove {things} [from the pantry]")
async def remove(ctx: Context, things: Many[str]) -> str:
    """Remove things from the pantry."""
    return ""


SHOWN = References(shown=("milk", "eggs", "flour"), kind="pantry")
LAST = References(last={"interaction_type": "pantry", "action": "add", "things": ["tea", "jam"]})


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("add milk, eggs and flour", {"things": ["milk", "eggs", "flour"]}),
        ("please add mac and cheese, milk to the pantry", {"things": ["mac and cheese", "milk"]}),
        ("add milk", {"things": ["milk"]}),
        (
            "add milk and eggs tomorrow at 5pm",
            {"things": ["milk", "eggs"], "due": "tomorrow at 5pm"},
        ),
        ("remove the first and the third", {"things": ["milk", "flour"]}),
        ("remove it", {"things": ["tea", "jam"]}),
    ],
)
def test_several_are_one_order_of_sentences_and_of_a_model(
    text: str, values: dict[str, Any]
) -> None:
    specs = Catalogue()
    specs.add(*(command.spec for command in pantry.commands.values()))
    references = LAST if text == "remove it" else SHOWN
    match = Matcher(specs).match(text, references)
    assert match is not None
    assert match.fields == values
    answer = {"interaction_type": "pantry", "action": match.spec.action, **values}
    known = [*references.shown, *map(str, (references.last or {}).values())]
    assert check(answer, match.spec, text, known) == (match.command, [], {})


async def test_several_reach_the_function(chat: Person, world: World) -> None:
    await world.know(pantry)
    assert await chat.say("add milk, eggs and flour") == "Added 3."


def test_the_package_has_all_that_the_author_of_a_domain_imports() -> None:
    assert {*framework.__all__} >= {
        "About", "CommandModule", "Context", "Declined", "Many", "Repeating", "Secret", "When",
        "pick",
    }  # fmt: skip
    assert framework.CommandModule is CommandModule


ledger = CommandModule("expense", "Your expenses")


@ledger.command("i spent {amount} on {what} [{day}]", "i spent {amount} [{day}]")
async def spend(
    ctx: Context, amount: Annotated[Decimal, Unit("eur")], what: str, day: date | None = None
) -> str:
    """Note an expense."""
    return f"{amount} {what} {day}"


@ledger.command("i ran {km} in {length} [{at}]")
async def ran(
    ctx: Context, km: Annotated[Decimal, Unit("km")], length: timedelta, at: Past | None = None
) -> str:
    """Note a run."""
    return f"{km} {length} {at and at.isoformat()}"


SPENT = {"amount": "3€", "what": "coffee", "day": "yesterday"}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("i spent 3€ on coffee yesterday", SPENT),
        (
            "I spent 20 euros on a hat on the 3rd",
            {"amount": "20 euros", "what": "a hat", "day": "on the 3rd"},
        ),
        ("i spent 50 cents on gum", {"amount": "50 cents", "what": "gum"}),
        ("i spent 4.20 last friday", {"amount": "4.20", "day": "last friday"}),
        ("i ran 5km in half an hour", {"km": "5km", "length": "half an hour"}),
        (
            "i ran 3 miles in 25 min yesterday at 8am",
            {"km": "3 miles", "length": "25 min", "at": "yesterday at 8am"},
        ),
        ("i spent 5 km on coffee", None),
        ("i ran 5 euros in half an hour", None),
    ],
)
def test_amounts_and_days_mean_the_same_in_sentences_and_from_a_model(
    text: str, values: dict[str, Any] | None
) -> None:
    specs = Catalogue()
    specs.add(*(command.spec for command in ledger.commands.values()))
    match = Matcher(specs).match(text)
    assert (match.fields if match else None) == values
    if match:
        answer = {"interaction_type": "expense", "action": match.spec.action, **match.fields}
        assert check(answer, match.spec, text) == (match.command, [], {})


async def test_amounts_and_days_reach_the_function(chat: Person, world: World) -> None:
    await world.know(ledger)
    await chat.say("my time zone is UTC")
    today = world.clock().date()
    assert await chat.say("i spent €4.20 on tea yesterday") == f"4.20 tea {today - timedelta(1)}"
    assert await chat.say("i ran 3 miles in 1h30") == "4.828 1:30:00 None"
