"""People who talk to the bot."""

from tests.support.chat import chat, clock, settings, stranger, world

__all__ = ["chat", "clock", "settings", "stranger", "world"]
