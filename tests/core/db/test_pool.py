"""The pool, and a server that goes away."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest
from sqlalchemy import text

from core import postgres
from core.db.engine import Database, transaction, use_database
from core.errors import Unavailable
from tests.support.databases import on_postgresql
from tests.support.postgres import PostgresServer

ADA = {"username": "ada", "password_hashed": b"x"}
BOB = {"username": "bob", "password_hashed": b"x"}


def names() -> list[str]:
    return [row["username"] for row in postgres.select("users", order_by="username")]


def end_every_session(database: Database) -> None:
    """Have the server close every connection that the pool holds."""
    admin = database.engine.url.set(drivername="postgresql", database="postgres")
    with closing(psycopg2.connect(admin.render_as_string(hide_password=False))) as connection:
        connection.autocommit = True
        connection.cursor().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (database.engine.url.database,),
        )
        while True:
            cursor = connection.cursor()
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s",
                (database.engine.url.database,),
            )
            if cursor.fetchone() == (0,):
                return


@on_postgresql
def test_connections_that_the_server_closed_are_replaced(database: Database) -> None:
    barrier = threading.Barrier(4)

    def fill_the_pool(_: int) -> None:
        with transaction() as connection:
            connection.execute(text("SELECT 1"))
            barrier.wait()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(fill_the_pool, range(4)))
    end_every_session(database)
    postgres.insert("users", ADA)
    assert names() == ["ada"]
    end_every_session(database)
    with transaction():
        postgres.insert("users", BOB)
    assert names() == ["ada", "bob"]


@on_postgresql
def test_a_connection_lost_in_a_transaction_is_an_error_and_then_replaced(
    database: Database,
) -> None:
    with pytest.raises(Unavailable), transaction():
        postgres.insert("users", ADA)
        end_every_session(database)
        postgres.insert("users", BOB)
    assert names() == []
    with pytest.raises(Unavailable), transaction() as connection:
        postgres.insert("users", ADA)
        end_every_session(database)
        connection.execute(text("SELECT 1"))
    assert names() == []
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


@on_postgresql
def test_a_connection_lost_during_a_statement_is_an_error_and_then_replaced(
    database: Database,
) -> None:
    with ThreadPoolExecutor(1) as other:
        asleep = other.submit(postgres.execute, "SELECT pg_sleep(30)")
        while not postgres.execute(
            "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' "
            "AND wait_event = 'PgSleep'"
        ):
            pass
        end_every_session(database)
        assert isinstance(asleep.exception(), Unavailable)
    assert names() == []


@pytest.mark.slow
def test_a_server_that_is_away_is_unavailable_and_then_there_again() -> None:
    with PostgresServer.running() as server, closing(Database(server.url, pool_size=2)) as database:
        before = use_database(database)
        try:
            postgres.execute("CREATE TABLE marks (n INTEGER)")
            with transaction():
                postgres.insert("marks", {"n": 1})
            server.stop()
            for _ in range(3):  # more often than there are places in the pool
                with pytest.raises(Unavailable):
                    postgres.select("marks")
                with pytest.raises(Unavailable), transaction():
                    postgres.insert("marks", {"n": 2})
            server.start()
            assert postgres.select("marks") == [{"n": 1}]
            with transaction():
                postgres.insert("marks", {"n": 2})
            assert postgres.count("marks") == 2
        finally:
            use_database(before)


def test_an_exhausted_pool_is_unavailable_after_a_while(database: Database) -> None:
    with closing(Database(database.engine.url, pool_size=1, pool_timeout=0.1)) as small:
        taken, done = threading.Event(), threading.Event()

        def hold() -> None:
            with small.transaction():
                taken.set()
                done.wait()

        with ThreadPoolExecutor(1) as other:
            holding = other.submit(hold)
            taken.wait()
            with pytest.raises(Unavailable):
                small.run(lambda cursor: cursor.execute("SELECT 1"))
            with pytest.raises(Unavailable), small.transaction():
                pass
            done.set()
            holding.result()
        small.run(lambda cursor: cursor.execute("SELECT 1"))
