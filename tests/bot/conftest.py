"""People who talk to the bot."""

from tests.support.chat import chat, clock, settings, stranger, world
from tests.support.model_server import model_server
from tests.support.shop import customer, listening

__all__ = [
    "chat",
    "clock",
    "customer",
    "listening",
    "model_server",
    "settings",
    "stranger",
    "world",
]
