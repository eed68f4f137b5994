"""Attacks by way of what people say: what raises, what takes long, and where a password may go."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL

from ai.commands import catalogue
from ai.sentences.matcher import matcher_of
from ai.sentences.references import References
from ai.times import resolve
from ai.times.recurrence import resolve_recurring
from ai.times.resolve import UnclearTime
from bot.agent import Agent, Services
from bot.agents.commands import make_agent
from bot.api.client import AWAY
from bot.api.sessions import Sessions
from bot.conversation.executor import FAILED
from bot.conversation.handler import MAX_LENGTH, TOO_LONG
from bot.dialogue import ASK_PRIVATELY, is_question, normalise
from bot.framework.lookup import containing, similar
from bot.framework.registry import load_commands
from bot.markdown import escape, split
from bot.messages import Incoming, ReplyChannel
from bot.runtime.inbox import UNREAD
from bot.runtime.worker import AgentWorker
from config.settings import Settings
from tests.support.chat import Person, World
from tests.support.llm import Llm, llm, talking, tell, tell_in_public
from tests.support.model_server import Answer, ModelServer
from tests.support.people import PASSWORD
from tests.support.shop import customer, listening

__all__ = ["customer", "listening", "llm"]

SECRET = "a horse that no battery staples"


@pytest.fixture
def settings(model_server: ModelServer) -> Settings:
    """Settings with keys for the scripted model."""
    return talking(model_server)


# What people say never raises

RAISING = [
    "on 3 ſeptember",
    "ſun",
    "ſaturday at 5",
    "every ſunday",
    "ın 5 mınutes",
    "İn 5 minutes",
    "in 3 wee\N{KELVIN SIGN}s",
    f"in {'9' * 400} days",
    f"in {'9' * 400}.5 hours",
    f"every {'9' * 400} days",
    f"{'9' * 3999}",
    "on the ٣rd",
    "at ٧:٣٠",
    "in ²³ days",
    "on ①",
    "2²",
    "\N{NULL}",
    "\N{RIGHT-TO-LEFT OVERRIDE}at 5",
    "\ud800 at 5",
]


@pytest.mark.parametrize("text", RAISING)
async def test_no_words_raise_and_none_are_taken_for_a_mistake_of_the_bots(
    customer: Person, text: str
) -> None:
    for said in (text, f"order pears for {text}", "deliver pears", text, "cancel"):
        assert (told := await customer.say(said))
        assert FAILED not in told


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("in ٣ hours", "in 3 hours"),
        ("on 3 ſeptember", "on 3 september"),
        ("ın 2 days", "in 2 days"),
    ],
)
async def test_digits_and_letters_of_other_scripts_mean_what_they_look_like(
    customer: Person, said: str, meant: str
) -> None:
    await customer.say(f"order tea for {meant}")  # and hear of the time zone, once
    for words in (said, meant):
        await customer.say(f"order tea for {words}")
    assert customer.replies[-2] == customer.replies[-1]


async def test_what_raises_beside_an_order_is_told_too(
    customer: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await customer.say("deliver pears")
    monkeypatch.setattr(world.conversation, "_is_superseded", lambda *_: 1 / 0)
    assert await customer.say("tomorrow") == FAILED


async def test_a_text_that_nobody_can_send_is_not_read(customer: Person) -> None:
    assert await customer.say("x" * (MAX_LENGTH + 1)) == TOO_LONG.format(most=MAX_LENGTH)


# What people say takes no time to speak of


def filled(part: str) -> str:
    return (part * MAX_LENGTH)[:MAX_LENGTH]


HOSTILE = [
    " ".join([("1h," * 12)[:33]] * 58),
    f"in{' ' * 3990}x",
    f"remind me to {filled('x ')[:3900]}",
    f"remind me to {filled('in 5 days ')[:3900]}",
    f"add {filled('and add ')[:300]}",
    f"make it {'no, ' * 28}",
    f"every {'mon and ' * 480}",
    *map(
        filled, ["1h,", "1h1h", "a ", "in 1 day ", "at 5 ", "every ", "mon,", "9", "9 ", " ", "\n"]
    ),
    *map(
        filled, ["add ", "add milk and ", "and ", "remind me to ", "in ", "tomorrow ", "1.1.", "x-"]
    ),
    *map(
        filled, ["\u0301\u0323", "a\u0301\u0323", "`", "](", "http://", "\\", "please ", "hey bot "]
    ),
    *map(filled, ["then ", "half past ", "one and a half ", "quarter of an ", "first of ", "no, "]),
    *map(
        filled, ["call mum at 5 and ", "complete the first and ", " to my errands", "make it ", "'"]
    ),
    *map(
        filled, ["5/", "-", "every other ", "ſ", "٣", "٣:٣٠ ", "İ", "8 tonight ", "# ", "1. ", "> "]
    ),
    *map(filled, ["15 minutes from ", "xmas ", "add a to my b list to my ", "snooze for 1h "]),
    *map(filled, ["alarm for 8 ", "x's done ", "no, 8:30 ", "20 minutes before 9 ", "until 7 "]),
    *map(filled, ["list of things to do ", "weekly on mon ", "every 5 minutes to x until "]),
]
SLOWEST_SECONDS = 0.15  # a third of that on a quiet machine


def seconds(work: Callable[[], object]) -> float:
    """How long something takes the processor, whoever else is at work."""

    def once() -> float:
        began = time.thread_time()
        with suppress(UnclearTime):
            work()
        return time.thread_time() - began

    return min(once() for _ in range(3))


def slowest(text: str) -> float:
    names = [text[:20], text, *(f"{number}{text}" for number in range(50))]
    zone, now = ZoneInfo("Europe/Berlin"), datetime(2030, 3, 4, tzinfo=UTC)
    return max(
        seconds(lambda: matcher.match_all(text, SOMETHING)),
        seconds(lambda: matcher.nearest(text)),
        seconds(lambda: resolve.resolve(text, zone, now)),
        seconds(lambda: resolve.find(text)),
        seconds(lambda: resolve_recurring(text, zone, now)),
        seconds(lambda: (containing(text, names), similar(text, names))),
        seconds(lambda: escape(text)),
        seconds(lambda: split(escape(text))),
        seconds(lambda: (normalise(text), is_question(text))),
    )


load_commands()
matcher = matcher_of(catalogue)
SOMETHING = References({"interaction_type": "errand", "action": "show"}, ("milk", "eggs"), "errand")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_takes_long(text: str) -> None:
    assert slowest(text) < SLOWEST_SECONDS


# fmt: off
WORDS = st.sampled_from([
    "1h,", "1h", "at", "5", "5pm", "in", "a", "half", "past", "quarter", "to", "tomorrow", "every",
    "monday", "and", "then", "add", "remind", "my", "list", "errands", "milk", "**", "||", "```",
    "[", "](", "\\", ",", ".", ":", "-", "'", "?", "3rd", "of", "next", "week", "first", "it",
    "complete", "delete", "before", "from", "twenty-five", "for",
])
# fmt: on


@given(st.lists(WORDS | st.text(max_size=5), max_size=300), st.sampled_from(["", " ", "\n"]))
@hypothesis.settings(max_examples=20)
def test_no_words_take_long(words: list[str], between: str) -> None:
    text = between.join(words)
    assert slowest((text * 20)[:MAX_LENGTH]) < SLOWEST_SECONDS


def test_a_thousand_long_names_are_looked_through_in_no_time() -> None:
    names = [f"{number}{'ab c' * 2500}" for number in range(1000)]
    assert seconds(lambda: (containing(names[5], names), similar(names[5], names))) < 0.2


# A password that comes after a restart


class Household:
    """What may have kept a secret: the database, the logs, the model and the memory."""

    def __init__(self, files: Path, caplog: pytest.LogCaptureFixture, model: ModelServer) -> None:
        self.files, self.caplog, self.model = files, caplog, model

    def knows(self, secret: str) -> bool:
        stored = any(secret.encode() in file.read_bytes() for file in self.files.iterdir())
        return stored or secret in self.caplog.text or bool(self.model.requests)


@pytest.fixture
def household(
    database_url: URL, caplog: pytest.LogCaptureFixture, model_server: ModelServer
) -> Iterator[Household]:
    caplog.set_level("DEBUG")
    yield Household(Path(str(database_url.database)).parent, caplog, model_server)


async def test_a_password_after_a_restart_is_not_read(
    world: World, stranger: Person, household: Household
) -> None:
    for text in ("hello", "ada"):
        await stranger.say(text)
    await world.restart()
    assert await stranger.say(SECRET) == UNREAD
    assert not household.knows(SECRET)
    assert "user name" in await stranger.say("hello")


async def test_a_password_in_place_of_a_name_after_a_restart_is_not_read_either(
    world: World, chat: Person
) -> None:
    await chat.say("change my password")
    await world.restart()
    assert await chat.say(SECRET) == UNREAD
    assert await chat.say("add milk to my errands") == "Added **milk**."


async def test_a_password_after_the_agent_was_changed_is_not_shown_to_its_model(
    llm: Llm, stranger: Person, household: Household
) -> None:
    await llm(tools=["errand", "account"])
    await stranger.say("log in")
    await stranger.say("ada")
    await llm(tools=["errand"])
    assert await stranger.say(SECRET) == UNREAD
    assert not household.knows(SECRET)


async def test_a_command_agent_that_becomes_an_llm_agent_does_not_read_it_either(
    llm: Llm, stranger: Person, household: Household
) -> None:
    await stranger.say("register")
    await stranger.say("ada")
    await llm()
    assert await stranger.say(SECRET) == UNREAD
    assert not household.knows(SECRET)


class Repeats(Agent):
    """An agent of somebody's own, which knows nothing of secrets."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        self.heard.append(incoming.text)
        await reply_channel.send(incoming.text)

    async def close(self) -> None: ...


