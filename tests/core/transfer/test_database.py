"""Backups: every row comes back as it was, on each database and from one to another."""

import gzip
import hashlib
import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from sqlalchemy import URL, inspect, select, text

from api.discovery import load_routes
from core import agents, migrations
from core.agents import knowledge
from core.agents.knowledge import Passage
from core.db.engine import Database, use_database
from core.errors import Conflict, InvalidInput
from core.postgres import execute, insert, insert_many, select_one
from core.tables import metadata
from core.transfer import database as transfer
from core.transfer.database import from_json, to_json
from core.users import register_user
from tests.support.databases import on_sqlite
from tests.support.mysql_database import connect, rows

BY_HAND = {
    "sqlite": (
        "CREATE TABLE places (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, "
        "lies_in INTEGER REFERENCES places (id), paid NUMERIC, seen DATE, picture BLOB)"
    ),
    "mysql": (
        "CREATE TABLE places (id INTEGER PRIMARY KEY AUTO_INCREMENT, name VARCHAR(99) NOT NULL, "
        "lies_in INTEGER, paid DECIMAL(10, 2), seen DATE, picture BLOB, "
        "FOREIGN KEY (lies_in) REFERENCES places (id))"
    ),
    "postgresql": (
        "CREATE TABLE places (id SERIAL PRIMARY KEY, name TEXT NOT NULL, "
        "lies_in INTEGER REFERENCES places (id), paid NUMERIC, seen DATE, picture BYTEA)"
    ),
}
INDEX = "CREATE INDEX places_by_name ON places (name)"

HEAD = b'{"backup": 1, "made_at": "", "database": "", "version": ""}\n'

load_routes()  # their tables are the program's own


@pytest.fixture
def empty_postgres(postgres_url: URL) -> Iterator[URL]:
    dsn = postgres_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE restored")
        yield postgres_url.set(database="restored")
        connection.cursor().execute("DROP DATABASE restored WITH (FORCE)")


@pytest.fixture
def empty_mysql(database_url: URL) -> Iterator[URL]:
    name = f"{database_url.database}_restored"
    with closing(connect(database_url)) as connection:
        rows(connection, f"CREATE DATABASE {name}")
        yield database_url.set(database=name)
        rows(connection, f"DROP DATABASE {name}")


@pytest.fixture
def empty(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Database]:
    """A database of the same kind with nothing in it."""
    url = URL.create("sqlite", database=str(tmp_path / "restored.db"))
    if database.dialect == "postgresql":
        url = request.getfixturevalue("empty_postgres")
    elif database.dialect == "mysql":
        url = request.getfixturevalue("empty_mysql")
    with closing(Database(url)) as other:
        yield other


def fill(database: Database) -> None:
    """Make rows in the program's tables, and in one that somebody made in SQL."""
    for name in ("ada", "grace", "Ünal"):
        assert register_user(name, "correct horse battery staple")
    ada = select_one("users", {"username": "ada"})
    assert ada is not None
    owner = {"user_uuid": ada["id"]}
    insert("notifications", {**owner, "ntfy_topic": "a\\topic\nof 'hers'", "ntfy_enabled": True})
    due = {"text": "tea", "due_at": datetime(2030, 1, 1, tzinfo=UTC)}
    insert_many("reminders", [{**owner, **due, "subject": f"thing {n}"} for n in range(2500)])
    execute(BY_HAND[database.dialect])
    execute(INDEX)
    insert("places", {"name": "Earth", "lies_in": None, "paid": None})
    place = {"seen": date(2024, 2, 29), "paid": Decimal("12.50"), "picture": bytes(range(256))}
    insert("places", {"name": "Berlin", "lies_in": 1, **place})


def rows_of(database: Database) -> dict[str, list[str]]:
    """Every row of every table."""
    with database.transaction() as connection:
        names = [n for n in inspect(connection).get_table_names() if n != "alembic_version"]
        return {
            name: sorted(map(repr, connection.execute(select(database.table(name).table))))
            for name in names
        }


def backed_up(database: Database) -> io.BytesIO:
    file = io.BytesIO()
    transfer.write(database, file)
    file.seek(0)
    return file


