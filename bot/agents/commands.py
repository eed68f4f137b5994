"""The brain of the command bot: what is understood is carried out as the user who said it."""

from ai.catalogue import catalogue
from ai.configuration import load_ai_config
from ai.models import OpenAICompatible
from ai.parser import Parser
from bot.api_client import ApiClient
from bot.command_registry import load_commands, registry
from bot.conversation import Conversation
from config.clock import Clock, utc_now
from config.settings import Settings


def make_brain(api: ApiClient, settings: Settings, clock: Clock = utc_now) -> Conversation:
    """Return a conversation that knows every command module, and the model where one is set."""
    load_commands()
    config = load_ai_config(settings.ai_config_path)
    model = None
    if settings.openrouter_api_key:
        model = OpenAICompatible(
            settings.openrouter_base_url,
            settings.openrouter_api_key.get_secret_value(),
            config.model,
            max_tokens=config.max_tokens,
            timeout_seconds=config.validation.timeout_seconds,
        )
    parser = Parser(catalogue, config, model)
    return Conversation(api, parser, registry, settings, clock)
