"""Attacks on what llm agents remember, spend and say: who must not read, pay or wait, does not."""

import asyncio
import threading
from datetime import timedelta
from uuid import uuid4

import pytest

from bot.api.memory import NOTHING
from config.settings import Settings
from core import usage
from core.postgres import count, select
from core.usage import Account, Limits, Spent
from core.usage.reservations import HELD, Reservation
from tests.support.chat import Person, World
from tests.support.llm import Llm, llm, talking, tell, tell_in_public
from tests.support.model_server import Answer, ModelServer, Request

__all__ = ["llm"]
SECRET = "I am getting divorced"


@pytest.fixture
def budget() -> int:
    """Tokens that a person may spend a day."""
    return 1_000_000


@pytest.fixture
def settings(model_server: ModelServer, budget: int) -> Settings:
    """Settings with keys for the scripted model."""
    return talking(model_server).model_copy(update={"model_tokens_per_user_day": budget})


def everything(request: Request) -> str:
    """All that the model was told."""
    return str(request.body)


# What is said in private


async def test_what_is_said_in_private_is_not_shown_in_public(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    agent = await llm()
    model_server.script = lambda request: "Noted."
    await tell(agent, stranger, SECRET)
    await tell_in_public(agent, stranger, "what do you know of me?")
    assert SECRET not in everything(model_server.requests[-1])
    await tell(agent, stranger, "what do you know of me?")
    shown = everything(model_server.requests[-1])
    assert SECRET in shown
    assert shown.count("what do you know of me?") == 2, "what was said in public follows"


async def test_nor_is_a_summary_of_it(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    agent = await llm(history=1, summarise=True)
    model_server.script = lambda request: "Noted." if len(request.messages) > 2 else SECRET
    for number in range(8):
        await tell(agent, stranger, f"{number}")
        while agent.is_summarising:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
    await tell(agent, stranger, "hello")
    assert SECRET in everything(model_server.requests[-1]), "a summary was made"
    await tell_in_public(agent, stranger, "hello")
    asked = [one for one in model_server.requests if "Ada: hello" in everything(one)]
    assert SECRET not in everything(asked[-1])


async def test_an_agent_may_be_told_to_share_it(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    agent = await llm(share_direct_messages=True)
    model_server.script = lambda request: "Noted."
    await tell(agent, stranger, SECRET)
    await tell_in_public(agent, stranger, "what do you know of me?")
    assert SECRET in everything(model_server.requests[-1])


async def test_what_was_said_before_being_forgotten_stays_forgotten(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    agent = await llm()
    other = await llm()  # the agent was changed: the one before finishes what it answers
    answering, renew = threading.Event(), threading.Event()

    def answer(request: Request) -> str:
        answering.set()
        renew.wait(10)
        return "Noted."

    model_server.script = answer
    under_way = asyncio.create_task(tell(agent, stranger, SECRET, channel_id="1"))
    await asyncio.to_thread(answering.wait, 10)
    assert NOTHING in await tell(other, stranger, "forget me", channel_id="2")
    renew.set()
    await under_way
    await tell(other, stranger, "what do you know of me?", channel_id="2")
    assert SECRET not in everything(model_server.requests[-1])


# Money


@pytest.mark.parametrize("budget", [50])
@pytest.mark.parametrize("logged_in", [False, True])
async def test_messages_at_the_same_moment_share_a_budget(
    llm: Llm, model_server: ModelServer, world: World, logged_in: bool
) -> None:
    person = await world.user("ada") if logged_in else world.person("4711")
    agent = await llm(tools=["errand"] if logged_in else [])
    model_server.script = lambda request: Answer("Fine.", delay=0.2)
    said = [tell(agent, person, "hello", channel_id=str(n)) for n in range(8)]
    await asyncio.gather(*said)
    assert len(model_server.requests) == 1
    assert sum("what you may spend" in reply for reply in person.replies) == 7


def test_what_a_dead_process_held_back_lapses(world: World) -> None:
    who, limits, now = Account("discord", "1"), Limits(tokens_per_user=50), world.clock()
    held = Reservation(uuid4(), 1000)
    assert usage.settle("a", [], [who], limits, now, [held]) == [None]
    assert usage.settle("a", [], [who], limits, now) == ["tokens"]
    assert usage.settle("a", [], [who], limits, now + HELD) == [None]
    usage.forget_old(now + timedelta(days=2))
    assert count("usage_reservations") == 0


def test_what_is_sent_again_is_counted_once(world: World) -> None:
    who, now = Account("discord", "1"), world.clock()
    held = Reservation(uuid4(), 1000)
    usage.settle("a", [], [who], Limits(), now, [held])
    spent = Spent(who, 7, reservation=held.id)
    usage.settle("a", [spent, spent], [], Limits(), now)
    usage.settle("a", [spent], [], Limits(), now)
    (row,) = select("account_usage")
    assert row["prompt_tokens"] == 7


async def test_who_was_answered_hears_nothing_of_the_costs_that_could_not_be_noted(
    llm: Llm, model_server: ModelServer, world: World, stranger: Person
) -> None:
    agent = await llm()
    model_server.replies(Answer("Fine.", delay=0.5), "Again.")
    answering = asyncio.create_task(tell(agent, stranger, "hello"))
    while not model_server.requests:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    async with world.api_away():
        assert await answering == "Fine."
    assert await tell(agent, stranger, "hello") == "Again."
    (row,) = select("account_usage")
    assert row["completion_tokens"] == 2, "both answers were noted in the end"
