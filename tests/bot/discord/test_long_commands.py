"""Orders that take long: their reply grows, and everything else holds for them too."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.discord.drafts import STEP
from bot.framework.context import DASH, Context, Declined
from bot.framework.fields import When
from bot.framework.registry import CommandModule
from core.postgres import count
from tests.support.stage import Member, Stage

trips = CommandModule("trip", "Trips")


@trips.command("plan a trip to {place}", confirm="Plan a trip to {place}?")
async def plan(ctx: Context, place: str) -> AsyncIterator[str]:
    """Plan a trip."""
    for step in ("Looking for trains …", "Looking for trains …\nLooking for a bed …"):
        yield step
        await asyncio.sleep(1.5 * STEP)
    yield f"You are going to {place}."


@trips.command("book {place}", "book {place} {due}")
async def book(ctx: Context, place: str, due: When | None = None) -> AsyncIterator[str]:
    """Book a bed, where there is one."""
    yield "Asking …"
    if place == "nowhere":
        raise Declined("There is no bed.")
    yield f"Booked {place}{ctx.when(due)}."


@trips.command("note {thing}")
async def note(ctx: Context, thing: str) -> AsyncIterator[str]:
    """Note something, so that it can be taken back."""
    errand = await ctx.api.post("/api/errands", {"name": thing})

    async def forget() -> None:
        await ctx.api.delete(f"/api/errands/{errand['id']}")

    ctx.undoable("Forgotten.", forget)
    yield "Noted."


@trips.command("undo")
async def undo(ctx: Context) -> str:
    """Take the last change back."""
    return await ctx.take_back()


@pytest.fixture
async def ada(stage: Stage) -> Member:
    await stage.world.know(trips)
    await stage.restart(forget=False)
    member = stage.person("ada")
    await member.register("ada")
    return member


def states(stage: Stage, method: str = "PATCH") -> list[str]:
    return [
        str(request.json["content"])
        for request in stage.env.http_requests
        if request.method == method and "content" in (request.json or {})
    ]


async def test_its_progress_is_shown_in_one_message(stage: Stage, ada: Member) -> None:
    assert "Plan a trip to Rome?" in await ada.say("plan a trip to Rome")
    assert states(stage) == []
    assert await ada.say("yes") == "You are going to Rome."
    assert states(stage) == [
        "Looking for trains …\nLooking for a bed …",
        "You are going to Rome.",
    ]


async def test_it_is_not_begun_where_the_person_says_no(stage: Stage, ada: Member) -> None:
    await ada.say("plan a trip to Rome")
    assert "nothing was changed" in await ada.say("no")
    assert "Looking for trains …" not in states(stage, "POST")


async def test_by_a_slash_command_it_grows_too(stage: Stage, ada: Member) -> None:
    await ada.slash("trip plan", place="Rome")
    assert await ada.press("Yes") == "You are going to Rome."


async def test_what_ends_it_early_is_told_behind_what_was_shown(ada: Member) -> None:
    assert await ada.say("book nowhere") == "Asking …\nThere is no bed."


async def test_each_of_several_orders_is_answered(ada: Member) -> None:
    answer = await ada.say("book Rome, book nowhere and book Paris")
    assert answer == "Booked Rome.\nAsking …\nThere is no bed.\nBooked Paris."


async def test_its_change_may_be_taken_back(ada: Member) -> None:
    assert await ada.say("note milk") == "Noted."
    assert count("errands") == 1
    assert await ada.say("undo") == "Forgotten."
    assert count("errands") == 0


async def test_a_time_in_it_tells_which_zone_was_meant(ada: Member) -> None:
    answer = await ada.say("book Rome tomorrow at 5pm")
    assert answer.startswith(f"Booked Rome {DASH} tomorrow at 17:00 (UTC).\nI go by UTC time")
