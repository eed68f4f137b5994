"""`manage.py doctor` with nothing set, half set, and all set; everything it asks is on loopback."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request
from sqlalchemy import URL, text

from api.main import create_app
from config.settings import load_settings
from core import agents
from core.db.engine import Database
from tests.cli.conftest import Run
from tests.support.api import running
from tests.support.databases import on_postgresql, on_sqlite
from tests.support.model_server import Answer, ModelServer
from tests.support.speech_server import KEY as SPEECH_KEY
from tests.support.speech_server import SpeechServer

TOKEN = "a-token.of-the.bot"
NTFY_TOKEN = "tk_of_the_ntfy_server"
KEY = "sk-the-key-of-the-model"
READS_MESSAGES = 1 << 19


class Outside:
    """Discord's REST interface and an ntfy server in one."""

    def __init__(self) -> None:
        self.flags = READS_MESSAGES
        self.healthy = True
        self.date: str | None = None
        self.app = Flask("outside")
        self.app.add_url_rule("/users/@me", view_func=self.me)
        self.app.add_url_rule("/oauth2/applications/@me", view_func=self.application)
        self.app.add_url_rule("/v1/health", view_func=self.health)
        self.app.add_url_rule("/v1/account", view_func=self.account)
        self.app.add_url_rule("/models", view_func=self.models)
        self.app.add_url_rule("/v1/models", view_func=self.models)
        self.app.after_request(self.tell_the_time)

    def tell_the_time(self, response: Response) -> Response:
        if self.date:
            response.headers["Date"] = self.date
        return response

    def me(self) -> Any:  # noqa: ANN401
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return {"message": "401: Unauthorized", "code": 0}, 401
        return {"id": "1", "username": "jeeves", "bot": True}

    def application(self) -> dict[str, Any]:
        return {"id": "77", "name": "jeeves", "flags": self.flags}

    def account(self) -> Any:  # noqa: ANN401
        known = request.headers.get("Authorization") == f"Bearer {NTFY_TOKEN}"
        return {"username": "bot"} if known else ({"code": 40101}, 401)

    def models(self) -> Any:  # noqa: ANN401
        given = {request.headers.get("Authorization"), request.headers.get("x-api-key")}
        return {"data": []} if given & {KEY, f"Bearer {KEY}"} else ({"error": "key"}, 401)

    def health(self) -> dict[str, bool]:
        return {"healthy": self.healthy}


@pytest.fixture
def outside() -> Iterator[tuple[Outside, str]]:
    outside = Outside()
    with running(outside.app) as url:
        yield outside, url


def lines(printed: str) -> dict[str, str]:
    """The report by subject; a subject that comes twice is joined."""
    found: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", printed.strip()):
        sign, _, rest = block.partition(" ")
        subject, colon, _ = rest.partition(":")
        if colon:
            found[subject] = f"{found.get(subject, '')}{sign} {rest}\n"
    return found


def test_nothing_set_is_fine(manage: Run, tmp_path: Path) -> None:
    done = manage("doctor")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    report = lines(done.stdout)
    assert report["Python"].startswith("✓")
    unused = ("API", "Discord", "Agents", "Model", "Providers", "Voice", "ntfy", "Redis", "Clock")
    for subject in unused:
        assert report[subject].startswith("- "), subject
    assert "made at the first start" in report["Database"]
    assert done.stdout.endswith("All is well.\n")
    assert not (tmp_path / "var" / "app.db").exists(), "it only looks"


