"""Replies that grow while they are written: one message that is edited, then the next."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.messages import Draft, Incoming, Outlet
from bot.text import DISCORD_LIMIT
from bot.transports.discord_drafts import EDIT_SECONDS
from tests.support.chat import World
from tests.support.stage import Beside, Member, Stage

MESSAGES = "/channels/*/messages"
MESSAGE = "/channels/*/messages/*"

Writing = Callable[[Draft], Awaitable[None]]


class Writer:
    """A brain that writes as the test says."""

    def __init__(self, world: World) -> None:
        self.registry = world.brain.registry
        self.suggestions = world.brain.suggestions
        self.writes: Writing = says("")

    async def handle(self, incoming: Incoming, outlet: Outlet) -> None:
        async with outlet.typing(), outlet.draft() as draft:
            await self.writes(draft)


def says(*texts: str, pause: float = 0.0) -> Writing:
    """Show one text after the other, with a pause behind each."""

    async def write(draft: Draft) -> None:
        for text in texts:
            await draft.show(text)
            await asyncio.sleep(pause)

    return write


@pytest.fixture
def writer(world: World) -> Writer:
    return Writer(world)


@pytest.fixture
async def beside(writer: Writer) -> AsyncIterator[Beside]:
    brain = Beside(lambda: writer)
    working = asyncio.create_task(brain.run())
    yield brain
    working.cancel()
    await asyncio.wait([working])


@pytest.fixture
def ada(stage: Stage) -> Member:
    return stage.person("ada")


def written(stage: Stage, method: str) -> list[str]:
    """What was sent (POST) or changed (PATCH), in order."""
    return [
        str(request.json["content"])
        for request in stage.env.http_requests
        if request.method == method and "/messages" in request.path
    ]


async def test_it_is_sent_once_and_edited_then(stage: Stage, writer: Writer, ada: Member) -> None:
    writer.writes = says("one", "one two", "one two three", pause=EDIT_SECONDS)
    assert await ada.say("go") == "one two three"
    assert written(stage, "POST") == ["one"]
    assert written(stage, "PATCH") == ["one two", "one two three"]


async def test_edits_keep_their_distance_and_the_last_text_stands(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    words = [f"word{n}" for n in range(100)]
    writer.writes = says(*(" ".join(words[: n + 1]) for n in range(100)), pause=0.04)
    began = time.monotonic()
    assert await ada.say("go") == " ".join(words)
    assert len(written(stage, "PATCH")) <= (time.monotonic() - began) / EDIT_SECONDS + 1
    assert len(written(stage, "POST")) == 1
