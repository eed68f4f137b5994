"""Agents: what may be said of them, whose bot is whose, and where their tokens stay."""

import base64
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.fernet import Fernet

from config.sealing import Sealer
from config.settings import get_settings
from core import agents, postgres
from core.agents import add, edit, find, list_all, remove, reseal
from core.db.engine import Database
from core.errors import AppError, Conflict, InvalidInput, NotFound

ECHO = {"type": "echo"}
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Change AGENT_TOKEN_KEYS."""

    def use(value: str) -> None:
        monkeypatch.setenv("AGENT_TOKEN_KEYS", value)
        get_settings.cache_clear()

    yield use
    monkeypatch.undo()
    get_settings.cache_clear()


def stored(name: str) -> dict[str, Any]:
    row = postgres.select_one("agents", {"name": name})
    assert row is not None
    return row


def opened(name: str) -> str:
    return Sealer(get_settings()).open(stored(name)["token"])


def token_of(bot: str, secret: str) -> str:
    """A token as Discord makes them: the bot's id, a time, and a signature."""
    return f"{base64.urlsafe_b64encode(bot.encode()).decode().rstrip('=')}.Gh7.{secret}"


pytestmark = pytest.mark.usefixtures("database")


def test_a_token_is_stored_sealed_and_shown_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = add("greeter", "a.very.secret", ECHO)
    edit("greeter", {"enabled": False}, "another.very.secret")
    assert (made["token"], find("greeter")["token"]) == ("sealed", "sealed")
    assert opened("greeter") == "another.very.secret"
    everything = f"{made}{find('greeter')}{list_all()}{stored('greeter')}{caplog.text}"
    assert "very.secret" not in everything


def test_a_reference_is_stored_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert add("greeter", " env:GREETER ", ECHO)["token"] == "env:GREETER"
    sealer = Sealer(get_settings())
    monkeypatch.setenv("GREETER", "what it holds")
    assert sealer.open(stored("greeter")["token_ref"]) == "what it holds"


def test_a_change_counts_up_the_revision_and_no_change_does_not() -> None:
    add("greeter", "a.token", ECHO)
    same = edit("greeter", {"enabled": True, "settings": {}, "type": "echo"}, "a.token")
    assert same["revision"] == 1
    assert edit("greeter", {"settings": {"prefix": "x"}})["revision"] == 2
    assert edit("greeter", {}, "another.token")["revision"] == 3
    assert edit("greeter", {}, "env:A")["revision"] == 4
    assert edit("greeter", {}, "env:A")["revision"] == 4


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("one.and.the-same", "one.and.the-same"),
        (token_of("1234", "old"), token_of("1234", "new")),
        ("env:THE_SAME", "env:THE_SAME"),
        ("env:HOLDS_IT", "held.by.a-variable"),
        ("held.by.a-variable", "env:HOLDS_IT"),
        ("env:HOLDS_IT", "env:HOLDS_IT_TOO"),
    ],
)
def test_two_agents_never_have_one_bot(
    first: str, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOLDS_IT", "HOLDS_IT_TOO"):
        monkeypatch.setenv(name, "held.by.a-variable")
    add("first", first, ECHO)
    with pytest.raises(Conflict, match="the agent first has this bot already") as refused:
        add("second", second, ECHO)
    assert second.removeprefix("env:") not in str(refused.value)
    add("second", "quite.another", ECHO)
    with pytest.raises(Conflict):
        edit("second", {}, second)
    assert edit("first", {}, second)["name"] == "first", "its own bot it may keep"


def test_a_variable_that_is_set_later_is_compared_then(monkeypatch: pytest.MonkeyPatch) -> None:
    add("first", "env:SET_LATER", ECHO)
    monkeypatch.setenv("SET_LATER", "the.one.token")
    with pytest.raises(Conflict):
        add("second", "the.one.token", ECHO)


def test_two_who_add_the_same_bot_at_once_do_not_both_succeed() -> None:
    def try_to(number: int) -> bool:
        try:
            add(f"agent-{number}", "the.only.one", ECHO)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_to, range(8))) == 1
    assert len(list_all()) == 1


def test_changes_at_the_same_moment_are_all_kept() -> None:
    add("greeter", "a.token", ECHO)

    def change(number: int) -> None:
        edit("greeter", {"settings": {"prefix": str(number)}})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(20)))
    assert find("greeter")["revision"] == 21


def test_what_is_not_there_is_named() -> None:
    for work in (lambda: find("x"), lambda: edit("x", {}), lambda: remove("x")):
        with pytest.raises(NotFound, match="There is no agent called x"):
            work()
    add("x", "a.token", ECHO)
    with pytest.raises(Conflict, match="called x already"):
        add("x", "b.token", ECHO)
    with pytest.raises(InvalidInput, match="colour: an agent has type"):
        edit("x", {"colour": "red"})


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        add("x", "a.token", {"type": "echo", "settings": {"prefix": 5, "suffix": 6}})
    assert str(refused.value).splitlines() == [
        "settings.prefix: 5 is not of the type string",
        "settings.suffix: 6 is not of the type string",
    ]
    assert list_all() == []


def test_keys_are_rotated(keys: Callable[[str], None]) -> None:
    keys(OLD)
    add("greeter", "a.secret.token", ECHO)
    add("referring", "env:SOMETHING", ECHO)
    keys(f"{NEW},{OLD}")
    assert opened("greeter") == "a.secret.token"
    with pytest.raises(Conflict):
        add("second", "a.secret.token", ECHO)
    assert reseal() == 1
    keys(NEW)
    assert opened("greeter") == "a.secret.token"
    with pytest.raises(Conflict):
        add("second", "a.secret.token", ECHO)


def test_a_key_that_is_gone_is_told(keys: Callable[[str], None]) -> None:
    keys(OLD)
    add("greeter", "a.secret.token", ECHO)
    keys(NEW)
    before = stored("greeter")
    with pytest.raises(InvalidInput, match="greeter: the token was sealed with a key that is no"):
        reseal()
    assert stored("greeter") == before
    edit("greeter", {}, "a.new.token")
    assert opened("greeter") == "a.new.token"


def test_production_without_a_key_takes_references_only(
    keys: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    keys("")
    with pytest.raises(InvalidInput, match="AGENT_TOKEN_KEYS is not set; `make secrets` makes"):
        add("greeter", "a.secret.token", ECHO)
    assert add("greeter", "env:GREETER", ECHO)["token"] == "env:GREETER"


def test_an_agent_takes_its_place_in_a_transaction(database: Database) -> None:
    with pytest.raises(AppError), database.transaction():
        add("first", "a.token", ECHO)
        add("second", "a.token", ECHO)
    assert agents.list_all() == []