def test_half_set_says_what_to_do_next(
    manage: Run, outside: tuple[Outside, str], tmp_path: Path, nobodys_port: int
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("DISCORD_BOT_TOKN=x\nJWT_SECRET=changeme\n")
    env_file.chmod(0o644)
    server, url = outside
    server.healthy = False

    done = manage(
        "doctor",
        ENV_FILE=str(env_file),
        DISCORD_API_URL=url,
        DISCORD_BOT_TOKEN="mistyped",
        NTFY_BASE_URL=url,
        API_URL=f"http://127.0.0.1:{nobodys_port}",
        DATABASE_URL=f"postgresql://app:the-password@127.0.0.1:{nobodys_port}/app",
    )

    assert done.returncode == 1
    report = lines(done.stdout)
    assert report["Settings"].count("!") == 1, "DISCORD_BOT_TOKEN is set elsewhere"
    assert "chmod 600" in report["Settings"]
    assert "JWT_SECRET is a well-known example value" in report["Secrets"]
    assert "make secrets" in report["Secrets"]
    assert report["Database"].startswith("✗")
    assert report["API"].startswith("✗")
    assert "Reset Token" in report["Discord"]
    assert report["ntfy"].startswith("✗")
    assert report["Clock"].startswith("✓")
    assert "4 to be mended, 2 to look at." in done.stdout
    for secret in ("mistyped", "changeme", "the-password"):
        assert secret not in done.stdout + done.stderr


@on_postgresql
def test_all_set(
    manage: Run,
    outside: tuple[Outside, str],
    model_server: ModelServer,
    speech_server: SpeechServer,
    database: Database,
    database_url: URL,
) -> None:
    _, url = outside
    model_server.script = lambda _: "ok"
    speech_server.says("")
    settings = load_settings()
    agents.add("jeeves", TOKEN, {"type": "echo"})
    with running(create_app(settings, database)) as api_url:
        done = manage(
            "doctor",
            APP_ENV="production",
            JWT_SECRET=settings.jwt_secret.get_secret_value(),
            SERVICE_KEY=settings.service_key.get_secret_value(),
            AGENT_TOKEN_KEYS=settings.agent_token_keys.get_secret_value(),
            DATABASE_URL=database_url.render_as_string(hide_password=False),
            API_URL=api_url,
            DISCORD_API_URL=url,
            DISCORD_BOT_TOKEN=TOKEN,
            OPENROUTER_API_KEY=KEY,
            OPENROUTER_BASE_URL=model_server.base_url,
            NTFY_BASE_URL=url,
            NTFY_TOKEN=NTFY_TOKEN,
            OPENAI_API_KEY=KEY,
            OPENAI_BASE_URL=url,
            ANTHROPIC_API_KEY=KEY,
            ANTHROPIC_BASE_URL=url,
            TRANSCRIPTION_BASE_URL=speech_server.base_url,
            TRANSCRIPTION_API_KEY=SPEECH_KEY,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    report = lines(done.stdout)
    assert report.pop("Redis").startswith("- ")
    assert "may read" in report["Agent jeeves"]
    assert {entry[0] for entry in report.values()} == {"✓"}, done.stdout
    assert "jeeves" in report["Discord"]
    assert "up to date" in report["Database"]
    assert "ready and knows this bot" in report["API"]
    asked, long = model_server.requests
    assert asked.body["max_tokens"] == long.body["max_tokens"] == 16, "tiny answers"
    (silence,) = speech_server.uploads
    assert (silence.filename, silence.data[:4]) == ("speech.wav", b"RIFF")
    hidden = (
        TOKEN,
        KEY,
        SPEECH_KEY,
        NTFY_TOKEN,
        settings.jwt_secret,
        settings.service_key,
        settings.agent_token_keys,
    )
    for secret in hidden:
        shown = secret if isinstance(secret, str) else secret.get_secret_value()
        assert shown not in done.stdout + done.stderr


@on_sqlite
def test_an_agent_whose_token_is_of_no_use_is_told(
    manage: Run, outside: tuple[Outside, str], database: Database, database_url: URL
) -> None:
    _, url = outside
    for name, token in (("good", TOKEN), ("reset", "another.token"), ("lost", "env:NOT_THERE")):
        agents.add(name, token, {"type": "echo"})
    agents.add("off", "a-third.token", {"type": "echo", "enabled": False})
    settings = {"DATABASE_URL": database_url.render_as_string(), "DISCORD_API_URL": url}
    keys = load_settings().agent_token_keys.get_secret_value()

    report = lines(manage("doctor", AGENT_TOKEN_KEYS=keys, **settings).stdout)
    assert report["Agent good"].startswith("✓")
    assert "does not know the token" in report["Agent reset"]
    assert "NOT_THERE" in report["Agent lost"]
    assert "Agent off" not in report

    assert "no DISCORD_BOT_TOKEN: 3 in the database" in report["Discord"]

    other = lines(manage("doctor", **settings).stdout)
    assert "AGENT_TOKEN_KEYS" in other["Agent good"], "sealed with another key"


def test_keys_that_are_refused_are_told(
    manage: Run, outside: tuple[Outside, str], speech_server: SpeechServer
) -> None:
    _, url = outside

    done = manage(
        "doctor",
        OPENAI_API_KEY="sk-old",
        OPENAI_BASE_URL=url,
        ANTHROPIC_API_KEY=KEY,
        ANTHROPIC_BASE_URL=url,
        NTFY_BASE_URL=url,
        NTFY_TOKEN="tk-old",
        TRANSCRIPTION_BASE_URL=speech_server.base_url,
        TRANSCRIPTION_API_KEY="sk-old",
    )

    assert done.returncode == 1
    report = lines(done.stdout)
    assert "OPENAI_API_KEY is refused" in report["Providers"]
    assert "ANTHROPIC_API_KEY is accepted" in report["Providers"]
    assert "NTFY_TOKEN" in report["ntfy"]
    assert "Set TRANSCRIPTION_API_KEY" in done.stdout
    assert "TRANSCRIPTION_BASE_URL" in manage("doctor", TRANSCRIPTION_API_KEY="sk").stdout
    assert "sk-old" not in done.stdout
    assert "tk-old" not in done.stdout


@pytest.mark.parametrize("options", ["", "?patience=hidden", "?socket_timeout=hidden"])
def test_redis_is_asked_where_it_is_set(manage: Run, nobodys_port: int, options: str) -> None:
    nobody = f"redis://:hidden@127.0.0.1:{nobodys_port}{options}"

    done = manage("doctor", RATE_LIMIT_STORAGE_URL=nobody)

    assert done.returncode == 1
    assert lines(done.stdout)["Redis"].startswith(f"✗ Redis: 127.0.0.1:{nobodys_port}")
    assert "hidden" not in done.stdout + done.stderr


def test_an_intent_that_is_off_is_told(manage: Run, outside: tuple[Outside, str]) -> None:
    server, url = outside
    server.flags = 0

    done = manage("doctor", DISCORD_API_URL=url, DISCORD_BOT_TOKEN=TOKEN)

    assert done.returncode == 1
    assert "Message Content Intent" in lines(done.stdout)["Discord"]


def test_a_clock_that_is_wrong_is_told(manage: Run, outside: tuple[Outside, str]) -> None:
    server, url = outside
    server.date = "Thu, 01 Jan 2015 00:00:00 GMT"

    done = manage("doctor", NTFY_BASE_URL=url)

    assert done.returncode == 1
    assert "ahead of 127.0.0.1" in lines(done.stdout)["Clock"]


def test_a_key_that_the_model_refuses_is_told(manage: Run, model_server: ModelServer) -> None:
    model_server.replies(Answer(status=401))

    done = manage("doctor", OPENROUTER_API_KEY=KEY, OPENROUTER_BASE_URL=model_server.base_url)

    assert done.returncode == 1
    assert "OPENROUTER_API_KEY" in lines(done.stdout)["Model"]
    assert KEY not in done.stdout


@pytest.mark.parametrize("window", [4096, None])
def test_a_context_window_that_is_too_small_is_told(
    manage: Run, model_server: ModelServer, window: int | None
) -> None:
    model_server.window, model_server.script = window, lambda _: "ok"

    done = manage("doctor", OPENROUTER_API_KEY=KEY, OPENROUTER_BASE_URL=model_server.base_url)

    assert done.returncode == 0
    report = lines(done.stdout)["Model"]
    assert "answers" in report
    assert ("reads 4096 of more than 6000 tokens" in report) is bool(window)


@on_sqlite
def test_so_is_that_of_an_agents_own_model(
    manage: Run, model_server: ModelServer, database: Database, database_url: URL
) -> None:
    model_server.window, model_server.script = 2048, lambda _: "ok"
    settings = {"model": "m", "base_url": model_server.base_url}
    agents.add("sage", TOKEN, {"type": "llm", "settings": settings})

    done = manage("doctor", DATABASE_URL=database_url.render_as_string())

    assert "m at http://127.0.0.1" in lines(done.stdout)["Model"]
    assert "reads 2048 of" in lines(done.stdout)["Model"]


@on_sqlite
def test_the_api_is_looked_for_at_its_port(manage: Run, database: Database) -> None:
    settings = load_settings()
    with running(create_app(settings, database)) as api_url:
        key = settings.service_key.get_secret_value()
        done = manage("doctor", API_PORT=api_url.rpartition(":")[2], SERVICE_KEY=key)

    assert lines(done.stdout)["API"] == f"✓ API: {api_url} is ready and knows this bot\n"


@on_sqlite
def test_an_api_with_another_key_is_told(manage: Run, database: Database) -> None:
    with running(create_app(load_settings(), database)) as api_url:
        done = manage("doctor", API_URL=api_url, SERVICE_KEY="another" * 8)

    assert done.returncode == 1
    assert "SERVICE_KEY" in lines(done.stdout)["API"]


@on_sqlite
def test_a_database_that_is_behind_or_ahead_is_told(
    manage: Run, database: Database, database_url: URL
) -> None:
    url = database_url.render_as_string()
    change = "UPDATE alembic_version SET version_num = :v, oldest_compatible = :o"
    for version, oldest, mark in (
        ("0001", None, "!"),
        ("9999", "9999", "✗"),
        ("9999", "0008", "!"),
    ):
        with database.transaction() as connection:
            connection.execute(text(change), {"v": version, "o": oldest})

        report = lines(manage("doctor", DATABASE_URL=url).stdout)

        assert report["Database"].startswith(mark)
        assert version in report["Database"]


def test_settings_that_cannot_be_used_are_told(manage: Run) -> None:
    done = manage("doctor", APP_ENV="production", API_PORT="many")

    assert done.returncode == 1
    assert "API_PORT" in lines(done.stdout)["Settings"]


def test_a_setting_that_is_misspelt_is_told(manage: Run, tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("DISCORD_BOT_TOKN=x\n")
    env_file.chmod(0o600)

    done = manage("doctor", ENV_FILE=str(env_file))

    assert done.returncode == 0
    assert "Did you mean DISCORD_BOT_TOKEN?" in lines(done.stdout)["Settings"]


@pytest.mark.slow
def test_a_server_that_hangs_does_not_hold_it_up(manage: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        done = manage(
            "doctor",
            DATABASE_URL=f"postgresql+psycopg2://app:x@{address}/app",
            API_URL=f"http://{address}",
            NTFY_BASE_URL=f"http://{address}",
            DISCORD_API_URL=f"http://{address}",
            DISCORD_BOT_TOKEN=TOKEN,
        )

    assert done.returncode == 1
    assert time.monotonic() - began < 40
    assert "4 to be mended" in done.stdout


def test_it_can_be_read_where_the_screen_knows_ascii_alone(manage: Run) -> None:
    done = manage("doctor", PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ok Python")
