"""What those who run the service can ask it."""

import logging
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import URL

from api.main import create_app
from config.settings import Settings, get_settings
from core.db.engine import Database, use_database
from tests.support.api import ABSENT, Caller
from tests.support.databases import on_sqlite

TOKEN = "m" * 40


@pytest.fixture
def settings() -> Settings:
    return get_settings().model_copy(update={"metrics_token": SecretStr(TOKEN)})


def metrics(caller: Caller) -> dict[tuple[str, ...], float]:
    answer = caller.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_it_is_ready_with_a_database_that_is_up_to_date(nobody: Caller) -> None:
    assert nobody.get("/ready").json == {"status": "ok"}


def test_it_is_alive_but_not_ready_without_migrations(settings: Settings, tmp_path: Path) -> None:
    with closing(Database(URL.create("sqlite", database=str(tmp_path / "empty.db")))) as empty:
        _not_ready(empty, settings)


def test_it_is_alive_but_not_ready_without_a_database(settings: Settings) -> None:
    url = "postgresql+psycopg2://nobody@127.0.0.1:1/nothing"
    with closing(Database(url)) as away:
        _not_ready(away, settings)


def _not_ready(database: Database, settings: Settings) -> None:
    before = use_database(database)
    try:
        with create_app(settings, database).test_client() as client:
            answer = Caller(client).get("/ready")
            assert answer.status_code == 503
            assert answer.json["error"]
            assert int(answer.headers["Retry-After"]) > 0
            assert Caller(client).get("/health").json == {"status": "ok"}
            assert metrics(Caller(client).with_token(TOKEN))
    finally:
        use_database(before)


@on_sqlite
def test_metrics_count_requests_by_route_and_log_ins(ada: Caller, nobody: Caller) -> None:
    for _ in range(2):
        ada.get(f"/api/errands/{ABSENT}")
    nobody.request("BREW", "/coffee")
    nobody.post("/api/login", {"username": "ada", "password": "wrong password"})
    found = metrics(nobody.with_token(TOKEN))
    route = "/api/errands/<uuid:row_id>"
    assert found["api_requests_total", "GET", route, "404"] == 2
    assert found["api_requests_total", "-", "(no such address)", "404"] == 1
    assert found["api_request_seconds_count", route] == 2
    assert found["api_log_ins_total", "ok"] == 1
    assert found["api_log_ins_total", "failed"] == 1
    assert found["api_log_ins_total", "paused"] == 0
    assert found["api_pool_used",] == 0
    assert found["api_pool_size",] == 10
    assert ada.uuid not in nobody.with_token(TOKEN).get("/metrics").text


@on_sqlite
def test_metrics_are_closed_to_everyone_else(ada: Caller, bot: Caller, nobody: Caller) -> None:
    for caller in (nobody, ada, nobody.with_token("x" * 40)):
        answer = caller.get("/metrics")
        assert answer.status_code == 401
        assert answer.json["error"]
    assert metrics(bot)
    key = get_settings().service_key.get_secret_value()
    assert nobody.with_token(key).get("/metrics").status_code == 401  # with METRICS_TOKEN, no other


@on_sqlite
def test_without_a_token_the_service_key_opens_them(database: Database, bot: Caller) -> None:
    app = create_app(get_settings(), database)
    key = get_settings().service_key.get_secret_value()
    with app.test_client() as client:
        for token in ("", "None"):
            assert Caller(client).with_token(token).get("/metrics").status_code == 401
        assert metrics(Caller(client, bot.headers))
        assert metrics(Caller(client).with_token(key))


@on_sqlite
def test_what_is_asked_every_second_is_a_detail_in_the_log(
    nobody: Caller, bot: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "api.http.request_id")
    bot.post("/api/service/deliveries/claim", {"platform": "console", "agent": "a"})
    nobody.get("/health")
    nobody.get("/ready")
    bot.post("/api/service/deliveries/claim", {})
    levels = [record.levelno for record in caplog.records]
    assert levels == [logging.DEBUG] * 3 + [logging.INFO]