def test_every_row_comes_back(database: Database, empty: Database) -> None:
    fill(database)
    before = rows_of(database)

    written = transfer.write(database, file := io.BytesIO())
    file.seek(0)
    restored = transfer.restore(empty, file)

    assert rows_of(empty) == before
    assert written == restored == {name: len(rows) for name, rows in before.items()}
    assert written["reminders"] == 2500
    assert rows_of(database) == before


def test_the_documents_of_agents_come_along(database: Database, empty: Database) -> None:
    agents.add("sage", "token.of.sage", {"type": "llm", "settings": {"model": "m"}})
    passages = [Passage("Opening", "The café opens at nine."), Passage("", "Tee \N{HOT BEVERAGE}")]
    knowledge.put("sage", "café.txt", passages)
    before = knowledge.search("sage", "when does the cafe open?", 5)
    file = backed_up(database)
    knowledge.put("sage", "café.txt", [Passage("", "The café is closed.")])
    assert knowledge.search("sage", "open nine", 5) == []

    transfer.restore(empty, file)
    use_database(empty)
    assert knowledge.search("sage", "when does the cafe open?", 5) == before
    assert [row["name"] for row in knowledge.list_all("sage")] == ["café.txt"]
    knowledge.remove("sage", "café.txt")
    use_database(database)
    file.seek(0)
    transfer.restore(database, file, force=True)
    assert knowledge.search("sage", "when does the cafe open?", 5) == before


def test_a_restored_database_goes_on_as_the_old_one(database: Database, empty: Database) -> None:
    fill(database)
    transfer.restore(empty, backed_up(database))

    assert not migrations.pending(empty)
    assert repr(migrations.differences(empty, metadata)) == repr(
        migrations.differences(database, metadata)
    )
    use_database(empty)
    assert insert("places", {"name": "Potsdam", "lies_in": 2})["id"] == 3, "numbers go on"
    with pytest.raises(InvalidInput, match="does not exist"):
        insert("places", {"name": "nowhere", "lies_in": 77})
    with empty.transaction() as connection:
        indexes = {index["name"] for index in inspect(connection).get_indexes("places")}
    assert "places_by_name" in indexes
    use_database(database)


@on_sqlite
def test_from_sqlite_to_postgresql_and_back(
    database: Database, empty_postgres: URL, tmp_path: Path
) -> None:
    fill(database)
    execute("DROP TABLE places")
    execute("DROP TABLE errands")
    before = rows_of(database)
    back = Database(URL.create("sqlite", database=str(tmp_path / "back.db")))
    with closing(Database(empty_postgres)) as postgres, closing(back):
        transfer.restore(postgres, backed_up(database))
        assert rows_of(postgres) == before
        transfer.restore(back, backed_up(postgres))
        assert rows_of(back) == before


@on_sqlite
def test_a_table_made_by_hand_stays_with_its_kind_of_database(
    database: Database, empty_postgres: URL
) -> None:
    fill(database)
    with closing(Database(empty_postgres)) as postgres:
        with pytest.raises(InvalidInput, match=r"table places, .* sqlite only"):
            transfer.restore(postgres, backed_up(database))
        assert rows_of(postgres) == {}, "PostgreSQL is as it was"


def test_rows_are_deleted_by_force_alone(database: Database, empty: Database) -> None:
    fill(database)
    file = backed_up(database)
    execute("DROP TABLE places")
    register_user("someone-else", "correct horse battery staple")
    before = rows_of(database)

    with pytest.raises(Conflict, match=r"users.*--force"):
        transfer.restore(database, file)
    assert rows_of(database) == before

    transfer.restore(database, file, force=True)
    assert "someone-else" not in repr(rows_of(database)["users"])
    assert len(rows_of(database)["places"]) == 2


