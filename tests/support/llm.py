"""Agents that talk with the scripted model, for tests.

    agent = await llm(tools=("task",))
    assert await agent.person("4711").say("hello") == "Hello!"

Import the fixtures in a conftest, with those of tests.support.chat and tests.support.model_server.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from pydantic import SecretStr

from bot.agents.llm import BRAIN
from bot.brains import AgentConfig, Services
from bot.chatting import ChatBrain
from bot.llm_settings import LlmSettings
from bot.rules import Rules
from config.settings import Settings, get_settings
from tests.support.chat import AGENT, World
from tests.support.model_server import ModelServer

Llm = Callable[..., Awaitable[ChatBrain]]
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
    made: list[ChatBrain] = []

    async def make(name: str = AGENT, **settings: object) -> ChatBrain:
        config = AgentConfig(
            name, "llm", Rules(), LlmSettings.model_validate({"model": "m", **settings})
        )
        brain = BRAIN.make(config, Services(world.api, world.settings, world.clock))
        assert isinstance(brain, ChatBrain)
        made.append(brain)
        if name == AGENT:
            await world.brain.close()
            world.brain = brain
        return brain

    yield make
    for brain in made:
        await brain.close()
