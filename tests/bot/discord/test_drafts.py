"""Replies that grow while they are written: one message that is edited, then the next."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.agent import Agent
from bot.discord import drafts
from bot.discord.drafts import EDITS, PERIOD, STEP, Pace
from bot.markdown import DISCORD_LIMIT
from bot.messages import Draft, Incoming, ReplyChannel
from tests.support.chat import World
from tests.support.stage import Beside, Member, Stage
from tests.support.waiting import until

MESSAGES = "/channels/*/messages"
MESSAGE = "/channels/*/messages/*"

Writing = Callable[[Draft], Awaitable[None]]


class Writer(Agent):
    """An agent that writes as the test says."""

    def __init__(self, world: World) -> None:
        self.registry = world.conversation.registry
        self.writes: Writing = says("")

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        async with reply_channel.typing(), reply_channel.draft() as draft:
            await self.writes(draft)


def says(*texts: str, pause: float = 0.0) -> Writing:
    """Show one text after the other, with a pause behind each."""

    async def write(draft: Draft) -> None:
        for text in texts:
            await draft.show(text)
            await asyncio.sleep(pause)

    return write


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show the beginning of a reply at once."""
    monkeypatch.setattr(drafts, "FIRST_SECONDS", 0.0)


@pytest.fixture
def writer(world: World) -> Writer:
    return Writer(world)


@pytest.fixture
async def beside(writer: Writer) -> AsyncIterator[Beside]:
    agent = Beside(lambda: writer)
    working = asyncio.create_task(agent.run())
    yield agent
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
    writer.writes = says("one", "one two", "one two three", pause=1.5 * STEP)
    assert await ada.say("go") == "one two three"
    assert written(stage, "POST") == ["one"]
    assert written(stage, "PATCH") == ["one two", "one two three"]


