"""What the log and the terminal say of an unexpected error, in development and in production."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask import request
from pydantic import SecretStr

from api.http.security import public
from bot.conversation.executor import FAILED
from bot.framework.context import Context
from bot.framework.fields import Secret
from bot.framework.registry import CommandModule
from bot.markdown import escape
from bot.messages import CONSOLE, Address
from config import broken
from config.settings import Settings
from core.errors import AppError
from runtime import logs
from tests.support.chat import Person, World

KEY = "a-very-secret-key-of-a-provider"
TOKEN = f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{'x' * 43}"


@pytest.fixture
def log(
    settings: Settings,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[logging.Logger]:
    """A logger that writes to a file as the settings say, in the mode that the test names."""
    monkeypatch.setenv("AGENT_RIGA", "the token of an agent")
    monkeypatch.setenv("WEATHER_KEY", "the key of a module")
    monkeypatch.setenv("DOOR_PASSWORD", 'it\'s "hard"')
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    more = {"log_file": tmp_path / "bot.log", "openai_api_key": SecretStr(KEY)}
    logs.configure_logging(settings.model_copy(update=more | request.param))
    yield logging.getLogger("tests")
    for handler in root.handlers:
        handler.close()
    root.handlers[:], root.level = handlers, level


def written(tmp_path: Path) -> str:
    return (tmp_path / "bot.log").read_text("utf-8")


def mode(name: str, form: str = "plain") -> dict[str, str]:
    return {"app_env": name, "log_format": form}


in_development = pytest.mark.parametrize("log", [mode("development")], indirect=True)
in_production = pytest.mark.parametrize("log", [mode("production")], indirect=True)


@pytest.mark.parametrize(
    ("log", "shown"),
    [
        (mode("development"), True),
        (mode("development", "json"), True),
        (mode("production"), False),
        (mode("production", "json"), False),
    ],
    indirect=["log"],
)
def test_the_words_of_errors_are_for_development(
    log: logging.Logger, tmp_path: Path, shown: bool
) -> None:
    words = "what Ada wrote", "what went wrong"  # not in the lines that a traceback shows
    try:
        try:
            raise LookupError(words[0])
        except LookupError as error:
            raise RuntimeError(words[1]) from error
    except RuntimeError:
        log.exception("the job failed")
    text = written(tmp_path)
    assert text.index("LookupError") < text.index("RuntimeError")
    assert "test_logs.py" in text
    assert (words[0] in text) == (words[1] in text) == shown
    if text.startswith("{"):
        assert all(json.loads(line) for line in text.splitlines())


@in_development
@pytest.mark.parametrize(
    "words",
    [
        KEY,
        f"Bearer {TOKEN}",
        "postgres://ada:hunter22@db/app",
        "https://discord.com/api/webhooks/123456/hunter22",
        "the token of an agent",
        "the key of a module",
        repr('it\'s "hard"')[1:-1],
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
@pytest.mark.usefixtures("log")
def test_what_looks_like_a_secret_is_left_out(words: str) -> None:
    assert words not in logs.for_developers(ValueError(words))
    told = logs.where_raised(ValueError(f"it was {words} all the time"))
    assert "it was " in told
    assert logs.HIDDEN in told
    for secret in (words, "hunter22", TOKEN):
        assert secret not in told


@in_development
@pytest.mark.usefixtures("log")
def test_words_are_bounded_and_stand_in_one_line() -> None:
    told = logs.where_raised(ValueError("a b\n" * 100_000))
    assert len(told) < 600
    assert told.count("\n") == 1

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "can't be read" in logs.where_raised(Mute())


@in_development
@pytest.mark.usefixtures("log")
def test_words_steer_no_terminal() -> None:
    assert logs.where_raised(ValueError("a\x1b[2J\u202eb")) == "ValueError: a [2J b\n"


@in_development
@pytest.mark.usefixtures("log")
def test_the_place_is_in_the_users_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken, "MODULES", ("tests/runtime/",))
    try:
        escape(5)  # type: ignore[arg-type]
    except TypeError as error:
        own, cause = AppError(), error
    try:
        raise own from cause
    except AppError as error:
        told = logs.for_developers(error)
    assert told.startswith("TypeError: ")
    assert "(tests/runtime/test_logs.py, line " in told


@in_development
@pytest.mark.parametrize(("field", "shown"), [("pin_token", False), ("pear", True)])
@pytest.mark.usefixtures("log")
def test_a_request_with_a_secret_is_told_of_without_words(
    field: str, shown: bool, app: APIFlask
) -> None:
    @app.post("/broken")
    @public
    def view() -> None:
        raise LookupError(request.json[field])

    answer = app.test_client().post("/broken", json={field: "sesame"})
    assert ("sesame" in answer.text) == shown


failing = CommandModule("failing", "What fails")


@failing.command("fail with {word}")
async def fail(_: Context, word: str) -> str:
    """Fail."""
    raise LookupError(word)


@failing.command("fail in secret")
async def fail_in_secret(_: Context, code: Secret) -> str:
    """Fail with a secret."""
    raise LookupError(code)


class Terminal(Person):
    """A person at a terminal."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "ada")
        self.address = Address(CONSOLE, self.address.agent, "ada")


@pytest.mark.parametrize(
    ("log", "shown"), [(mode("development"), True), (mode("production"), False)], indirect=["log"]
)
@pytest.mark.usefixtures("log")
async def test_the_terminal_shows_them_under_the_reply(
    world: World, tmp_path: Path, shown: bool
) -> None:
    ada, bob = Terminal(world), world.person("bob")
    await ada.register("ada")
    await bob.register("bob")
    await world.know(failing)
    first, *more = (await ada.say("fail with pears")).splitlines()
    assert first == FAILED
    assert len(more) == shown
    assert all(line.startswith("LookupError: pears (tests/runtime/test") for line in more)
    assert await bob.say("fail with plums") == FAILED
    await ada.say("fail in secret")
    assert "hunter22" not in await ada.say("hunter22")
    text = written(tmp_path)
    assert ("pears" in text) == ("plums" in text) == shown
    assert "hunter22" not in text


@in_development
@pytest.mark.usefixtures("log")
async def test_what_fails_in_the_api_stands_under_the_reply_too(world: World) -> None:
    app: APIFlask = world._app
    broken = CommandModule("broken", "What the API fails at")

    @app.get("/broken")
    @public
    def view() -> None:
        raise LookupError("no such pear")

    @broken.command("ask the api")
    async def ask(ctx: Context) -> str:
        """Ask."""
        return str(await ctx.api.get("/broken"))

    ada = Terminal(world)
    await ada.register("ada")
    await world.know(broken)
    told = await ada.say("ask the api")
    assert "LookupError: no such pear (tests/runtime/test\\_logs.py, line" in told


@in_production
@pytest.mark.usefixtures("log")
def test_in_production_the_api_says_nothing_of_it(app: APIFlask) -> None:
    @app.get("/broken")
    @public
    def view() -> None:
        raise LookupError("no such pear")

    answer = app.test_client().get("/broken")
    assert answer.status_code == 500
    assert sorted(answer.json) == ["error", "request_id"]
