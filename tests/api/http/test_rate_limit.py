"""Requests are counted per caller, and who asks for too much is told when to come back."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from api.http.security import SERVICE_KEY_HEADER
from api.main import create_app
from config.settings import Settings, get_settings
from core.db.engine import Database
from tests.support.api import Caller
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD

pytestmark = on_sqlite


@pytest.fixture
def settings() -> Settings:
    return get_settings().model_copy(
        update={"rate_limit": "6 per minute", "rate_limit_login": "4 per minute"}
    )


def log_in(caller: Caller, password: str = PASSWORD, address: str = "192.0.2.1") -> TestResponse:
    credentials = {"username": "ada", "password": password}
    return caller.request("POST", "/api/login", credentials, environ_base={"REMOTE_ADDR": address})


def test_every_answer_says_how_much_is_left(nobody: Caller) -> None:
    first, second = nobody.get("/openapi.json"), nobody.get("/openapi.json")
    assert first.headers["X-RateLimit-Limit"] == "6"
    assert [answer.headers["X-RateLimit-Remaining"] for answer in (first, second)] == ["5", "4"]
    assert int(first.headers["X-RateLimit-Reset"]) > 0
    assert "Retry-After" not in first.headers


def test_too_many_requests_are_a_429_that_says_when_to_come_back(nobody: Caller) -> None:
    answers = [nobody.get("/openapi.json") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429]
    assert answers[-1].json["error"].endswith("Please wait a moment.")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert nobody.get("/health").status_code == 200


def test_users_at_one_address_have_a_limit_each(new_user: Callable[..., Caller]) -> None:
    ada, ben = new_user("ada"), new_user("ben")  # one request each: to learn their UUID
    assert [ada.get("/api/errands").status_code for _ in range(6)] == [200] * 5 + [429]
    assert ben.get("/api/errands").status_code == 200


def test_a_user_has_one_limit_everywhere(new_user: Callable[..., Caller]) -> None:
    ada = new_user("ada")
    for number in range(5):
        elsewhere = {"REMOTE_ADDR": f"192.0.2.{number}"}
        assert ada.request("GET", "/api/errands", environ_base=elsewhere).status_code == 200
    assert ada.get("/api/errands").status_code == 429


def test_refused_tokens_count_for_their_address(nobody: Caller) -> None:
    stranger = nobody.with_token("wrong")
    assert [stranger.get("/api/errands").status_code for _ in range(7)] == [401] * 6 + [429]


def test_log_ins_have_a_stricter_limit_per_address(nobody: Caller) -> None:
    assert [log_in(nobody).status_code for _ in range(5)] == [401] * 4 + [429]
    assert nobody.get("/openapi.json").status_code == 200
    assert log_in(nobody, address="192.0.2.2").status_code == 401


def test_an_ipv6_household_is_one_address(nobody: Caller) -> None:
    addresses = [f"2001:db8:0:1::{number}" for number in range(1, 5)]
    assert [log_in(nobody, address=one).status_code for one in addresses] == [401] * 4
    assert log_in(nobody, address="2001:db8:0:1:ffff::5").status_code == 429
    assert log_in(nobody, address="2001:db8:0:2::1").status_code == 401


@pytest.mark.parametrize("form", ["::ffff:192.0.2.{}", "192.0.2.{}:4711", "[::ffff:192.0.2.{}]:80"])
def test_an_ipv4_address_is_one_however_it_is_written(nobody: Caller, form: str) -> None:
    for _ in range(4):
        assert log_in(nobody, address=form.format(1)).status_code == 401
    assert log_in(nobody, address="192.0.2.1").status_code == 429
    assert log_in(nobody, address=form.format(2)).status_code == 401


@pytest.mark.parametrize(
    "form",
    ["192.0.2.1:{}", "[2001:db8::1]:{}", "2001:db8::{}", "fe80::1%eth{}", "nonsense {}"],
)
def test_what_the_sender_can_choose_makes_no_new_address(nobody: Caller, form: str) -> None:
    for number in range(4):
        assert log_in(nobody, address=form.format(number)).status_code == 401
    assert log_in(nobody, address=form.format(4)).status_code == 429


def test_registrations_and_log_ins_share_their_limit(nobody: Caller) -> None:
    names = [{"username": f"user{number}", "password": PASSWORD} for number in range(4)]
    assert [nobody.post("/api/register", one).status_code for one in names] == [201] * 4
    assert nobody.post("/api/login", names[0]).status_code == 429


def test_the_bot_is_not_limited(bot: Caller) -> None:
    body = {"platform": "console", "agent": "a", "account_id": "b"}
    answers = [bot.post("/api/service/unlink", body) for _ in range(10)]
    assert {answer.status_code for answer in answers} == {200}
    assert "X-RateLimit-Limit" not in answers[0].headers


def test_guesses_at_the_service_key_are_limited(client: FlaskClient) -> None:
    guesser = Caller(client, {SERVICE_KEY_HEADER: "guess"})
    body = {"platform": "console", "agent": "a", "account_id": "b"}
    answers = [guesser.post("/api/service/unlink", body).status_code for _ in range(7)]
    assert answers == [401] * 6 + [429]


def test_chat_accounts_that_share_the_bots_address_have_a_limit_each(
    client: FlaskClient, bot: Caller
) -> None:
    ada, ben = (
        Caller(client, {**bot.headers, "X-Chat-Account": f"discord/default/{name}"})
        for name in ("ada", "ben")
    )
    assert [log_in(ada).status_code for _ in range(5)] == [401] * 4 + [429]
    assert log_in(ben).status_code == 401


def test_nobody_but_the_bot_can_name_a_chat_account(client: FlaskClient) -> None:
    answers = []
    for number in range(5):
        stranger = Caller(client, {"X-Chat-Account": str(number), SERVICE_KEY_HEADER: "wrong"})
        answers.append(log_in(stranger).status_code)
    assert answers == [401] * 4 + [429]


@pytest.mark.parametrize(
    ("proxies", "expected"), [(0, [401] * 4 + [429]), (1, [401] * 5)], ids=["none", "one"]
)
def test_the_forwarded_address_counts_behind_a_proxy_alone(
    database: Database, settings: Settings, proxies: int, expected: list[int]
) -> None:
    app = create_app(settings.model_copy(update={"trusted_proxies": proxies}), database)
    with app.test_client() as client:
        answers = [
            log_in(Caller(client, {"X-Forwarded-For": f"198.51.100.{number}"}))
            for number in range(5)
        ]
    assert [answer.status_code for answer in answers] == expected


def test_counting_goes_on_in_memory_while_redis_is_away(
    database: Database, settings: Settings
) -> None:
    away = {"rate_limit_storage_url": SecretStr("redis://127.0.0.1:1")}
    app = create_app(settings.model_copy(update=away), database)
    with app.test_client() as client:
        assert [log_in(Caller(client)).status_code for _ in range(5)] == [401] * 4 + [429]
