"""Handlers written as the documentation shows them: they may block, and say what they like."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.bot import apiRequest
from bot.framework.context import Message
from bot.framework.raw_handlers import NO_REPLY
from bot.messages import Session
from config.settings import serving_api
from core import auth, users
from tests.support.chat import Person, World
from tests.support.shop import Always, shop

Handler = Callable[[Message, Session, dict[str, Any]], Any]
PARSED = {"interaction_type": "raw", "action": "note"}


@pytest.fixture(autouse=True)
def _own_api(world: World) -> Iterator[None]:
    """The API of the test is that of the process."""
    port = int(world.settings.api_url.rpartition(":")[2])
    with serving_api("127.0.0.1", port):
        yield


async def know(world: World, handler: Handler) -> None:
    registry = await world.know(shop, parser=Always(PARSED))
    registry.register_module("raw", handler)


async def test_one_that_blocks_holds_up_nobody_else(world: World, chat: Person) -> None:
    renew = threading.Event()

    async def handler(message: Message, session: Session, parsed: dict[str, Any]) -> None:
        if session["username"] == "ada":
            renew.wait(20)
        await message.channel.send(f"Done for {session['username']}.")

    await know(world, handler)
    slow = asyncio.create_task(chat.say("note"))
    others = [await world.user(name) for name in ("ben", "cy", "dee")]
    began = time.monotonic()
    answers = await asyncio.gather(*(other.say("note") for other in others))
    assert answers == ["Done for ben.", "Done for cy.", "Done for dee."]
    assert time.monotonic() - began < 10
    assert not slow.done()
    renew.set()
    assert await slow == "Done for ada."


@pytest.mark.parametrize("junk", [None, 7, {"a": 1}, b"x", ""])
async def test_what_is_no_text_is_no_reply(world: World, chat: Person, junk: object) -> None:
    async def handler(message: Message, session: Session, parsed: dict[str, Any]) -> object:
        await message.channel.send(42)  # type: ignore[arg-type]
        return junk

    await know(world, handler)
    assert await chat.say("note") == "42"


@pytest.mark.parametrize("blank", [None, "", " \n"])
async def test_nobody_is_left_without_an_answer(
    world: World, chat: Person, blank: str | None
) -> None:
    async def handler(message: Message, session: Session, parsed: dict[str, Any]) -> object:
        return blank

    await know(world, handler)
    assert await chat.say("note") == NO_REPLY


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(1), KeyboardInterrupt()])
async def test_what_it_raises_ends_its_order_alone(
    world: World, chat: Person, error: BaseException
) -> None:
    async def handler(message: Message, session: Session, parsed: dict[str, Any]) -> None:
        raise error

    await know(world, handler)
    assert (await chat.say("note")).startswith("Something went wrong on my side")
    assert (await chat.say("help")).startswith("Talk to me")


async def test_one_that_is_no_coroutine_function_is_called_all_the_same(
    world: World, chat: Person
) -> None:
    await know(world, lambda message, session, parsed: f"Hello {session.username}.")
    assert await chat.say("note") == "Hello ada."


async def test_the_context_of_annotated_commands_is_there(world: World, chat: Person) -> None:
    async def handler(message: Message, session: Session, parsed: dict[str, Any]) -> str:
        ctx = message.context
        await ctx.api.post("/api/errands", {"name": "x"})
        rows = await ctx.api.get("/api/errands")
        return f"{rows[0]['name']} {await ctx.ask('What else?')}"

    await know(world, handler)
    assert await chat.say("note") == "What else?"
    assert await chat.say("nothing") == "x nothing"


async def test_a_refusal_is_told_where_the_handler_keeps_silent(world: World, chat: Person) -> None:
    async def handler(message: Message, session: Session, parsed: dict[str, Any]) -> None:
        _, status = apiRequest("post", "/api/errands", session["token"], {"name": ""})
        assert status >= 400

    await know(world, handler)
    assert "name" in await chat.say("note")


async def test_a_token_that_has_ended_is_renewed_once(world: World, chat: Person) -> None:
    statuses = []

    async def handler(message: Message, session: Session, parsed: dict[str, Any]) -> str:
        _, status = apiRequest("post", "/api/errands", session["token"], {"name": "x"})
        statuses.append(status)
        return "Done."

    await know(world, handler)
    assert await chat.say("note") == "Done."
    auth.end_sessions(users.get_user_uuid("ada"))
    assert await chat.say("note") == "Done."
    assert statuses == [201, 201]
    users.delete_user(users.get_user_uuid("ada"))
    assert "session has ended" in await chat.say("note")
