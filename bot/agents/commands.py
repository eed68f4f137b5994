"""The command bot: what is understood is executed as the user who wrote it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ai.config import load_ai_config
from ai.llm.registry import model_of
from ai.llm.traits import traits
from ai.parser import Parser
from bot.agent import AgentConfig, AgentError, AgentType, Services
from bot.api.client import ApiClient
from bot.conversation.handler import Conversation
from bot.framework.registry import RegistrationError, Registry, load_commands, registry
from bot.messages import Incoming, ReplyChannel
from config.settings import Settings
from runtime.clock import Clock, utc_now


class CommandSettings(BaseModel):
    """What the command bot may do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    modules: Annotated[
        tuple[str, ...],
        Field(
            description="The command modules that it knows, such as account, or commands of them, "
            "such as notification.show; empty: all of them.",
            examples=[["account", "notification.show"]],
        ),
    ] = ()


class CommandAgent(Conversation):
    """The conversation with command modules, and with the model where a key is set."""

    def __init__(
        self,
        api: ApiClient,
        settings: Settings,
        clock: Clock = utc_now,
        known: Registry = registry,
    ) -> None:
        config = load_ai_config(settings.ai_config_path)
        self._model = model_of(settings, config)
        self._traits = traits(settings.openrouter_base_url, config.model)
        parser = Parser(known.specs, config, self._model, raw_types=known.raw_types)
        super().__init__(api, parser, known, settings, clock, prices=config.prices)

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Answer one message."""
        await super().handle(incoming, reply_channel)
        self.trouble = self._traits.window_warning

    async def close(self) -> None:
        """Drop the questions that are still open, and the connections to the model."""
        await super().close()
        if self._model:
            await self._model.aclose()


def make_agent(api: ApiClient, settings: Settings, clock: Clock = utc_now) -> CommandAgent:
    """Return an agent of the type `commands` that knows every module."""
    load_commands()
    return CommandAgent(api, settings, clock)


def _make(config: AgentConfig[CommandSettings], services: Services) -> CommandAgent:
    load_commands()
    try:
        known = registry.only(config.settings.modules) if config.settings.modules else registry
    except RegistrationError as error:
        raise AgentError(f"modules: {error}") from error
    return CommandAgent(services.api, services.settings, services.clock, known)


AGENT_TYPE = AgentType(
    "commands",
    "Takes orders in plain language, as the user who logs in.",
    CommandSettings,
    _make,
    rules={"mention": False, "reply": False},  # people log in, and read their own data: in private
)
