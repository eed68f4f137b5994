"""The conversation over the API: the real bot, the real server, the real stream of events."""

import asyncio
import logging
import re
import sys

import aiohttp
import pytest

from bot import web
from bot.agent import Agent
from bot.messages import Incoming, ReplyChannel
from bot.runtime.worker import FAILED
from bot.web import NOT_THERE, OFFER_EXPIRED
from config.settings import ROOT
from core import postgres, users
from core.reminders import fire_due
from core.web_chats import INTERRUPTED
from tests.support.chat import World
from tests.support.people import PASSWORD
from tests.support.shop import Listening, shop
from tests.support.waiting import PATIENCE, until
from tests.support.web import WebUser, answering

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)

DOCUMENTATION = ROOT / "docs" / "chat.md"


async def token_of(world: World, name: str) -> str:
    """Make an account; return a token."""
    credentials = {"username": name, "password": PASSWORD}
    await world.api.request("POST", "/api/register", data=credentials)
    answer = await world.api.request("POST", "/api/login", data=credentials)
    return str(answer["token"])


async def user(world: World, name: str = "ada", agent: str = "default") -> WebUser:
    return WebUser(world.settings.api_url, await token_of(world, name), agent)


async def test_message_is_answered_as_everywhere_else(world: World) -> None:
    async with answering(world), (await user(world)).following() as ada:
        (reply,) = await ada.say("add tea to my errands")
        assert "Added" in reply["text"]
        assert [kind for kind, _ in ada.seen][-2:] == ["reply", "done"]
        assert ada.seen[0][0] in ("typing", "reply")
        (reply,) = await ada.say("show my errands")
        assert "tea" in reply["text"]


async def test_reminder_that_was_set_here_arrives_here(world: World) -> None:
    async with answering(world), (await user(world)).following() as ada:
        await ada.say("remind me of the errand call mum in 10 minutes")
        world.clock.forward(minutes=10)
        await asyncio.to_thread(fire_due, world.clock())
        delivery = await ada.wait_for("delivery")
        assert "call mum" in delivery["text"]
        done = next(button for button in delivery["buttons"] if "one" in button["label"])
        (reply,) = await ada.say(**done["send"])
        assert "call mum" in reply["text"]
        assert postgres.count("deliveries", {"state": "sent"}) == 1
        send = done["send"] | {"offer": 99}
        assert [one["text"] for one in await ada.say(**send)] == [OFFER_EXPIRED]


async def test_buttons_answer_the_question_that_they_stand_under(
    world: World, listening: Listening
) -> None:
    await world.know(shop, parser=listening)
    async with answering(world), (await user(world)).following() as ada:
        (question,) = await ada.say("close account 7")
        assert question["question"], question
        yes = question["buttons"][0]
        assert (yes["label"], yes["style"]) == ("Yes", "danger")
        assert [one["text"] for one in await ada.say(**yes["send"])] == ["Closed account 7."]
        (late,) = await ada.say(**yes["send"])
        assert "expired" in late["text"]


