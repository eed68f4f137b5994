"""The bot on a simulated Discord."""

from tests.support.chat import clock, database_url, settings, world
from tests.support.model_server import model_server
from tests.support.picture_server import picture_server
from tests.support.stage import beside, simcord_bot, stage

__all__ = [
    "beside",
    "clock",
    "database_url",
    "model_server",
    "picture_server",
    "settings",
    "simcord_bot",
    "stage",
    "world",
]
