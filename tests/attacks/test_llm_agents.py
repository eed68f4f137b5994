"""Attacks on what llm agents remember, spend and say: who must not read, pay or wait, does not."""

import asyncio
import threading

import pytest

from bot.recollection import NOTHING
from config.settings import Settings
from tests.support.chat import Person
from tests.support.llm import Llm, llm, talking, tell, tell_in_public
from tests.support.model_server import ModelServer, Request

__all__ = ["llm"]
SECRET = "I am getting divorced"


@pytest.fixture
def settings(model_server: ModelServer) -> Settings:
    """Settings with keys for the scripted model."""
    return talking(model_server)


def everything(request: Request) -> str:
    """All that the model was told."""
    return str(request.body)


# What is said in private


async def test_what_is_said_in_private_is_not_shown_in_public(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    brain = await llm()
    model_server.script = lambda request: "Noted."
    await tell(brain, stranger, SECRET)
    await tell_in_public(brain, stranger, "what do you know of me?")
    assert SECRET not in everything(model_server.requests[-1])
    await tell(brain, stranger, "what do you know of me?")
    shown = everything(model_server.requests[-1])
    assert SECRET in shown
    assert shown.count("what do you know of me?") == 2, "what was said in public follows"


async def test_nor_is_a_summary_of_it(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    brain = await llm(history=1, summarise=True)
    model_server.script = lambda request: "Noted." if len(request.messages) > 2 else SECRET
    for number in range(8):
        await tell(brain, stranger, f"{number}")
        while brain.is_summarising:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
    await tell(brain, stranger, "hello")
    assert SECRET in everything(model_server.requests[-1]), "a summary was made"
    await tell_in_public(brain, stranger, "hello")
    asked = [one for one in model_server.requests if "Ada: hello" in everything(one)]
    assert SECRET not in everything(asked[-1])


async def test_an_agent_may_be_told_to_share_it(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    brain = await llm(share_direct_messages=True)
    model_server.script = lambda request: "Noted."
    await tell(brain, stranger, SECRET)
    await tell_in_public(brain, stranger, "what do you know of me?")
    assert SECRET in everything(model_server.requests[-1])


async def test_what_was_said_before_being_forgotten_stays_forgotten(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    brain = await llm()
    other = await llm()  # the agent was changed: the one before finishes what it answers
    answering, go_on = threading.Event(), threading.Event()

    def answer(request: Request) -> str:
        answering.set()
        go_on.wait(10)
        return "Noted."

    model_server.script = answer
    under_way = asyncio.create_task(tell(brain, stranger, SECRET, channel_id="1"))
    await asyncio.to_thread(answering.wait, 10)
    assert NOTHING in await tell(other, stranger, "forget me", channel_id="2")
    go_on.set()
    await under_way
    await tell(other, stranger, "what do you know of me?", channel_id="2")
    assert SECRET not in everything(model_server.requests[-1])
