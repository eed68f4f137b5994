"""`python -m bot.bot` as a process of its own, on a loopback stand-in of Discord."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.main import create_app
from bot.bot import apiRequest
from bot.runtime.assignments import NO_AGENTS
from config.settings import get_settings
from core.db.engine import Database
from tests.support.api import running
from tests.support.discord_server import FATAL, TOKEN, DiscordServer, discord_server
from tests.support.http_sink import Answer, HttpSink
from tests.support.people import PASSWORD
from tests.support.process import service

BOT = "bot.bot"


@pytest.fixture
def on_discord(tmp_path: Path) -> Iterator[DiscordServer]:
    with discord_server() as server:
        yield server


@pytest.fixture
def api_url(database: Database) -> Iterator[str]:
    with running(create_app(database=database)) as url:
        yield url


def test_a_person_logs_in_and_gives_an_order(
    on_discord: DiscordServer, api_url: str, tmp_path: Path
) -> None:
    settings = {"DISCORD_BOT_TOKEN": TOKEN, "DISCORD_API_URL": on_discord.url, "API_URL": api_url}
    with service(BOT, tmp_path / "log", LOG_LEVEL="DEBUG", **settings) as bot:
        on_discord.wait_until(lambda: on_discord.connected == 1)
        bot.wait_for_line("https://discord.com/oauth2/authorize?client_id=77&")
        for number, text in enumerate(
            ["register", "ada", PASSWORD, "my ntfy topic is hidden-milk"]
        ):
            on_discord.say("42", text)
            on_discord.wait_until(lambda: len(on_discord.sent) > number)  # noqa: B023
        on_discord.wait_until(lambda: any("hidden-milk" in text for _, text in on_discord.sent))
        on_discord.drop_connections()
        on_discord.wait_until(lambda: on_discord.connected == 2)
        on_discord.say("42", "show my notifications")
        on_discord.wait_until(lambda: len(on_discord.sent) > 4)
        bot.terminate(signal.SIGINT)
        assert bot.exit_code() == 0
    assert {user for user, _ in on_discord.sent} == {"42"}
    for secret in (TOKEN, PASSWORD, "hidden-milk"):
        assert secret not in bot.log


def test_without_anything_under_way_a_signal_ends_it_at_once(
    on_discord: DiscordServer, tmp_path: Path
) -> None:
    settings = {"DISCORD_BOT_TOKEN": TOKEN, "DISCORD_API_URL": on_discord.url}
    with service(BOT, tmp_path / "log", API_URL="http://127.0.0.1:1", **settings) as bot:
        bot.wait_for_line("which agents to run")  # the API is away, which is no reason to end
        bot.terminate()
        assert bot.exit_code(5) == 0
    assert "Traceback" not in bot.log


def test_what_is_being_answered_is_finished(
    on_discord: DiscordServer, api_url: str, tmp_path: Path
) -> None:
    settings = {"DISCORD_BOT_TOKEN": TOKEN, "DISCORD_API_URL": on_discord.url, "API_URL": api_url}
    with service(BOT, tmp_path / "log", **settings) as bot:
        bot.wait_for_line("is on Discord")
        on_discord.post_seconds = 2
        on_discord.say("42", "hello")
        on_discord.wait_until(lambda: on_discord.posting)
        bot.terminate()
        on_discord.wait_until(lambda: len(on_discord.sent) == 1)
        assert bot.exit_code(5) == 0
    assert on_discord.bot.connected == []


def test_what_takes_too_long_is_given_up(
    on_discord: DiscordServer, api_url: str, tmp_path: Path
) -> None:
    settings = {"DISCORD_BOT_TOKEN": TOKEN, "DISCORD_API_URL": on_discord.url, "API_URL": api_url}
    with service(BOT, tmp_path / "log", SHUTDOWN_TIMEOUT="0.5", **settings) as bot:
        bot.wait_for_line("is on Discord")
        on_discord.post_seconds = 60
        on_discord.say("42", "hello")
        on_discord.wait_until(lambda: on_discord.posting)
        bot.terminate()
        assert bot.exit_code(5) == 0
    assert "gave up answers under way after 0.5 s" in bot.log
    assert "Traceback" not in bot.log


def test_a_second_signal_does_not_wait_for_what_is_under_way(
    on_discord: DiscordServer, api_url: str, tmp_path: Path
) -> None:
    settings = {"DISCORD_BOT_TOKEN": TOKEN, "DISCORD_API_URL": on_discord.url, "API_URL": api_url}
    with service(BOT, tmp_path / "log", **settings) as bot:
        bot.wait_for_line("is on Discord")
        on_discord.post_seconds = 60
        on_discord.say("42", "hello")
        on_discord.wait_until(lambda: on_discord.posting)
        bot.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            bot.exit_code(0.5)
        bot.terminate()
        assert bot.exit_code(5) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        ("wrong token at the door", "Reset Token"),
        ("wrong token", "Reset Token"),
        ("missing intent", "developers/applications/77/bot"),
    ],
)
def test_what_a_person_must_set_right_is_told_with_the_next_step(
    on_discord: DiscordServer, api_url: str, tmp_path: Path, problem: str, advice: str
) -> None:
    on_discord.bot.fatal_code = FATAL.get(problem)
    token = TOKEN if problem in FATAL else "wrong.token.altogether"
    settings = {"DISCORD_BOT_TOKEN": token, "DISCORD_API_URL": on_discord.url, "API_URL": api_url}
    with service(BOT, tmp_path / "log", **settings) as bot:
        bot.wait_for_line(advice)
        bot.wait_for_line("starts again in")
        bot.terminate()
        assert bot.exit_code(5) == 0
    assert "Traceback" not in bot.log
    assert token not in bot.log


def test_discord_being_away_is_one_line_and_is_tried_again(api_url: str, tmp_path: Path) -> None:
    settings = {"DISCORD_BOT_TOKEN": TOKEN, "DISCORD_API_URL": "http://127.0.0.1:1/api"}
    with service(BOT, tmp_path / "log", API_URL=api_url, **settings) as bot:
        bot.wait_for_line("can't connect")
        bot.terminate()
        assert bot.exit_code(5) == 0
    assert "Traceback" not in bot.log


def test_without_an_agent_it_says_what_to_do_and_waits_for_one(
    api_url: str, tmp_path: Path
) -> None:
    with service(BOT, tmp_path / "log", DISCORD_BOT_TOKEN="", API_URL=api_url) as bot:
        bot.wait_for_line(NO_AGENTS)
        bot.terminate()
        assert bot.exit_code(5) == 0
    assert bot.log.count(NO_AGENTS) == 1


def test_settings_that_can_not_be_used_are_told_in_plain_words(tmp_path: Path) -> None:
    with service(BOT, tmp_path / "log", SHUTDOWN_TIMEOUT="soon") as bot:
        assert bot.exit_code() == 2
    assert "SHUTDOWN_TIMEOUT" in bot.log
    assert "Traceback" not in bot.log


# The documented request


@pytest.fixture
def api(api_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("API_URL", api_url)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_the_documented_request_returns_json_and_status(api: None) -> None:
    account = {"username": "ada", "password": PASSWORD}
    assert apiRequest("POST", "/api/register", data=account) == ({"success": True}, 201)
    answer, status = apiRequest(method="POST", endpoint="api/login", token=None, data=account)
    assert status == 200
    rows, status = apiRequest("GET", "/api/errands", answer["token"])
    assert (rows, status) == ([], 200)
    answer, status = apiRequest("GET", "/api/errands")
    assert status == 401
    assert answer["error"]


def test_the_documented_request_says_where_the_api_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_URL", "http://127.0.0.1:1")
    get_settings.cache_clear()
    answer, status = apiRequest("GET", "/health")
    get_settings.cache_clear()
    assert status == 503
    assert answer["error"] == "The API can't be reached."


def test_the_documented_request_survives_an_answer_that_is_no_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with HttpSink() as proxy:
        proxy.answer("/", Answer(502, b"<html>Bad Gateway</html>"))
        monkeypatch.setenv("API_URL", proxy.url)
        get_settings.cache_clear()
        answer, status = apiRequest("GET", "/health")
        get_settings.cache_clear()
    assert status == 502
    assert "without JSON" in answer["error"]
