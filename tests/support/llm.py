"""Agents that talk with the scripted model, for tests.

    agent = await llm(tools=("task",))
    assert await agent.person("4711").say("hello") == "Hello!"

Import the fixtures in a conftest, with those of tests.support.chat and tests.support.model_server.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

import ai.llm.clients.anthropic
import ai.llm.clients.openai  # noqa: F401 - now, and not beside the first test
from bot.agent import Agent, AgentConfig, Services
from bot.agents.llm import AGENT_TYPE
from bot.agents.llm.agent import LlmAgent
from bot.agents.llm.settings import LlmSettings
from bot.messages import Incoming
from bot.rules import Rules
from config.settings import Settings, get_settings
from tests.support.chat import AGENT, Person, World
from tests.support.model_server import ModelServer

Llm = Callable[..., Awaitable[LlmAgent]]
"""Gives the world's agent, or one of another `name`, the settings of an llm agent."""


def talking(model_server: ModelServer) -> Settings:
    """Return settings with keys for the scripted model."""
    return get_settings().model_copy(
        update={
            "openai_api_key": SecretStr("openai-key"),
            "openai_base_url": model_server.base_url,
            "anthropic_api_key": SecretStr("anthropic-key"),
            "anthropic_base_url": model_server.anthropic_url,
        }
    )


@pytest.fixture
async def llm(world: World) -> AsyncIterator[Llm]:
    """A way to make llm agents."""
    made: list[LlmAgent] = []

    async def make(name: str = AGENT, **settings: object) -> LlmAgent:
        config = AgentConfig(
            name, "llm", Rules(), LlmSettings.model_validate({"model": "m", **settings})
        )
        agent = AGENT_TYPE.make(config, Services(world.api, world.settings, world.clock))
        assert isinstance(agent, LlmAgent)
        made.append(agent)
        if name == AGENT:
            await world.conversation.close()
            world.conversation = agent.conversation
        return agent

    yield make
    for agent in made:
        await agent.close()


async def tell(
    agent: Agent,
    person: Person,
    text: str = "",
    *,
    agent_name: str = AGENT,
    channel_id: str = "dm",
    **more: Any,  # noqa: ANN401 - of Incoming
) -> str:
    """Write to an agent; return what it answers."""
    before = len(person.replies)
    address = replace(person.address, agent=agent_name)
    await person.world.answer(Incoming(address, channel_id, text, **more), person, agent)
    return "\n".join(person.replies[before:])


async def tell_in_public(
    agent: Agent,
    person: Person,
    text: str,
    author_name: str = "Ada",
    **more: Any,  # noqa: ANN401 - of Incoming
) -> str:
    """Write in a channel where others read along; return what the agent answers."""
    public = {"channel_name": "general", "private": False, "channel_id": "general"}
    return await tell(agent, person, text, author_name=author_name, **{**public, **more})