async def test_no_agent_that_takes_the_place_of_another_reads_it(
    world: World, stranger: Person, household: Household
) -> None:
    services, repeats = Services(world.api, world.settings, world.clock), Repeats()
    worker = AgentWorker(stranger.address.agent, services, [].append)

    async def say(text: str, **more: bool) -> list[str]:
        before = len(stranger.replies)
        await worker.handle(Incoming(stranger.address, "dm", text, **more), stranger)
        return stranger.replies[before:]

    try:
        await worker.take(lambda own: make_agent(own.api, own.settings, own.clock))
        await say("log in")
        await say("ada")
        await worker.take(lambda _: repeats)
        assert await say(SECRET, edited=True) == []
        async with world.api_away():
            assert await say(SECRET) == [AWAY]
        assert await say(SECRET) == [UNREAD]
        assert repeats.heard == []
        assert await say("hello") == ["hello"]
        assert not household.knows(SECRET)
    finally:
        await worker.close()


async def test_a_password_after_a_refused_log_in_is_not_shown_to_a_model(
    llm: Llm, stranger: Person, household: Household
) -> None:
    await llm(tools=["errand"])
    for text in ("log in", "ada", "not the password"):
        told = await stranger.say(text)
    assert "don't belong together" in told
    assert await stranger.say(SECRET) == UNREAD
    assert not household.knows(SECRET)


