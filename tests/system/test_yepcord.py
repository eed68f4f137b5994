"""The bot on YEPCord, a server that somebody else wrote to be compatible with Discord.

What it does not have, such as forwards and voice messages, is tested with the stand-in of
tests.support.discord_server; so are files and servers, for discord.py can't read what it sends of
them: files have no `proxy_url`, and a message in a server has a `thread` that is null.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.main import create_app
from core import agents, users
from core.accounts import chat_links
from core.db.engine import Database
from core.reminders import fire_due, set_reminder
from runtime.clock import utc_now
from tests.support.api import running
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD
from tests.support.process import Service, service
from tests.support.yepcord import Yepcord, needs_yepcord, yepcord

pytestmark = [needs_yepcord, on_sqlite]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Yepcord]:
    with yepcord(tmp_path) as running_server:
        yield running_server


@pytest.fixture
def bot(server: Yepcord, database: Database, tmp_path: Path) -> Iterator[Service]:
    agents.add("helper", server.token, {"type": "commands"})
    with (
        running(create_app(database=database)) as url,
        service(
            "bot.bot", tmp_path / "bot.log", API_URL=url, DISCORD_API_URL=server.url
        ) as process,
    ):
        server.wait_until(lambda: agents.find("helper")["status"].get("state") == "online")
        yield process


def test_a_person_logs_in_gives_orders_and_is_reminded(server: Yepcord, bot: Service) -> None:
    users.register_user("ada", PASSWORD)
    user_uuid = users.get_user_uuid("ada")
    server.ask("log in", "user name?")
    server.ask("ada", "password?")
    server.ask(PASSWORD, "logged in")
    server.ask("set my time zone to Europe/Berlin", "Your time zone is Europe/Berlin now")

    chat = chat_links.link(user_uuid, "discord", "helper", server.account_id)
    set_reminder(user_uuid, "tasks:1", "Reminder: stretch", utc_now(), chat["id"])
    fire_due(utc_now())
    server.wait_until(lambda: "Reminder: stretch" in server.said())
    assert "Traceback" not in bot.log
