"""What people and agents may spend, also people who never log in."""

import pytest

from config.settings import Settings
from core.postgres import select
from tests.support.chat import Person, World
from tests.support.llm import Llm, talking, tell
from tests.support.model_server import Answer, ModelServer
from tests.support.waiting import Clock

OVER = "You have asked the language model as often as you may today."
AGENT_OVER = "I have used what I may spend on the language model today."


@pytest.fixture
def settings(model_server: ModelServer) -> Settings:
    """Two requests a day."""
    return talking(model_server).model_copy(update={"model_requests_per_user_day": 2})


@pytest.fixture(autouse=True)
def hello(model_server: ModelServer) -> None:
    """The model always answers the same."""
    model_server.script = lambda _: "Hello to you."


async def test_a_stranger_has_the_limit_of_a_user(
    llm: Llm, model_server: ModelServer, world: World, clock: Clock
) -> None:
    agent = await llm()
    ada, ben = world.person("ada"), world.person("ben")
    for _ in range(2):
        assert await tell(agent, ada, "hello") == "Hello to you."
    assert (await tell(agent, ada, "hello")).startswith(OVER)
    assert len(model_server.requests) == 2
    assert await tell(agent, ben, "hello") == "Hello to you."
    clock.forward(hours=12)
    assert await tell(agent, ada, "hello") == "Hello to you."


async def test_a_strangers_limit_holds_over_all_agents(llm: Llm, stranger: Person) -> None:
    agent, other = await llm(), await llm("other-bot")
    for _ in range(2):
        await tell(agent, stranger, "hello")
    assert (await tell(other, stranger, "hello", agent_name="other-bot")).startswith(OVER)


async def test_an_agent_has_a_limit_of_its_own(llm: Llm, world: World) -> None:
    agent, other = await llm(tokens_per_day=5), await llm("other-bot", tokens_per_day=1000)
    ada, ben = world.person("ada"), world.person("ben")
    assert await tell(agent, ada, "hello") == "Hello to you."
    assert (await tell(agent, ben, "hello")).startswith(AGENT_OVER)
    assert await tell(other, ben, "hello", agent_name="other-bot") == "Hello to you."


async def test_what_was_spent_is_noted(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    await llm()
    await stranger.say("hello")
    (row,) = select("account_usage")
    assert (row["requests"], row["prompt_tokens"], row["completion_tokens"]) == (
        1,
        model_server.requests[0].words,
        3,
    )


async def test_what_broke_off_is_noted_by_estimate(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    await llm()
    model_server.replies(Answer("one two three four five six", breaks_after=5))
    await stranger.say("hello")
    (row,) = select("account_usage")
    assert row["prompt_tokens"] > 20
    assert row["completion_tokens"] > 0


async def test_a_server_that_tells_no_cost_is_estimated(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    await llm()
    refused = Answer("unknown parameter: stream_options", status=400)
    model_server.replies(refused, "one two three four")
    assert await stranger.say("hello") == "one two three four"
    (row,) = select("account_usage")
    assert row["completion_tokens"] == 5  # eighteen characters
