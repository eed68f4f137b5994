"""An agent that an administrator tries: made for their messages, and gone without a trace."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from bot import trials as bot_trials
from bot.api.client import ApiError
from core import postgres, web_chats
from core.agents import memory
from core.agents.tables import ChatAddress
from core.reminders import fire_due
from core.users import set_role
from core.web_chats import trials
from tests.bot.test_web import user
from tests.support.chat import World
from tests.support.databases import on_sqlite
from tests.support.waiting import PATIENCE
from tests.support.web import WebUser, answering

pytestmark = on_sqlite


async def begin(admin: WebUser, **definition: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401
    """Ask for a trial; return the status and the answer."""
    async with (
        aiohttp.ClientSession(headers=admin.headers) as http,
        http.put(f"{admin.url}/api/trial", json={"type": "echo", **definition}) as answer,
    ):
        return answer.status, await answer.json()


@asynccontextmanager
async def trying(world: World, name: str = "ada", **definition: object) -> AsyncIterator[WebUser]:
    """Follow the trial of an administrator."""
    admin = await user(world, name)
    await asyncio.to_thread(set_role, name, "admin")
    status, begun = await begin(admin, **definition)
    assert status == 200, begun
    async with again(admin, begun["agent"]) as on_trial:
        yield on_trial


def owner(one: WebUser) -> str:
    """Return the id of who has a trial."""
    return str(UUID(one.agent.removeprefix(trials.PREFIX)))


async def end(one: WebUser, world: World) -> None:
    """End a trial."""
    await asyncio.to_thread(trials.end, UUID(owner(one)), world.clock())


def again(one: WebUser, agent: str) -> AbstractAsyncContextManager[WebUser]:
    """Follow another chat of the same person."""
    token = one.headers["Authorization"].removeprefix("Bearer ")
    return WebUser(one.url, token, agent).following()


async def test_settings_are_tried_and_changed_without_being_saved(world: World) -> None:
    async with answering(world), trying(world, settings={"prefix": "Hm: "}) as ada:
        assert [said["text"] for said in await ada.say("hello")] == ["Hm: hello"]
        assert (await begin(ada, settings={"prefix": "So: "}))[0] == 200
        async with again(ada, ada.agent) as chat:
            assert [said["text"] for said in await chat.say("hello")] == ["So: hello"]
    async with answering(world, process="two"), again(ada, ada.agent) as chat:
        assert [said["text"] for said in await chat.say("hello")] == ["So: hello"]
    assert not await asyncio.to_thread(postgres.count, "agents")


async def test_what_it_does_is_its_administrators_and_the_rest_goes_with_it(world: World) -> None:
    async with answering(world), trying(world, type="commands") as ada:
        await ada.say("remind me of the errand call mum in 10 minutes")
        world.clock.forward(minutes=10)
        await asyncio.to_thread(fire_due, world.clock())
        assert "call mum" in (await ada.wait_for("delivery"))["text"]
        async with (
            aiohttp.ClientSession(headers=ada.headers) as http,
            http.delete(f"{ada.url}/api/trial") as answer,
        ):
            assert answer.status == 200
        assert await ada.post("hello") == (404, {"error": web_chats.TRIAL_OVER})
    named = {"agent": ada.agent}
    for table in ("web_chats", "chat_accounts", "agent_turns"):
        assert not await asyncio.to_thread(postgres.count, table, named)
    assert await asyncio.to_thread(postgres.count, "errands") == 1


@pytest.mark.parametrize("ends", ["before it is due", "while it waits"])
async def test_a_reminder_of_a_trial_that_is_over_comes_to_the_chat_that_stays(
    world: World, ends: str
) -> None:
    async with answering(world), trying(world, type="commands") as ada:
        await ada.say("remind me of the errand call mum in 10 minutes")
    if ends == "before it is due":
        await end(ada, world)
    world.clock.forward(minutes=10)
    await asyncio.to_thread(fire_due, world.clock())
    if ends == "while it waits":
        await end(ada, world)
    async with answering(world), again(ada, "default") as chat:
        assert "call mum" in (await chat.wait_for("delivery"))["text"]


async def test_a_reminder_comes_though_the_bot_was_started_again(world: World) -> None:
    async with answering(world), trying(world, type="commands") as ada:
        await ada.say("remind me of the errand call mum in 10 minutes")
    world.clock.forward(minutes=10)
    await asyncio.to_thread(fire_due, world.clock())
    async with answering(world, process="two"), again(ada, ada.agent) as chat:
        assert "call mum" in (await chat.wait_for("delivery"))["text"]


async def test_what_is_said_and_learnt_after_the_end_is_nowhere(world: World) -> None:
    async with answering(world), trying(world) as ada:
        await ada.say("hello")
        said = {"id": str(uuid4()), "text": "late"}
        late = {"agent": ada.agent, "user_uuid": owner(ada), "said": said}
        place = ChatAddress("web", ada.agent, owner(ada))
        known = await asyncio.to_thread(memory.read, place, world.clock())
        turn = memory.Turn("user", "late")
        learn = partial(memory.append, place, [turn], times_forgotten=known.times_forgotten)
        await end(ada, world)
        with pytest.raises(ApiError):
            await world.api.service("chat/say", late)
        assert not await asyncio.to_thread(learn, now=world.clock())
        assert not await asyncio.to_thread(postgres.count, "web_chats")
        assert not await asyncio.to_thread(postgres.count, "agent_turns")
        assert (await begin(ada))[0] == 200
        async with again(ada, ada.agent) as chat:  # neither is it said in the next one
            await chat.say("hello")
            answer = {"id": str(uuid4()), "text": "late", "message": str(uuid4())}
            with pytest.raises(ApiError):
                await world.api.service("chat/say", late | {"said": answer})


async def test_the_bot_closes_what_has_ended(world: World) -> None:
    async with answering(world) as chat, trying(world) as ada:
        await ada.say("hello")
        (thread,) = [one for one in threading.enumerate() if one.name == f"agent {ada.agent}"]
        await end(ada, world)
        async with again(ada, "default") as other:
            await other.say("show my errands")  # it asks the API again
        await asyncio.to_thread(thread.join, PATIENCE)
        assert not thread.is_alive()
        assert not chat.trials.names


async def test_what_cannot_start_says_why(world: World) -> None:
    async with answering(world), trying(world, settings={"prefix": "x"}) as ada:
        broken = {"settings": '{"prefix": 7}'}
        await asyncio.to_thread(postgres.update, "agent_trials", broken, {"type": "echo"})
        (said,) = await ada.say("hello")
        assert said["text"].startswith("I can't start with these settings: ")
        assert (await begin(ada, settings={"prefix": 7}))[0] == 400
        assert (await begin(ada, type="nothing"))[0] == 400


async def test_nobody_else_gets_there(world: World) -> None:
    async with answering(world), trying(world) as ada:
        eve = await user(world, "eve")
        assert (await begin(eve))[0] == 403
        stranger = WebUser(eve.url, "", ada.agent)
        stranger.headers = eve.headers
        assert (await stranger.post("hello"))[0] == 404
        await asyncio.to_thread(set_role, "eve", "admin")
        assert (await stranger.post("hello"))[0] == 404
        await asyncio.to_thread(set_role, "ada", "user")
        assert (await ada.post("hello"))[0] in (401, 404)


async def test_it_ends_an_hour_after_the_last_message(world: World) -> None:
    async with answering(world), trying(world) as ada:
        world.clock.forward(minutes=50)
        assert await ada.say("hello")
        world.clock.forward(minutes=50)
        await asyncio.to_thread(trials.forget_old, world.clock())
        assert await ada.say("hello")
        world.clock.forward(minutes=61)
        assert (await ada.post("hello"))[0] == 404
        await asyncio.to_thread(trials.forget_old, world.clock())
        assert not await asyncio.to_thread(postgres.count, "agent_trials")


async def test_so_many_are_made_at_the_same_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot_trials, "MAX_TRIALS", 1)
    monkeypatch.setattr(trials, "MAX_TRIALS", 2)
    async with (
        answering(world),
        trying(world, "ada", settings={"prefix": "A "}) as ada,
        trying(world, "bob", settings={"prefix": "B "}) as bob,
    ):
        for _ in range(2):
            assert [said["text"] for said in await ada.say("hello")] == ["A hello"]
            assert [said["text"] for said in await bob.say("hello")] == ["B hello"]
        eve = await user(world, "eve")
        await asyncio.to_thread(set_role, "eve", "admin")
        status, told = await begin(eve)
        assert (status, "try agents already" in told["error"]) == (429, True)
