"""People who talk to the bot, and a scripted model."""

from tests.support.chat import chat, clock, database_url, settings, stranger, world
from tests.support.model_server import model_server

__all__ = [
    "chat",
    "clock",
    "database_url",
    "model_server",
    "settings",
    "stranger",
    "world",
]
