"""The bot on a simulated Discord."""

import pytest

from bot.discord.start_limits import Starts
from tests.support.picture_server import picture_server
from tests.support.stage import beside, simcord_bot, stage

__all__ = [
    "beside",
    "picture_server",
    "simcord_bot",
    "stage",
]


@pytest.fixture(autouse=True)
def nothing_is_collected(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no timer run after connecting: SimCord would wait for it in every test."""
    if request.module.__name__.rpartition(".")[2] != "test_reconnects":
        monkeypatch.setattr(Starts, "collect_garbage", lambda _: None)
