"""People who talk to the bot."""

from tests.support.chat import chat, clock, database_url, settings, stranger, world

__all__ = ["chat", "clock", "database_url", "settings", "stranger", "world"]
