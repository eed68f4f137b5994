"""Wrong passwords slow down whoever sends them, and lock nobody out."""

import threading
import time
from collections.abc import Callable

import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from api.http.login_throttle import ATTACK_FAILURES, FREE_TRIES, PAUSE_UNDER_ATTACK
from config.settings import Settings, get_settings
from tests.support.api import Caller
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD

pytestmark = on_sqlite
WRONG = "wrong password"


def log_in(
    caller: Caller, password: str = WRONG, address: str = "192.0.2.1", name: str = "ada"
) -> TestResponse:
    credentials = {"username": name, "password": password}
    return caller.request("POST", "/api/login", credentials, environ_base={"REMOTE_ADDR": address})


@pytest.fixture
def a_second_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the clock of the pauses go on."""
    now = time.time
    return lambda: monkeypatch.setattr(time, "time", lambda: now() + 1.1)


def exhaust(caller: Caller, name: str = "ada", address: str = "192.0.2.1") -> None:
    for _ in range(FREE_TRIES):
        assert log_in(caller, address=address, name=name).status_code == 401


@pytest.mark.parametrize("name", ["ada", "nobody has this name"])
def test_known_and_unknown_names_slow_down_alike(ada: Caller, nobody: Caller, name: str) -> None:
    exhaust(nobody, name)
    paused = log_in(nobody, name=name)
    assert paused.status_code == 429
    assert paused.headers["Retry-After"] in ("1", "2")
    assert paused.json["error"] == (
        f"These were too many wrong passwords. Please wait {paused.headers['Retry-After']} "
        + ("second." if paused.headers["Retry-After"] == "1" else "seconds.")
    )


def test_one_name_in_other_letters_is_one_account(nobody: Caller) -> None:
    exhaust(nobody, "Zo\u00eb")
    assert log_in(nobody, name=" Zoe\u0308 ").status_code == 429


def test_a_pause_ends_and_the_next_is_longer(
    ada: Caller, nobody: Caller, a_second_later: Callable[[], None]
) -> None:
    exhaust(nobody)
    assert log_in(nobody, PASSWORD).status_code == 429  # not even the right one
    a_second_later()
    assert log_in(nobody).status_code == 401
    assert int(log_in(nobody).headers["Retry-After"]) >= 2


def test_the_right_password_ends_it(
    ada: Caller, nobody: Caller, a_second_later: Callable[[], None]
) -> None:
    exhaust(nobody)
    a_second_later()
    assert log_in(nobody, PASSWORD).status_code == 200
    exhaust(nobody)


def test_a_stranger_does_not_slow_down_the_owner(ada: Caller, nobody: Caller) -> None:
    exhaust(nobody)
    assert log_in(nobody).status_code == 429
    assert log_in(nobody, PASSWORD, address="198.51.100.7").status_code == 200


def test_many_addresses_together_have_one_try_each_and_lock_nobody_out(
    ada: Caller, nobody: Caller
) -> None:
    for number in range(ATTACK_FAILURES):
        assert log_in(nobody, address=f"192.0.2.{number}").status_code == 401
    assert log_in(nobody, address="203.0.113.1").status_code == 401
    second = log_in(nobody, PASSWORD, address="203.0.113.1")
    assert second.status_code == 429
    assert int(second.headers["Retry-After"]) > PAUSE_UNDER_ATTACK / 2
    assert log_in(nobody, PASSWORD, address="203.0.113.2").status_code == 200


@pytest.fixture
def settings() -> Settings:
    """Eight who try at the same time all find room to hash."""
    return get_settings().model_copy(update={"api_threads": 16})


def test_trying_at_the_same_time_gains_nothing(
    ada: Caller, app: APIFlask, nobody: Caller, a_second_later: Callable[[], None]
) -> None:
    exhaust(nobody)
    a_second_later()
    statuses: list[int] = []

    def guess() -> None:
        with app.test_client() as client:
            statuses.append(log_in(Caller(client)).status_code)

    guessers = [threading.Thread(target=guess) for _ in range(8)]
    for guesser in guessers:
        guesser.start()
    for guesser in guessers:
        guesser.join()
    assert sorted(statuses) == [401] + [429] * 7


def test_a_stolen_token_does_not_open_a_way_to_guess(ada: Caller) -> None:
    for _ in range(FREE_TRIES):
        answer = ada.delete(f"/api/user/{ada.uuid}", {"password": "wrong password"})
        assert answer.status_code == 401
    assert ada.delete(f"/api/user/{ada.uuid}", {"password": PASSWORD}).status_code == 429
    change = {"password": "a new password", "current_password": PASSWORD}
    assert ada.put(f"/api/user/{ada.uuid}", change).status_code == 429