async def test_a_corrected_message_is_not_taken_for_the_secret(
    world: World, stranger: Person
) -> None:
    await stranger.say("hello")
    await stranger.say("ada")
    await world.restart()
    assert await tell(world.conversation, stranger, SECRET, edited=True) == ""
    assert await stranger.say(SECRET) == UNREAD


async def test_a_secret_is_waited_for_no_longer_than_that(world: World, stranger: Person) -> None:
    await stranger.say("hello")
    await stranger.say("ada")
    await world.restart()
    world.clock.forward(hours=2)
    assert "user name" in await stranger.say("hello")


async def test_nothing_is_read_where_nobody_can_say_whether_it_is_a_secret(
    world: World, stranger: Person, household: Household
) -> None:
    await stranger.say("hello")
    await stranger.say("ada")
    await world.restart()
    async with world.api_away():
        assert await stranger.say(SECRET) == AWAY
    assert await stranger.say(SECRET) == UNREAD
    assert not household.knows(SECRET)


async def test_a_secret_is_not_asked_for_where_that_can_not_be_noted(
    world: World, chat: Person
) -> None:
    async with world.api_away():
        assert await chat.say("change my password") == AWAY


async def test_an_answered_question_is_closed(world: World, stranger: Person) -> None:
    await stranger.register("ada")
    await world.restart()
    assert "Added" in await stranger.say("add milk to my errands")


async def test_one_persons_question_closes_nobody_elses_mouth(
    world: World, stranger: Person, chat: Person
) -> None:
    await stranger.say("hello")
    await stranger.say("ben")
    await world.restart()
    answers = await asyncio.gather(stranger.say(SECRET), chat.say("add milk to my errands"))
    assert answers == [UNREAD, "Added **milk**."]


async def test_the_terminal_sends_its_own_hello_without_opening_the_question(
    world: World, stranger: Person
) -> None:
    await stranger.say("hello")
    await stranger.say("ada")
    await world.restart()
    await world.answer(Incoming(stranger.address, "dm", "hello", starts_new=True), stranger)
    assert await stranger.say(SECRET) == UNREAD


# A secret is asked for in private only


@pytest.mark.parametrize("order", ["change my password", "delete my account"])
async def test_no_command_asks_for_a_secret_in_public(
    world: World, chat: Person, order: str
) -> None:
    assert await tell_in_public(world.conversation, chat, order) == ASK_PRIVATELY
    assert chat.secrets_expected == 1  # at the registration


async def test_no_tool_of_a_model_asks_for_a_secret_in_public(
    llm: Llm, stranger: Person, model_server: ModelServer
) -> None:
    agent = await llm(tools=["account"])
    await stranger.register("ada")
    model_server.replies(Answer(calls=[("account_change_password", {})]))
    assert await tell_in_public(agent, stranger, "change my password") == ASK_PRIVATELY


async def test_a_question_that_began_in_private_does_not_go_on_in_public(
    world: World, chat: Person
) -> None:
    order = {"interaction_type": "account", "action": "change_password"}
    await tell(
        world.conversation, chat, "/account", order=order, starts_new=True, channel_id="general"
    )
    assert await tell_in_public(world.conversation, chat, PASSWORD) == (
        f"Please delete your message now, so that your current password does not stay in this "
        f"chat.\n{ASK_PRIVATELY}"
    )


# A log-out while the session is being renewed


async def test_a_log_out_during_a_renewal_stays_one(
    world: World, chat: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = Sessions(world.api, world.clock)
    answered, renew = asyncio.Event(), asyncio.Event()
    fetch = sessions._fetch

    async def slow(addresses: list[object]) -> object:
        answer = await fetch(addresses)
        answered.set()
        await renew.wait()
        return answer

    monkeypatch.setattr(sessions._renewals, "_send", slow)
    renewal = asyncio.create_task(sessions.get(chat.address))
    await answered.wait()
    await sessions.close(chat.address)
    renew.set()
    assert await renewal is None
    assert sessions.known(chat.address) is None
