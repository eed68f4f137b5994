"""The brain of the command bot: what is understood is carried out as the user who said it."""

from ai.catalogue import catalogue
from ai.configuration import load_ai_config
from ai.models import model_of
from ai.parser import Parser
from bot.api_client import ApiClient
from bot.command_registry import load_commands, registry
from bot.conversation import Conversation
from config.clock import Clock, utc_now
from config.settings import Settings


class CommandBrain(Conversation):
    """The conversation with every command module, and with the model where a key is set."""

    def __init__(self, api: ApiClient, settings: Settings, clock: Clock = utc_now) -> None:
        load_commands()
        config = load_ai_config(settings.ai_config_path)
        self._model = model_of(settings, config)
        parser = Parser(catalogue, config, self._model, other_types=registry.list_registered)
        super().__init__(api, parser, registry, settings, clock, prices=config.prices)

    async def close(self) -> None:
        """Drop the questions that are still open, and the connections to the model."""
        await super().close()
        if self._model:
            await self._model.aclose()


def make_brain(api: ApiClient, settings: Settings, clock: Clock = utc_now) -> CommandBrain:
    """Return the brain of an agent of the type `commands`."""
    return CommandBrain(api, settings, clock)