def test_a_damaged_file_changes_nothing(database: Database, empty: Database) -> None:
    fill(database)
    whole = backed_up(database).getvalue()
    broken = [whole[:-20], whole[: len(whole) // 2], b"", b"no gzip", whole[:100] + whole[300:]]

    for content in broken:
        with pytest.raises(InvalidInput, match="damaged"):
            transfer.restore(empty, io.BytesIO(content))
        with pytest.raises(InvalidInput, match="damaged"):
            transfer.restore(database, io.BytesIO(content), force=True)
    assert rows_of(empty) == {}
    assert len(rows_of(database)["users"]) == 3


@pytest.mark.parametrize(
    "lines",
    [
        b"[]",
        b"1",
        b"null",
        b'{"backup": 1}',
        b'{"backup": 99}',
        HEAD + b'{"rows": {}}\n[1]',
        HEAD + b'{"table": "users"}',
        HEAD + b'{"table": "users", "columns": ["id"], "made_by": []}\n[1, 2]',
        HEAD + b'{"table": "users", "columns": ["id"], "made_by": []}\n[{"uuid": "x"}]',
        HEAD + b'{"table": "users", "columns": ["id"], "made_by": []}\n[{"what": 1}]',
        HEAD + b'{"table": "users", "columns": ["id"], "made_by": []}\n[{}]',
        HEAD + b"[" * 100_000,
    ],
)
def test_a_foreign_file_is_told_from_a_backup(lines: bytes) -> None:
    with pytest.raises(InvalidInput) as error:
        transfer.check(io.BytesIO(gzip.compress(lines)))
    assert "\n" not in str(error.value)
    assert re.search("damaged|format 99", str(error.value))


def test_what_goes_into_a_pipe_is_read_back(database: Database) -> None:
    fill(database)
    target = io.BytesIO()
    with closing(transfer.Checked(target)) as pipe:
        rows = transfer.write(database, pipe)
    head, digest = pipe.result()
    assert head.rows == rows
    assert digest == hashlib.sha256(target.getvalue()).hexdigest()
    with closing(transfer.Checked(io.BytesIO())) as broken:
        broken.write(target.getvalue()[:-9] + b"x" * 200_000)
    with pytest.raises(InvalidInput, match="checksum"):
        broken.result()


def test_a_backup_of_a_newer_program_is_refused(
    database: Database, empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with monkeypatch.context() as newer_program:
        newer_program.setattr(migrations, "knows", lambda _: True)
        file = backed_up(database)
    with database.transaction() as connection:
        connection.execute(
            text("UPDATE alembic_version SET version_num = :head"), {"head": migrations.head()}
        )

    with pytest.raises(InvalidInput, match="migration 9999"):
        transfer.restore(empty, file)


def test_an_empty_database_is_told(empty: Database) -> None:
    with pytest.raises(InvalidInput, match="nothing to back up"):
        transfer.write(empty, io.BytesIO())


def test_a_backup_shows_one_moment_while_others_write(database: Database) -> None:
    """Each change writes two rows at once: a backup never has one without the other."""
    enough = threading.Event()

    def pairs() -> None:
        for number in range(3000):
            if enough.is_set():
                return
            with database.transaction():
                for part in ("left", "right"):
                    insert("pairs", {"id": str(uuid4()), "number": number, "part": part})

    execute("CREATE TABLE pairs (id VARCHAR(36) PRIMARY KEY, number INTEGER, part VARCHAR(9))")
    writer = threading.Thread(target=pairs)
    writer.start()
    try:
        numbers = []
        for _ in range(5):
            numbers.append(transfer.write(database, io.BytesIO())["pairs"])
            assert writer.is_alive(), "it was not held up, and did not end"
    finally:
        enough.set()
        writer.join()
    assert all(number % 2 == 0 for number in numbers), numbers
    assert numbers[-1] > numbers[0], "writing went on"


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(2**63),
        0.1,
        "text\x00😀",
        uuid4(),
        datetime(2024, 2, 29, 23, 59, 59, 999_999, UTC),
        datetime(2024, 2, 29),  # noqa: DTZ001 - a column without a zone has such
        date(2024, 2, 29),
        Decimal("0.10"),
        b"\x00\xff",
        {"uuid": "not one", "deep": [1, {"x": None}]},
        [uuid4(), [date(2024, 2, 29)], None],
    ],
)
def test_a_value_is_read_as_it_was_written(value: object) -> None:
    read = from_json(json.loads(json.dumps(to_json(value))))

    assert read == value
    assert type(read) is type(value)


def test_a_value_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidInput, match="complex"):
        to_json(1j)
