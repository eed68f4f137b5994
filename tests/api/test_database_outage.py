"""A database that goes away, or closes connections, as callers of the real server see it."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx2
import psycopg2
import pytest
from sqlalchemy import make_url

from api.http.security import SERVICE_KEY_HEADER
from api.main import create_app
from config.settings import get_settings
from core import migrations
from core.db.engine import Database, use_database
from core.postgres import count
from tests.support.api import running
from tests.support.errands import make_table
from tests.support.people import PASSWORD
from tests.support.postgres import PostgresServer

ADA = {"username": "ada", "password": PASSWORD}
THREADS = 8


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer.running() as server, closing(Database(server.url)) as database:
        migrations.upgrade(database)
        make_table(database)
        yield server


@pytest.fixture
def client(server: PostgresServer) -> Iterator[httpx2.Client]:
    """Ada, logged in to the API on that database."""
    with closing(Database(server.url, pool_size=4)) as database:
        before = use_database(database)
        app = create_app(get_settings(), database)
        with running(app, THREADS) as url, httpx2.Client(base_url=url, timeout=20) as client:
            client.post("/api/register", json=ADA)
            token = client.post("/api/login", json=ADA).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client
        use_database(before)


def close_every_connection(server: PostgresServer) -> int:
    """Have the server end the sessions of everybody else; return how many there were."""
    address = make_url(server.url).set(drivername="postgresql")
    with closing(psycopg2.connect(address.render_as_string(hide_password=False))) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return len(cursor.fetchall())


def test_a_database_that_is_away_is_a_503_until_it_is_back(
    server: PostgresServer, client: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.post("/api/errands", json={"name": "before"}).status_code == 201
    service = {SERVICE_KEY_HEADER: get_settings().service_key.get_secret_value()}
    account = {"platform": "console", "agent": "a", "account_id": "b"}
    once = {"Idempotency-Key": "sent-while-it-was-away"}
    server.stop()
    try:
        with caplog.at_level(logging.WARNING):
            refused = [
                client.get("/api/errands"),
                client.post("/api/errands", json={"name": "during"}, headers=once),
                client.post("/api/login", json=ADA),
                client.get("/ready"),
                client.post("/api/service/tokens", json={"accounts": [account]}, headers=service),
            ]
        assert client.get("/health").status_code == 200
    finally:
        server.start()
    for answer in refused:
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert list(answer.json()) == ["error"]
        assert not {"psycopg2", "127.0.0.1", "SELECT", "Traceback"} & set(answer.text.split())
    assert "Traceback" not in caplog.text
    assert client.get("/ready").status_code == 200
    for _ in range(2):
        answer = client.post("/api/errands", json={"name": "during"}, headers=once)
        assert answer.status_code == 201
    assert [row["name"] for row in client.get("/api/errands").json()] == ["before", "during"]


def test_connections_that_the_server_closed_are_replaced_without_an_error(
    server: PostgresServer, client: httpx2.Client
) -> None:
    before = count("errands")
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in range(3):
            list(threads.map(lambda _: client.get("/api/errands"), range(4 * THREADS)))
            assert close_every_connection(server) >= 2, "the pool held too few to tell"
            reads = threads.map(lambda _: client.get("/api/errands"), range(THREADS))
            assert [answer.status_code for answer in reads] == [200] * THREADS
            assert close_every_connection(server) >= 1
            writes = threads.map(
                lambda _: client.post("/api/errands", json={"name": "after"}), range(THREADS)
            )
            assert [answer.status_code for answer in writes] == [201] * THREADS
            close_every_connection(server)
            once = {"Idempotency-Key": f"key-{before}"}
            first, again = (
                client.post("/api/errands", json={"name": "once"}, headers=once) for _ in range(2)
            )
            assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert count("errands") == before + 3 * THREADS + 1
