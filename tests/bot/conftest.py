"""People who talk to the bot."""

from tests.support.chat import chat, clock, database_url, settings, stranger, world
from tests.support.model_server import model_server
from tests.support.shop import customer, listening

__all__ = [
    "chat",
    "clock",
    "customer",
    "database_url",
    "listening",
    "model_server",
    "settings",
    "stranger",
    "world",
]
