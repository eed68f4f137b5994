"""Transactions, the pool, and a database that goes away."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, text

from config.settings import get_settings
from core import postgres
from core.db.engine import Database, get_database, transaction, use_database
from core.errors import AppError, Conflict, InvalidInput, OutOfDate, Unavailable
from core.tables import users
from tests.support.databases import on_postgresql, on_sqlite

ADA = {"username": "ada", "password_hashed": b"x"}
BOB = {"username": "bob", "password_hashed": b"x"}


def names() -> list[str]:
    return [row["username"] for row in postgres.select("users", order_by="username")]


class Change(Exception):
    """Something that goes wrong in the middle."""


# Transactions


def test_a_transaction_is_kept_or_undone_as_one(database: Database) -> None:
    with pytest.raises(Change), transaction():
        postgres.insert("users", ADA)
        assert names() == ["ada"]
        raise Change
    assert names() == []
    with transaction():
        postgres.insert("users", ADA)
        postgres.insert("users", BOB)
    assert names() == ["ada", "bob"]


def test_an_inner_transaction_is_undone_alone(database: Database) -> None:
    with transaction():
        postgres.insert("users", ADA)
        with pytest.raises(Conflict), transaction():
            postgres.insert("users", BOB)
            postgres.insert("users", ADA)
        assert names() == ["ada"]
        with transaction():
            postgres.insert("users", BOB)
    assert names() == ["ada", "bob"]


def test_an_inner_transaction_may_be_a_mere_part(database: Database) -> None:
    with pytest.raises(Conflict), transaction():
        postgres.insert("users", ADA)
        with transaction(savepoint=False):
            postgres.insert("users", BOB)
            postgres.insert("users", ADA)
    assert names() == []
    with transaction(savepoint=False):
        postgres.insert("users", BOB)
    assert names() == ["bob"]


def test_sqlalchemys_statements_share_the_transaction(database: Database) -> None:
    with transaction() as connection:
        postgres.insert("users", ADA)
        row = connection.execute(select(users)).one()
        assert row.username == "ada"
        with transaction() as inner:
            assert inner is connection


def test_nobody_else_sees_an_open_transaction(database: Database) -> None:
    with ThreadPoolExecutor(1) as other, transaction():
        postgres.insert("users", ADA)
        assert other.submit(names).result() == []
    assert names() == ["ada"]


def test_each_database_has_its_own_transaction(database: Database, tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path}/other.db")) as other, database.transaction():
        postgres.insert("users", ADA)
        with other.transaction() as connection:
            connection.execute(text("CREATE TABLE a (b INTEGER)"))
        with pytest.raises(Change), other.transaction() as connection:
            connection.execute(text("INSERT INTO a VALUES (1)"))
            raise Change
        with other.transaction() as connection:
            assert connection.execute(text("SELECT count(*) FROM a")).scalar() == 0
    assert names() == ["ada"]


def test_writers_on_many_threads_take_turns(database: Database) -> None:
    postgres.execute("CREATE TABLE counter (n INTEGER)")
    postgres.insert("counter", {"n": 0})
    lock = "" if database.dialect == "sqlite" else " FOR UPDATE"

    def count_up(_: int) -> None:
        with transaction() as connection:
            n = connection.execute(text(f"SELECT n FROM counter{lock}")).scalar_one()  # noqa: S608
            postgres.update("counter", {"n": n + 1}, {"n": n})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count_up, range(40)))
    assert postgres.select("counter") == [{"n": 40}]


def test_a_transaction_left_open_by_hand_is_refused_and_undone(database: Database) -> None:
    with pytest.raises(InvalidInput, match="use transaction"):
        postgres.execute("BEGIN")
    postgres.insert("users", ADA)
    with ThreadPoolExecutor(1) as other:
        assert other.submit(names).result() == ["ada"]


# Cursors and connections


def test_a_cursor_reads_alike_on_every_database(database: Database) -> None:
    user = postgres.insert("users", ADA)
    with postgres.get_cursor() as cursor:
        cursor.execute("SELECT username FROM users WHERE id = %s", (user["id"],))
        assert dict(cursor.fetchone()) == {"username": "ada"}
        cursor.execute(
            "UPDATE users SET display_name = %(name)s WHERE username LIKE 'a%%'", {"name": "100%"}
        )
        assert cursor.rowcount == 1
    with postgres.get_cursor(dict_cursor=False) as cursor:
        cursor.execute("SELECT display_name, '%s' FROM users WHERE username LIKE 'a%'")
        assert cursor.fetchone() == ("100%", "%s")
        cursor.executemany(
            "INSERT INTO users (username, password_hashed) VALUES (%s, %s)",
            [("bob", b"x"), ("cy", b"y")],
        )
    assert names() == ["ada", "bob", "cy"]


def test_a_cursor_and_a_connection_undo_what_fails(database: Database) -> None:
    with pytest.raises(Change), postgres.get_cursor() as cursor:
        cursor.execute("INSERT INTO users (username, password_hashed) VALUES ('ada', %s)", (b"x",))
        raise Change
    add = "INSERT INTO users (username, password_hashed) VALUES (%s, %s)"
    with (
        pytest.raises(Conflict),
        postgres.get_connection() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(add, ("ada", b"x"))
        cursor.execute(add, ("ada", b"x"))
    assert names() == []
    with postgres.get_connection() as connection, connection.cursor() as cursor:
        cursor.execute(add, ("ada", b"x"))
    assert names() == ["ada"]


def test_python_values_are_parameters_of_hand_written_sql(database: Database) -> None:
    kinds = "a TEXT, b TEXT, c TEXT, d TEXT, e TEXT, f TEXT"
    postgres.execute(f"CREATE TABLE kept ({kinds})")
    values = (
        UUID(int=1),
        datetime(2024, 2, 29, 12, tzinfo=UTC),
        datetime(2024, 2, 29, 12),  # noqa: DTZ001
        date(2024, 2, 29),
        time(17, 5),
        Decimal("1.50"),
    )
    with postgres.get_cursor() as cursor:
        cursor.execute("INSERT INTO kept VALUES (%s, %s, %s, %s, %s, %s)", values)
    [row] = postgres.select("kept")
    assert UUID(row["a"]) == values[0]
    assert row["b"][:16] == row["c"][:16] == "2024-02-29 12:00"
    assert (row["d"], row["e"][:5], row["f"]) == ("2024-02-29", "17:05", "1.50")


@on_sqlite
def test_json_is_a_parameter_of_hand_written_sql(database: Database) -> None:
    assert postgres.execute("SELECT :a AS a", {"a": {"b": [1]}}) == [{"a": '{"b": [1]}'}]


# Errors


def test_the_drivers_errors_by_kind(database: Database) -> None:
    user = postgres.insert("users", ADA)
    strange = "00000000-0000-0000-0000-000000000001"
    with pytest.raises(Conflict, match="This exists already"):
        postgres.insert("users", ADA)
    with pytest.raises(InvalidInput, match="password_hashed is required"):
        postgres.insert("users", {"username": "bob"})
    with pytest.raises(InvalidInput, match="refers to something that does not exist"):
        postgres.insert("notifications", {"user_uuid": strange})
    with pytest.raises(InvalidInput, match="ntfy_topic can't take this value"):
        postgres.insert("notifications", {"user_uuid": user["id"], "ntfy_topic": "x" * 256})
    with pytest.raises(OutOfDate, match="no table or column no_such"):
        postgres.execute("SELECT * FROM no_such")
    postgres.execute("CREATE TABLE bounded (n INTEGER CHECK (n > 0))")
    with pytest.raises(InvalidInput, match="does not fit"):
        postgres.insert("bounded", {"n": -1})
    with pytest.raises(AppError) as error:
        postgres.execute("SELEKT 1")
    assert type(error.value) is AppError
    assert "SELEKT" not in str(error.value)


@on_sqlite
def test_a_write_lock_that_is_not_given_up_is_unavailable(database: Database) -> None:
    with closing(Database(database.engine.url)) as impatient:
        impatient.run(lambda cursor: cursor.execute("PRAGMA busy_timeout=50"))
        with ThreadPoolExecutor(1) as other, transaction():
            postgres.insert("users", ADA)
            insert = "INSERT INTO users (username, password_hashed) VALUES ('bob', 'x')"
            refused = other.submit(impatient.run, lambda cursor: cursor.execute(insert))
            assert isinstance(refused.exception(), Unavailable)
    assert names() == ["ada"]


@on_postgresql
def test_a_deadlock_is_worth_another_try(database: Database) -> None:
    postgres.insert_many("users", [ADA, BOB])
    postgres.execute("ALTER SYSTEM SET deadlock_timeout = '10ms'")
    postgres.execute("SELECT pg_reload_conf()")
    both_hold_one = threading.Barrier(2)

    def cross(first: str, second: str) -> None:
        with transaction():
            postgres.update("users", {"display_name": first}, {"username": first})
            both_hold_one.wait()
            postgres.update("users", {"display_name": first}, {"username": second})

    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(cross, *pair) for pair in (("ada", "bob"), ("bob", "ada"))]
        failures = [failure for run in runs if (failure := run.exception())]
    postgres.execute("ALTER SYSTEM RESET deadlock_timeout")
    postgres.execute("SELECT pg_reload_conf()")
    assert [type(failure) for failure in failures] == [Unavailable]


def test_only_databases_that_are_known() -> None:
    with pytest.raises(InvalidInput, match="mysql, mariadb or postgres"):
        Database("oracle://localhost/app")
    for url in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(InvalidInput, match="SQLite needs a file"):
            Database(url)


# The process's database


def test_the_process_has_one_database_made_from_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/deep/er/app.db")
    get_settings.cache_clear()
    before = use_database(None)
    try:
        database = get_database()
        assert get_database() is database
        assert database.engine.url.database == f"{tmp_path}/deep/er/app.db"
        postgres.execute("CREATE TABLE a (b INTEGER)")
        assert (tmp_path / "deep/er/app.db").exists()
        database.close()
    finally:
        use_database(before)
        get_settings.cache_clear()
