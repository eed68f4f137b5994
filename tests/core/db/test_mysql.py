"""What only MySQL and MariaDB need: rows put together, and connections that are killed."""

import os
from contextlib import closing

import pytest

from core.db.engine import Database, transaction
from core.errors import Conflict, InvalidInput, Unavailable
from core.postgres import count, execute, insert, select, upsert
from tests.support.mysql_database import OTHERS, connect, rows

pytestmark = [
    pytest.mark.skipif("TEST_MYSQL_URL" not in os.environ, reason="TEST_MYSQL_URL is not set"),
    pytest.mark.parametrize("database_url", ["mysql"], indirect=True),
]
ADA = {"username": "ada", "password_hashed": b"x"}


def kill_every_session(database: Database) -> None:
    """Have the server close every connection that the pool holds."""
    with closing(connect(database.engine.url)) as connection:
        own = connection.thread_id()
        for (other,) in rows(connection, OTHERS, own):
            rows(connection, f"KILL {other}")
        while rows(connection, OTHERS, own):
            pass


def test_killed_connections_are_replaced(database: Database) -> None:
    insert("users", ADA)
    kill_every_session(database)
    assert count("users") == 1
    kill_every_session(database)
    with transaction():
        insert("users", {**ADA, "username": "bob"})
    with pytest.raises(Unavailable), transaction():
        insert("users", {**ADA, "username": "cy"})
        kill_every_session(database)
        count("users")
    assert count("users") == 2


def test_a_deadlock_that_ended_a_savepoint_is_an_outage(database: Database) -> None:
    with pytest.raises(Unavailable), transaction(), transaction() as connection:
        connection.exec_driver_sql("ROLLBACK")  # as the server does then
        raise ValueError
    assert count("users") == 0


def test_a_new_row_is_found_again_where_the_server_does_not_return_it(
    database: Database, books: str
) -> None:
    count(books)  # the dialect now knows its server
    database.engine.dialect.insert_returning = False
    row = insert(books, {"title": "Persuasion"})
    assert select(books, {"title": "Persuasion"}) == [row]
    assert insert("users", ADA)["token_version"] == 0
    execute("CREATE TABLE keyless (a INTEGER)")
    with pytest.raises(InvalidInput, match="'keyless' can't be found again"):
        insert("keyless", {"a": 1})
    assert count("keyless") == 0


def test_an_upsert_changes_no_row_but_the_one_it_names(database: Database) -> None:
    first = insert("users", ADA)
    with pytest.raises(Conflict):  # the name is another row's
        upsert("users", {**ADA, "id": "00000000-0000-0000-0000-000000000001"}, "id")
    assert select("users") == [first]
