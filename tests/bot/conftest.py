"""People who talk to the bot."""

from tests.support.chat import chat, stranger, world
from tests.support.model_server import model_server
from tests.support.shop import customer, listening

__all__ = [
    "chat",
    "customer",
    "listening",
    "model_server",
    "stranger",
    "world",
]
