"""Requests that several processes count together, in a real Redis, and what happens without it."""

import logging
import shutil
import socket
import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

import api.http.rate_limit
from api.http.rate_limit import counters
from api.main import create_app
from config.broken import CannotStart
from config.settings import Settings, get_settings
from core.db.engine import Database
from tests.support.api import Caller
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD
from tests.support.servers import ServerProcess

PROGRAM = shutil.which("redis-server")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs Debian's package redis-server")


class RedisServer(ServerProcess):
    """Debian's redis-server, which is empty at each start."""

    @property
    def url(self) -> str:
        """What RATE_LIMIT_STORAGE_URL is set to."""
        return f"redis://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        nothing_kept = ("--save", "", "--appendonly", "no", "--dir", str(self.folder))
        return [str(PROGRAM), "--bind", "127.0.0.1", "--port", str(self.port), *nothing_kept]

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                line.sendall(b"PING\r\n")
                return line.recv(16) == b"+PONG\r\n"
        except OSError:
            return False


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer.running() as server:
        yield server


@pytest.fixture
def settings(redis: RedisServer) -> Settings:
    return get_settings().model_copy(
        update={
            "rate_limit": "6 per minute",
            "rate_limit_login": "4 per minute",
            "rate_limit_storage_url": SecretStr(redis.url),
        }
    )


def log_in(caller: Caller, name: str = "ada") -> int:
    body = {"username": name, "password": PASSWORD}
    return caller.post("/api/login", body).status_code


def test_an_option_that_redis_does_not_know_ends_the_start() -> None:
    with pytest.raises(CannotStart, match=r"^RATE_LIMIT_STORAGE_URL: an option") as refused:
        counters("redis://:hidden@127.0.0.1:1?patience=hidden")
    assert "hidden" not in str(refused.value)


def test_a_number_grows_and_is_forgotten(redis: RedisServer) -> None:
    one, other = counters(redis.url), counters(redis.url)
    assert [one.hit("a", 60)[0], other.hit("a", 60)[0], one.get("a")] == [1, 2, 2]
    assert one.hit("a", 60)[1] == pytest.approx(other.get_expiry("a"), abs=1.5)
    other.clear("a")
    assert (one.get("a"), one.hit("a", 60)[0]) == (0, 1)


def test_none_is_lost_when_many_count(redis: RedisServer) -> None:
    stores = [counters(redis.url) for _ in range(4)]

    def count(one: int) -> None:
        for _ in range(100):
            stores[one].hit("a", 60)

    threads = [threading.Thread(target=count, args=(one,)) for one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].get("a") == 400


@on_sqlite
def test_two_processes_have_one_limit(database: Database, settings: Settings) -> None:
    first, second = (create_app(settings, database).test_client() for _ in range(2))
    answers = [log_in(Caller(client)) for client in (first, second, first, second, first, second)]
    refused = Caller(second).post("/api/login", {"username": "ada", "password": PASSWORD})
    assert answers == [401] * 4 + [429] * 2
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


@on_sqlite
def test_without_redis_each_process_counts_until_it_is_back(
    database: Database,
    settings: Settings,
    redis: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(api.http.rate_limit, "REDIS_PAUSE", 0.0)
    app = create_app(settings, database)
    with (
        app.test_client() as client,
        caplog.at_level(logging.WARNING, logger="api.http.rate_limit"),
    ):
        assert log_in(Caller(client)) == 401
        redis.stop()
        assert [log_in(Caller(client)) for _ in range(5)] == [401] * 4 + [429]
        redis.start()
        assert log_in(Caller(client)) == 401
    said = [record.message for record in caplog.records]
    assert said[0] == "counting in memory, since Redis does not answer: ConnectionError"
    assert said[1] == "Redis is back: counting there again"
    assert len(said) == 2