async def test_secret_is_asked_for_as_one_and_kept_nowhere(
    world: World, listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    await world.know(shop, parser=listening)
    caplog.set_level(logging.DEBUG)
    async with answering(world), (await user(world)).following() as ada:
        (question,) = await ada.say("pay 5")
        assert question["secret"]
        (reply,) = await ada.say(" 12 34", answers=question["question"], secret=True)
        assert reply["text"] == "Paid 5."
        assert not reply["secret"]
    assert "12 34" not in caplog.text
    assert postgres.count("web_chat_messages") == 0
    assert not any("12 34" in row["data"] for row in postgres.select("web_chat_events"))


async def test_late_secret_is_not_read_after_a_restart(world: World, listening: Listening) -> None:
    await world.know(shop, parser=listening)
    ada = await user(world)
    async with ada.following():
        async with answering(world, process="one"):
            await ada.say("pay 5")
        await world.know(shop, parser=listening)
        async with answering(world, process="two"):
            (reply,) = await ada.say(" 12 34")
            assert "haven't read" in reply["text"]
    assert " 12 34" not in listening.texts


async def test_messages_wait_for_the_bot_and_events_for_their_reader(world: World) -> None:
    ada = await user(world)
    status, posted = await ada.post("add tea to my errands")
    assert status == 201
    async with answering(world):
        await until(lambda: postgres.count("web_chat_messages") == 0)
    async with ada.following():  # only now
        assert "Added" in (await ada.replies_to(posted["id"]))[0]["text"]
    again = WebUser(ada.url, ada.headers["Authorization"].removeprefix("Bearer "))
    again.last = posted["after"]
    async with again.following():
        assert "Added" in (await again.replies_to(posted["id"]))[0]["text"]


async def test_api_that_restarts_loses_neither_messages_nor_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MIN_PAUSE", 0.02)
    began, go_on = asyncio.Event(), asyncio.Event()

    async def answer(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        began.set()
        await go_on.wait()
        await reply_channel.send(f"answer to {incoming.text}")

    ada = await user(world)
    async with answering(world, answer):
        _, first = await ada.post("one")
        _, second = await ada.post("two")
        await began.wait()
        async with world.api_away():
            go_on.set()
            await asyncio.sleep(0.05)
        async with ada.following():
            for posted, text in ((first, "one"), (second, "two")):
                (reply,) = await ada.replies_to(posted["id"])
                assert reply["text"] == f"answer to {text}"


async def test_bot_that_was_killed_says_so_when_another_goes_on(world: World) -> None:
    ada = await user(world)
    _, posted = await ada.post("one")
    where = {"process": "killed", "agents": [], "default": True}
    answer = await world.api.service("chat/claim", where)
    assert [one["id"] for one in answer["messages"]] == [posted["id"]]
    world.clock.forward(minutes=1)
    async with ada.following(), answering(world):
        (reply,) = await ada.replies_to(posted["id"])
        assert reply["text"] == INTERRUPTED


async def test_reply_grows_and_is_complete_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "EVERY", 0.0)
    monkeypatch.setattr(web, "MAX_TEXT", 40)
    seen = asyncio.Event()
    words = " ".join(f"word{number}" for number in range(12))

    async def answer(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        async with reply_channel.draft() as draft:
            await draft.show("word0")
            await asyncio.wait_for(seen.wait(), PATIENCE)
            await draft.show(words)

    async with answering(world, answer), (await user(world)).following() as ada:
        _, posted = await ada.post("go")
        growing = await ada.wait_for("reply", posted["id"])
        assert (growing["text"], growing["complete"]) == ("word0", False)
        seen.set()
        replies = await ada.replies_to(posted["id"])
        assert " ".join(reply["text"] for reply in replies) == words
        assert replies[0]["id"] == growing["id"]
        assert len(replies) == 2


async def test_one_that_fails_or_hangs_holds_up_nobody_else(world: World) -> None:
    never = asyncio.Event()

    async def answer(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        if incoming.text == "hang":
            await never.wait()
        if incoming.text == "fail":
            raise RuntimeError("no")
        await reply_channel.send("here")

    people = [await user(world, name) for name in ("ada", "ben", "cleo")]
    ada, ben, cleo = people
    async with ada.following(), ben.following(), cleo.following(), answering(world, answer):
        await ada.post("hang")
        assert [one["text"] for one in await ben.say("fail")] == [FAILED]
        assert [one["text"] for one in await cleo.say("hello")] == ["here"]
        assert all(kind == "typing" for kind, _ in ada.seen)
        never.set()


async def test_agent_that_is_gone_by_then_is_told(world: World) -> None:
    postgres.insert(
        "agents",
        {"name": "helper", "type": "echo", "token_ref": "env:X", "answers": {}, "settings": {}},
    )
    ada = await user(world, agent="helper")
    gone = False

    async def answer(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        await reply_channel.send(f"{incoming.address.agent}: {incoming.author_name}")

    async with ada.following(), answering(world, answer, default=False) as chat:
        assert [one["text"] for one in await ada.say("hello")] == ["helper: ada"]
        named = chat._agents()

        def agents() -> dict[str, Agent]:
            return {} if gone else dict(named)

        claim = chat._claim

        async def claim_and_lose_it() -> None:
            nonlocal gone
            await claim()
            gone = bool(chat._under_way)

        chat._agents, chat._claim = agents, claim_and_lose_it  # type: ignore[method-assign]
        assert [one["text"] for one in await ada.say("hello")] == [NOT_THERE]


async def test_client_of_the_documentation_works(world: World) -> None:
    (client,) = re.findall(r"```python\n(.*?)```", DOCUMENTATION.read_text("utf-8"), re.DOTALL)
    token = await token_of(world, "ada")
    arguments = [world.settings.api_url, token, "add tea to my errands"]
    async with answering(world):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", client, *arguments, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await asyncio.wait_for(process.communicate(), 10 * PATIENCE)
    assert process.returncode == 0
    assert said.startswith(b"Added")
    assert 10 <= len(client.splitlines()) <= 14


async def test_people_see_their_own_chat_alone(world: World) -> None:
    ada, ben = await user(world, "ada"), await user(world, "ben")
    async with answering(world), ada.following(), ben.following():
        await ada.say("add tea to my errands")
        await ben.say("hello")
        assert not any("tea" in str(data) for _, data in ben.seen)
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            ben.headers = headers
            assert (await ben.post("hello"))[0] == 401


async def test_log_in_elsewhere_is_not_needed_and_log_out_ends_streams(world: World) -> None:
    ada = await user(world)
    following = asyncio.create_task(ada.follow())
    async with answering(world):
        (reply,) = await ada.say("what is my user name?")
        assert "user name?" not in reply["text"].lower()
        uuid = postgres.select_one("users", {"username": "ada"})["id"]  # type: ignore[index]
        users.end_tokens(uuid)
        other = await user(world, "ben")
        await other.post("hello")  # which makes the streams look
        async with asyncio.timeout(PATIENCE):
            await following
        assert (await ada.post("hello"))[0] == 401


async def test_sixth_message_has_to_wait(world: World) -> None:
    ada = await user(world)
    statuses = [(await ada.post("hello"))[0] for _ in range(6)]
    assert statuses == [201] * 5 + [429]


async def test_streams_of_one_user_are_bounded(world: World) -> None:
    ada = await user(world)
    async with aiohttp.ClientSession() as http:
        answers = [await http.get(f"{ada.path}/events", headers=ada.headers) for _ in range(11)]
        assert [answer.status for answer in answers] == [200] * 10 + [429]
        for answer in answers:
            answer.close()
    async with (await user(world, "ben")).following() as ben, answering(world):
        assert await ben.say("hello")
