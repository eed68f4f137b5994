"""What an llm agent says where a key or a package is missing."""

import subprocess
import sys

import pytest

from bot.agent import AgentConfig, AgentError, Services
from bot.agents.llm import AGENT_TYPE
from bot.agents.llm.settings import LlmSettings
from bot.rules import Rules
from config.settings import ROOT, Settings, get_settings
from tests.support.chat import Person, World
from tests.support.llm import Llm, tell
from tests.support.model_server import ModelServer

WITHOUT_PACKAGE = """
import asyncio
import sys

sys.modules["anthropic"] = None  # as where it is not installed

from bot.agents.llm import AGENT_TYPE
from bot.api.client import ApiClient
from bot.agent import AgentConfig, Services
from bot.agents.llm.settings import LlmSettings
from bot.rules import Rules
from config.settings import get_settings


async def main():
    api = ApiClient("http://127.0.0.1:9", "key")
    settings = LlmSettings(provider="anthropic", model="m")
    config = AgentConfig("a", "llm", Rules(), settings)
    agent = AGENT_TYPE.make(config, Services(api, get_settings()))
    print(agent.trouble)
    await agent.close()
    await api.close()


asyncio.run(main())
"""


def config(**settings: object) -> AgentConfig[LlmSettings]:
    made = LlmSettings.model_validate({"model": "m", **settings})
    return AgentConfig("chatty", "llm", Rules(), made)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_a_missing_key_is_named_with_how_to_add_it(
    world: World, stranger: Person, provider: str
) -> None:
    services = Services(world.api, get_settings(), world.clock)
    agent = AGENT_TYPE.make(config(provider=provider), services)
    told = await tell(agent, stranger, "hello")
    assert told == (
        f"I can't answer yet: {provider.upper()}\\_API\\_KEY is not set; put your key there, "
        "in config/.env. Please tell whoever runs me."
    )
    assert f"{provider.upper()}_API_KEY is not set" in agent.trouble
    await agent.close()


def test_a_missing_package_is_named_with_how_to_add_it() -> None:
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the package anthropic is not installed; add it with `pip install anthropic`" in (
        run.stdout
    )


async def test_a_tool_that_there_is_not_is_refused(world: World) -> None:
    services = Services(world.api, world.settings, world.clock)
    with pytest.raises(AgentError, match=r"tools: there is no command 'shop', but .*errand"):
        AGENT_TYPE.make(config(tools=["shop"]), services)


async def test_the_key_goes_to_its_own_provider_alone(
    llm: Llm, model_server: ModelServer, stranger: Person, settings: Settings
) -> None:
    elsewhere = model_server.base_url.replace("127.0.0.1", "localhost")
    await llm(base_url=elsewhere)
    model_server.replies("Hello.")
    assert await stranger.say("hello") == "Hello."
    assert model_server.requests[0].headers["authorization"] == "Bearer none"


async def test_another_key_is_named_by_its_variable(
    llm: Llm,
    model_server: ModelServer,
    stranger: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOCAL_API_KEY", "local-key")
    await llm(base_url=model_server.base_url, api_key="env:LOCAL_API_KEY")
    model_server.replies("Hello.")
    assert await stranger.say("hello") == "Hello."
    assert model_server.requests[0].headers["authorization"] == "Bearer local-key"


@pytest.mark.parametrize("name", ["env:JWT_SECRET", "env:SERVICE_KEY", "sk-123", "env:PATH"])
def test_nothing_but_a_models_key_can_be_named(name: str) -> None:
    with pytest.raises(ValueError, match="api_key"):
        config(api_key=name)
