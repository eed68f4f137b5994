"""The API and people who talk to the bot, whose errors are logged."""

from tests.support.api import app, clock
from tests.support.chat import world

__all__ = ["app", "clock", "world"]
