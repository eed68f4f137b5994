"""One message's whole story by one grep over the logs of bot, API and scheduler."""

import json
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import URL

from core.db.engine import Database
from tests.support.databases import on_postgresql
from tests.support.discord_server import TOKEN, discord_server
from tests.support.people import PASSWORD
from tests.support.process import service
from tests.support.servers import free_port

SAID = "remind me to water the plants in 2 seconds"
HIDDEN = ("water the plants", PASSWORD, TOKEN)


@pytest.mark.slow
@on_postgresql
def test_a_reminder_from_the_message_to_the_delivery(
    database: Database, database_url: URL, tmp_path: Path
) -> None:
    logs = {name: tmp_path / f"{name}.log" for name in ("api", "scheduler", "bot")}
    port = str(free_port())
    with discord_server() as discord:
        settings = {
            "DATABASE_URL": database_url.render_as_string(hide_password=False),
            "API_PORT": port,
            "API_URL": f"http://127.0.0.1:{port}",
            "DISCORD_API_URL": discord.url,
            "DISCORD_BOT_TOKEN": TOKEN,
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "DEBUG",
        }
        with (
            service("api.main", logs["api"], **settings) as api,
            service("scheduler.daemon", logs["scheduler"], **settings) as scheduler,
        ):
            api.wait_for_line("listening on port")
            scheduler.wait_for_line("the scheduler runs")
            with service("bot.bot", logs["bot"], **settings) as bot:
                bot.wait_for_line("is on Discord")
                for number, text in enumerate(["register", "ada", PASSWORD, SAID]):
                    discord.say("42", text)
                    discord.wait_until(lambda wanted=number: len(discord.sent) > wanted)
                discord.wait_until(lambda: any("Reminder" in text for _, text in discord.sent))
                bot.wait_for_line("was sent")
                api.wait_for_line("/settle")

    first = next(line for line in lines_of(logs["bot"]) if "task.add" in line["message"])
    told = story(first["request_id"], *logs.values())

    expected = [
        ("bot", "bot.runtime.worker", "a message came in"),
        ("bot", "ai.metrics", "understood by sentences in"),
        ("api", "core.sql", "INSERT INTO tasks"),
        ("api", "core.sql", "INSERT INTO reminders"),
        ("api", "api.http.request_id", "POST /api/tasks 201"),
        ("bot", "bot.runtime.worker", "the message was answered"),
        ("scheduler", "core.reminders", "fell due"),
        ("bot", "bot.runtime.deliveries", "was sent"),
        ("api", "core.sql", "UPDATE deliveries"),
        ("api", "api.http.request_id", "POST /api/service/deliveries"),
    ]
    places = []
    for where, logger, words in expected:
        found = [
            number
            for number, line in enumerate(told)
            if line["from"] == where and line["logger"] == logger and words in line["message"]
        ]
        assert found, f"{where}'s log tells nothing of {words!r}:\n" + "\n".join(map(str, told))
        places.append(found[-1])
    assert places == sorted(places), "in the order in which it happened"
    for log in logs.values():
        assert not [word for word in HIDDEN if word in log.read_text("utf-8")]


def lines_of(log: Path) -> list[dict[str, str]]:
    """Every line, which is JSON each."""
    return [json.loads(line) for line in log.read_text("utf-8").splitlines() if line[:1] == "{"]


def story(request_id: str, *logs: Path) -> list[dict[str, str]]:
    """What one grep finds, by the time."""
    words = f'"request_id": "{request_id}"'
    done = subprocess.run(
        ["/usr/bin/env", "grep", "-H", words, *map(str, logs)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = []
    for line in done.stdout.splitlines():
        path, _, content = line.partition(":")
        found.append({"from": Path(path).stem, **json.loads(content)})
    return sorted(found, key=lambda line: line["time"])
