"""The application, and callers who are logged in to it."""

from tests.support.api import ada, app, ben, bot, client, clock, new_user, nobody

__all__ = ["ada", "app", "ben", "bot", "client", "clock", "new_user", "nobody"]
