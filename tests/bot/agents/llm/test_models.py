"""People choose among the models that an agent allows, each for themselves."""

import pytest

from bot.agents.llm.models import ASKED
from bot.discord.slash_commands import commands_of
from core.agents import memory
from core.postgres import select
from core.users import delete_user
from tests.support.chat import AGENT, Person, World
from tests.support.llm import Llm, tell, tell_in_public
from tests.support.model_server import ModelServer


@pytest.fixture(autouse=True)
def echo(model_server: ModelServer) -> None:
    """The model says its name."""
    model_server.script = lambda request: str(request.body["model"])


async def test_a_choice_is_ones_own_everywhere_and_outlives_a_restart(
    llm: Llm, world: World
) -> None:
    agent = await llm(model="small", models=["large", "other"])
    ada, ben = world.person("ada"), world.person("ben")
    assert await tell(agent, ada, "hello") == "small"
    assert "large answers you" in await tell(agent, ada, "/model LARGE")
    assert await tell(agent, ada, "hello") == "large"
    assert await tell_in_public(agent, ada, "hello", channel_id="9") == "large"
    assert await tell(agent, ben, "hello") == "small"
    agent = await llm(model="small", models=["large", "other"])
    assert await tell(agent, ada, "hello") == "large"
    await tell(agent, ada, "use model default")
    assert await tell(agent, ada, "hello") == "small"
    assert select("agent_models") == []


async def test_what_can_be_chosen_is_told_with_its_price(llm: Llm, stranger: Person) -> None:
    agent = await llm(model="google/gemini-2.5-flash-lite", models=["large"], history=0)
    told = await tell(agent, stranger, "/model")
    assert told.startswith("google/gemini-2.5-flash-lite answers you.")
    assert "$0.1 to read and $0.4 to write a million tokens" in told
    assert "large: price not known" in told
    told = await tell(agent, stranger, "use model huge*")
    assert told.startswith("I have no model huge\\*.")
    assert await tell(agent, stranger, "model railways") == "google/gemini-2.5-flash-lite"
    await tell(agent, stranger, "use model large")
    assert await tell(agent, stranger, "hello") == "large", "without a history too"


async def test_a_model_that_is_no_longer_allowed_is_not_used(llm: Llm, stranger: Person) -> None:
    agent = await llm(model="small", models=["large", "other"])
    await tell(agent, stranger, "use model large")
    agent = await llm(model="small", models=["other"])
    assert await tell(agent, stranger, "hello") == "small"
    assert "small answers you" in await tell(agent, stranger, "which model?")
    only = await llm(model="small")
    assert await tell(only, stranger, "/model other") == "small", "it is a message like any other"


async def test_discord_offers_what_there_is_to_choose(llm: Llm) -> None:
    agent = await llm(model="small", models=["large"])
    (command,) = [one for one in commands_of(agent) if one["name"] == "model"]
    assert [choice["name"] for choice in command["options"][0]["choices"]] == ["small", "large"]
    assert "model" not in [one["name"] for one in commands_of(await llm())]


async def test_a_choice_goes_with_the_person_and_the_agent(
    llm: Llm, stranger: Person, world: World
) -> None:
    agent = await llm(model="small", models=["large"], tools=["errand"])
    await tell(agent, stranger, "use model large")
    await tell(agent, stranger, "forget me")
    assert select("agent_models") == []
    await stranger.register("ada")
    await tell(agent, stranger, "use model large")
    delete_user(select("users")[0]["id"])
    assert select("agent_models") == []
    await tell(agent, world.person("ben"), "use model large")
    memory.forget_agent(AGENT)
    assert select("agent_models") == []


def test_nothing_long_is_slow_to_read() -> None:
    for text in ("model " * 700, "use " * 1000, "model" + " " * 4000, "/model " + "x" * 4000):
        assert not ASKED.fullmatch(text.strip()) or text.strip() == "model"