async def test_edits_keep_their_distance_and_the_last_text_is_shown_at_once(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    words = [f"word{n}" for n in range(100)]
    write = says(*(" ".join(words[: n + 1]) for n in range(100)), pause=0.04)
    written_at = list[float]()

    async def and_note_the_time(draft: Draft) -> None:
        await write(draft)
        written_at.append(time.monotonic())

    writer.writes = and_note_the_time
    began = time.monotonic()
    assert await ada.say("go") == " ".join(words)
    taken = time.monotonic() - began
    assert time.monotonic() - written_at[0] < STEP
    assert 3 <= len(written(stage, "PATCH")) <= taken / STEP + 1
    assert len(written(stage, "POST")) == 1


async def test_a_channel_sees_no_more_edits_than_discord_takes_whoever_is_answered() -> None:
    pace, turns = Pace(), list[float]()

    async def edit(*, is_last: bool) -> None:
        await pace.wait(1, is_last=is_last)
        turns.append(time.monotonic())

    pace.count(1)
    began = time.monotonic()
    await asyncio.gather(*(edit(is_last=n % 2 == 0) for n in range(6)))
    await pace.wait(2)  # another channel
    assert all(later - first >= PERIOD for first, later in zip(turns, turns[EDITS:], strict=False))
    assert time.monotonic() - began < 2 * PERIOD


async def test_nothing_that_is_shown_is_nothing_that_is_sent(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    writer.writes = says("", "  \n")
    assert await ada.say("go") == ""
    assert written(stage, "POST") == []


# Length


async def test_past_the_limit_it_goes_on_in_further_messages(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    words = [f"word{n:04}" for n in range(550)]
    writer.writes = says(
        *(" ".join(words[: n + 1]) for n in range(0, 550, 50)), " ".join(words), pause=0.3
    )
    await ada.say("go")
    assert [len(reply) for reply in ada.replies] == [1997, 1997, 953]
    assert " ".join(ada.replies).split() == words
    assert len(written(stage, "POST")) == 3
    assert all(len(text) <= DISCORD_LIMIT for text in written(stage, "PATCH"))


async def test_no_code_fence_is_open_in_any_state(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    code = "\n".join(f"line = {n}" for n in range(120))
    text = f"{'Words before it. ' * 60}\n\n```py\n{code}\n```\n\nand words behind it."
    writer.writes = says(*(text[:n] for n in range(100, len(text), 400)), text, pause=0.7)
    await ada.say("go")
    states = written(stage, "POST") + written(stage, "PATCH")
    assert len(states) > 4
    assert all(state.count("```") % 2 == 0 for state in states)
    first, fence = ada.replies
    assert first == ("Words before it. " * 60).strip()
    assert fence == f"```py\n{code}\n```\n\nand words behind it."


async def test_a_shorter_text_takes_further_messages_back(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    writer.writes = says("long " * 500, "short after all", pause=0.2)
    assert await ada.say("go") == "short after all"


@pytest.mark.usefixtures("at_once")
async def test_mentions_are_inert_in_edits_too(stage: Stage, writer: Writer, ada: Member) -> None:
    writer.writes = says("hello", "hello @everyone", pause=0.1)
    await ada.say("go")
    bodies = [r.json for r in stage.env.http_requests if "/messages" in r.path]
    assert len(bodies) == 2
    assert all(body["allowed_mentions"]["parse"] == [] for body in bodies)


# What fails


@pytest.mark.parametrize(("status", "code"), [(500, 0), (503, 0), (429, 0), (403, 50005)])
async def test_an_edit_that_fails_is_made_up_for_by_the_next(
    stage: Stage, writer: Writer, ada: Member, status: int, code: int
) -> None:
    async def write(draft: Draft) -> None:
        await draft.show("one")
        await asyncio.sleep(0.1)
        stage.env.inject_error("PATCH", MESSAGE, status=status, code=code)
        await draft.show("one two")
        await asyncio.sleep(STEP)
        await draft.show("one two three")

    writer.writes = write
    assert await ada.say("go") == "one two three"


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_last_edit_that_fails_becomes_a_new_message(
    stage: Stage, writer: Writer, ada: Member, status: int
) -> None:
    writer.writes = says("one", "one two", pause=0.1)
    stage.env.inject_error("PATCH", MESSAGE, status=status, times=None)
    assert await ada.say("go") == "one two"


async def test_further_messages_stay_behind_one_that_is_sent_anew(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    async def write(draft: Draft) -> None:
        await draft.show("a" * 1990 + " " + "b" * 100)
        await asyncio.sleep(0.2)
        stage.env.inject_error("PATCH", MESSAGE, status=500, times=None)
        await draft.show("c" + "a" * 1989 + " " + "b" * 100)

    writer.writes = write
    await ada.say("go")
    assert [reply[0] for reply in ada.replies] == ["c", "b"]


async def test_where_the_message_was_deleted_the_text_comes_in_a_new_one(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    async def write(draft: Draft) -> None:
        await draft.show("one")
        await ada.receives("one")
        await ada.latest.delete()
        await draft.show("one two")

    writer.writes = write
    assert await ada.say("go") == "one two"


async def test_a_person_who_blocked_the_bot_costs_a_line_in_the_log(
    stage: Stage, writer: Writer, ada: Member, caplog: pytest.LogCaptureFixture
) -> None:
    stage.env.inject_error("POST", MESSAGES, status=403, code=50007, times=None)
    writer.writes = says("one", "one two", pause=0.05)
    assert await ada.say("go") == ""
    assert "a reply was not sent: Discord answered 403 (code 50007)" in caplog.text


async def test_what_was_written_stands_where_the_writing_fails(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    async def write(draft: Draft) -> None:
        await draft.show("one")
        await asyncio.sleep(0.1)
        await draft.show("one two")
        raise KeyError("the writer's own")

    failed = asyncio.Event()

    async def handle(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        try:
            async with reply_channel.draft() as draft:
                await write(draft)
        except KeyError:
            failed.set()

    writer.handle = handle  # type: ignore[method-assign]
    assert await ada.say("go") == "one two"
    assert failed.is_set()


@pytest.mark.usefixtures("at_once")
async def test_being_cancelled_ends_it_at_once(stage: Stage, writer: Writer, ada: Member) -> None:
    ended = asyncio.Event()

    async def handle(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        async def write() -> None:
            async with reply_channel.draft() as draft:
                await draft.show("one")
                await asyncio.sleep(0.2)
                await draft.show("one two")
                await asyncio.sleep(10)

        writing = asyncio.create_task(write())
        await asyncio.sleep(0.4)
        writing.cancel()
        await asyncio.wait([writing])
        ended.set()

    writer.handle = handle  # type: ignore[method-assign]
    assert await ada.say("go") == "one"
    assert ended.is_set()


# Typing


async def test_it_shows_typing_until_there_is_something_to_read(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    def renewals() -> list[object]:
        """Find what has discord.py renew it every five seconds."""
        running = (task.get_coro() for task in asyncio.all_tasks())
        return [one for one in running if getattr(one, "__qualname__", "") == "Typing.do_typing"]

    async def write(draft: Draft) -> None:
        await asyncio.sleep(0.1)
        assert renewals()
        await draft.show("one")
        await until(lambda: not renewals())
        await draft.show("one two")

    writer.writes = write
    assert await ada.say("go") == "one two"
    paths = [(r.method, r.path.rpartition("/")[2]) for r in stage.env.http_requests]
    began = paths.index(("POST", "typing"))
    assert paths[began + 1 :].count(("POST", "typing")) == 0
    assert paths.index(("POST", "messages")) > began


# As the answer to a command


@pytest.mark.usefixtures("at_once")
async def test_the_answer_to_a_command_grows_too(stage: Stage, writer: Writer, ada: Member) -> None:
    writer.writes = says("one", "one two", pause=0.1)
    assert await ada.slash("help") == "one two"
    assert written(stage, "PATCH") == ["one two"]


async def test_in_a_server_it_grows_for_the_asker_alone(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    guild = stage.env.create_guild()
    channel = guild.create_text_channel("general")
    writer.writes = says("one", "long " * 500, pause=0.1)
    result = await guild.add_member(ada.user).slash(channel, "help")
    await stage.settle()
    assert result.response is not None
    answers = [result.response, *result.followups]
    assert [len(message.content) for message in answers] == [1999, 499]
    assert all(message.ephemeral for message in answers)
    assert channel.history() == []


async def test_a_short_answer_is_one_message_and_no_edit(
    stage: Stage, writer: Writer, ada: Member
) -> None:
    writer.writes = says("Hel", "Hello", pause=0.1)
    assert await ada.say("hello") == "Hello"
    assert written(stage, "PATCH") == []


async def test_to_finish_comes_before_to_grow() -> None:
    pace, loop = Pace(), asyncio.get_running_loop()
    growing = [asyncio.create_task(pace.wait(1)) for _ in range(8)]  # of other people's replies
    await asyncio.sleep(0.05)
    began = loop.time()
    await pace.wait(1, is_last=True)
    assert loop.time() - began < STEP
    for task in growing:
        task.cancel()
    await asyncio.wait(growing)
    began = loop.time()
    await asyncio.gather(*(pace.wait(1, is_last=True) for _ in range(3)))
    assert loop.time() - began < STEP, "turns that nobody took any more are free"
