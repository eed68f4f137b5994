"""A user's own tables, in plain SQL at the end of config/schema.sql."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import URL

from config.settings import ROOT
from core import migrations, postgres
from core.db.engine import Database
from core.errors import BrokenSchema, InvalidInput
from core.migrations import own_tables
from core.migrations.own_tables import MARK, own_part
from core.tables import metadata
from tests.support import warm
from tests.support.project import copied

HABITS = (ROOT / "tests" / "documented" / "habits.sql").read_text("utf-8")
GENERATED = own_tables.schema_text().partition(MARK)[0]


@pytest.fixture
def schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config/schema.sql of the test's own."""
    path = tmp_path / "schema.sql"
    monkeypatch.setattr(own_tables, "SCHEMA", path)
    return path


def write(schema: Path, sql: str) -> None:
    schema.write_bytes((GENERATED + MARK + sql).encode())


def test_a_table_is_made_at_the_start_and_refers_to_users(database: Database, schema: Path) -> None:
    write(schema, HABITS)
    for _ in range(2):
        migrations.upgrade(database)
    user = postgres.insert("users", {"username": "ada", "password_hashed": b"x"})["id"]
    row = {"id": str(uuid4()), "user_uuid": str(user), "name": "run"}
    assert postgres.insert("habits", row)["streak"] == 0
    assert postgres.select("habits", {"user_uuid": user})[0]["name"] == "run"
    joined = "SELECT h.name FROM habits h JOIN users u ON u.id = h.user_uuid WHERE u.id = :id"
    assert postgres.execute(joined, {"id": str(user)}) == [{"name": "run"}]
    with pytest.raises(InvalidInput, match="does not exist"):
        postgres.insert("habits", {**row, "id": uuid4(), "user_uuid": uuid4()})
    postgres.delete("users", {"id": user})
    assert postgres.count("habits") == 0


def test_no_migration_touches_a_table_that_the_program_did_not_declare(
    database: Database, schema: Path, tmp_path: Path
) -> None:
    write(schema, HABITS + "CREATE INDEX IF NOT EXISTS ix_habits_name ON habits (name)")
    migrations.upgrade(database)
    postgres.execute("ALTER TABLE habits ADD COLUMN mood VARCHAR(10)")
    assert migrations.differences(database, metadata) == []
    scripts = tmp_path / "scripts"
    subprocess.run(["cp", "-r", str(migrations.SCRIPTS), str(scripts)], check=True)  # noqa: S607
    written = migrations.revision(metadata, "nothing", scripts).read_text("utf-8")
    assert "habits" not in written


def test_postgresqls_words_are_understood_everywhere(database: Database, schema: Path) -> None:
    write(
        schema,
        """
        /* of a; user */ CREATE TABLE IF NOT EXISTS "Odd" (
            id  UUID   PRIMARY KEY DEFAULT gen_random_uuid(), -- a key;
            uuid UUID, timestamp TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            noon TIMESTAMP, raw BYTEA, data JSONB, done BOOLEAN DEFAULT false NOT NULL,
            word VARCHAR(20) DEFAULT ';''UUID' CHECK (word <> ' UUID')
        );;
        ; -- the end
        CREATE TABLE IF NOT EXISTS numbered (n SERIAL PRIMARY KEY, word TEXT)""".replace(
            "\n", "\r\n"
        ),
    )
    migrations.upgrade(database)
    moment = "2030-01-31T17:00:00+01:00"
    values = {"uuid": uuid4(), "noon": "2030-01-31T12:00", "raw": b"\0", "data": {"a": [1]}}
    if database.dialect == "sqlite":
        postgres.execute('INSERT INTO "Odd" (noon) VALUES (NULL)')
        row = postgres.select_one("Odd", {"noon": None})
        assert row is not None
        assert row["id"].version == 4
    row = postgres.insert("Odd", {**values, "id": uuid4(), "timestamp": moment})
    assert (row["uuid"], row["raw"], row["data"]) == (values["uuid"], b"\0", {"a": [1]})
    assert (row["word"], bool(row["done"])) == (";'UUID", False)
    assert row["timestamp"].isoformat() == "2030-01-31T16:00:00+00:00"
    assert row["noon"].isoformat() == "2030-01-31T12:00:00"
    assert [postgres.insert("numbered", {"word": "x"})["n"] for _ in range(2)] == [1, 2]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("CREATE TABLE IF NOT EXISTS a (n INT);\nCREATE TABEL b (n INT);", "'CREATE TABEL b"),
        ("CREATE UNIQUE INDEX i ON users (username)", "it has to say IF NOT EXISTS"),
        ("CREATE TABLE a (n INT)", "it has to say IF NOT EXISTS"),
        ("CREATE TABLE IF NOT EXISTS users (n INT)", "users is the program's own"),
        ("create table if not exists Users (n INT)", "users is the program's own"),
        ("CREATE TABLE IF NOT EXISTS a (n INT, word TEXT DEFAULT 'open)", "CREATE TABLE IF"),
        ("CREATE TABLE IF NOT EXISTS a (b UUID REFERENCES no_such(id)); DROP no_such", "no_such"),
    ],
)
def test_a_broken_statement_is_named_on_one_line(
    database: Database, schema: Path, sql: str, says: str
) -> None:
    write(schema, sql)
    with pytest.raises(BrokenSchema) as caught:
        migrations.upgrade(database)
    assert str(caught.value).startswith("config/schema.sql: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    if database.dialect != "mysql":  # which keeps each table as it is made
        assert not postgres.table_exists("a")


def test_processes_that_start_together_make_the_tables_once(
    database_url: URL, schema: Path, tmp_path: Path
) -> None:
    write(schema, HABITS * 3)

    def start(_: int) -> None:
        with closing(Database(database_url)) as one:
            migrations.upgrade(one)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(start, range(8)))
    with closing(Database(database_url)) as database:
        assert "habits" in database.table_names()


def test_the_marked_place_is_kept_whatever_stands_there() -> None:
    own = "-- mine\n\n\tCREATE TABLE IF NOT EXISTS a (b TEXT DEFAULT '  ;')  ;   \n\n"
    assert own_part(GENERATED + MARK + own) == own
    assert own_part(GENERATED + HABITS) == HABITS  # a file of the version before
    assert own_part("") == ""


def test_format_keeps_what_stands_in_the_marked_place(tmp_path: Path) -> None:
    project = copied(tmp_path / "project")
    schema = project / "config" / "schema.sql"
    schema.write_text(schema.read_text("utf-8").replace("-- The whole", "-- A stale") + HABITS)
    done = warm.run(["manage.py", "generate"], cwd=project, env=os.environ, timeout=60)
    assert (done.returncode, done.stdout) == (0, "Renewed config/schema.sql.\n"), done.stderr
    assert schema.read_text("utf-8") == GENERATED + MARK + HABITS
