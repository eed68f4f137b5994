"""What people may spend on the model: counted hard, told plainly, free for local sentences."""

import asyncio

import pytest
from pydantic import SecretStr

from config.settings import Settings, get_settings
from tests.support.chat import Person, World
from tests.support.model_server import ModelServer
from tests.support.waiting import Clock

ODD = "I really should call my mum"  # no sentence that is known by heart
ADD = {"interaction_type": "errand", "action": "add", "name": "call mum"}
OVER = "You have asked the language model as often as you may today."
AGAIN = "What I understand without it still works. I can ask it again tomorrow at 00:00."


@pytest.fixture
def settings(model_server: ModelServer) -> Settings:
    """A bot with a model, that may be asked twice a day."""
    return get_settings().model_copy(
        update={
            "openrouter_api_key": SecretStr("key"),
            "openrouter_base_url": model_server.base_url,
            "model_requests_per_user_day": 2,
        }
    )


async def test_over_the_limit_the_model_is_not_asked(
    model_server: ModelServer, chat: Person, clock: Clock
) -> None:
    model_server.replies(ADD, ADD, ADD)
    for _ in range(2):
        assert await chat.say(ODD) == "Added **call mum**."
    assert (await chat.say(ODD)).startswith(f"{OVER} {AGAIN}\n")
    assert len(model_server.requests) == 2
    assert await chat.say("add milk to my errands") == "Added **milk**."
    clock.forward(hours=12)
    assert await chat.say(ODD) == "Added **call mum**."


async def test_each_has_their_own_limit(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    model_server.replies(ADD, ADD, ADD)
    for _ in range(3):
        await chat.say(ODD)
    ben = await world.user("ben")
    assert await ben.say(ODD) == "Added **call mum**."


async def test_many_at_once_are_counted_exactly(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    model_server.replies(*[ADD] * 6)
    places = [world.person(chat.address.account_id, f"channel {number}") for number in range(6)]
    answers = await asyncio.gather(*(place.say(ODD) for place in places))
    assert sum(answer.startswith(OVER) for answer in answers) == 4
    assert len(model_server.requests) == 2


async def test_usage_is_told(model_server: ModelServer, chat: Person) -> None:
    model_server.replies(ADD)
    await chat.say(ODD)
    told = await chat.say("how much have I used today?")
    assert told.startswith("Today I have asked the language model 1 of 2 times for you, with ")
    assert " of 1,000,000 tokens" in told
    assert "I count from zero again tomorrow at 00:00." in told
    assert "with 0 of" not in told


async def test_without_the_api_no_model_is_asked(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    await chat.say("list my errands")
    async with world.api_away():
        assert "can't reach the service" in await chat.say(ODD)
    assert not model_server.requests
