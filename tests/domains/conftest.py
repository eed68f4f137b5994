"""People who talk to the bot, and callers of the API."""

from tests.support.api import ada, app, ben, bot, client, new_user, nobody
from tests.support.chat import chat, stranger, world

__all__ = ["ada", "app", "ben", "bot", "chat", "client", "new_user", "nobody", "stranger", "world"]
