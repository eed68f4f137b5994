"""Databases are brought up to date, once, whoever comes first."""

import io
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg2
import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import (
    URL,
    Boolean,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

from api.discovery import load_routes
from config.broken import BrokenModule
from config.settings import ROOT
from core import migrations, postgres
from core.db.ddl import postgres_ddl
from core.db.engine import Database, use_database
from core.errors import InvalidInput, TooNew, Unavailable
from core.migrations import alembic_runs, differences
from core.migrations.own_tables import own_part
from core.tables import Moment, created_at_column, id_column, metadata, new_uuid, owner_column
from core.transfer import database as transfer
from runtime.clock import utc_now
from tests.support import warm
from tests.support.databases import on_postgresql, on_sqlite
from tests.support.mysql_database import connect, rows
from tests.support.servers import free_port

PROCESSES = 3
EXAMPLES = {"examples", "task_lists", "tasks"}
START = """
import sys
sys.path.insert(0, sys.argv[1])
from core.db.engine import Database
from core.migrations import upgrade
database = Database(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
upgrade(database)
database.close()
"""


@pytest.fixture(scope="module", autouse=True)
def _domains() -> None:
    """The domains' tables belong to the schema."""
    load_routes()


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, database_url: URL, tmp_path: Path) -> Iterator[URL]:
    """The URL of a database without any table, of the same kind as database_url."""
    if database_url.get_backend_name() == "sqlite":
        yield database_url.set(database=str(tmp_path / "empty.db"))
        return
    if database_url.get_backend_name() == "mysql":
        url = database_url.set(database=f"{database_url.database}_empty")
        with closing(connect(database_url)) as connection:
            rows(connection, f"CREATE DATABASE {url.database}")
            yield url
            rows(connection, f"DROP DATABASE {url.database}")
        return
    with closing(psycopg2.connect(_dsn(database_url.set(database="postgres")))) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE empty")
        yield database_url.set(database="empty")
        connection.cursor().execute("DROP DATABASE empty WITH (FORCE)")


@pytest.fixture
def empty(empty_url: URL) -> Iterator[Database]:
    with closing(Database(empty_url)) as database:
        before = use_database(database)
        yield database
        use_database(before)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A copy of the migrations, to which a test may add its own."""
    folder = tmp_path / "100% mine"
    shutil.copytree(migrations.SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _dsn(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def add_script(
    scripts: Path, body: str, *, name: str = "9999", after: str = "", compatible: bool = False
) -> None:
    """Add a migration of one line after the last one, or after another."""
    before = after or migrations.head()
    words = f"revision = '{name}'\ndown_revision = {before!r}\n{compatible=}\n"
    (scripts / "versions" / f"{name}_more.py").write_text(
        f"from alembic import op\n{words}\ndef upgrade():\n    {body}\n"
    )


def changed_metadata(*, display_name: int = 255) -> MetaData:
    """The program's tables with one more, and another length of a column."""
    changed = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(changed)
    changed.tables["users"].c.display_name.type = String(display_name)
    Table(
        "habits",
        changed,
        id_column(),
        owner_column(),
        Column("name", String(255), nullable=False),
        Column("streak", Integer(), nullable=False, server_default="0"),
        Column("last_done_at", Moment()),
        Column("kept", Boolean(), nullable=False, server_default=sa.true()),
        created_at_column(),
        UniqueConstraint("user_uuid", "name"),
    )
    return changed


def test_the_migrations_make_the_tables_that_the_program_declares(database: Database) -> None:
    assert {"users", "reminders", "agents"} <= set(metadata.tables)
    assert differences(database, metadata) == []


def test_an_empty_database_is_brought_up_to_date(empty: Database) -> None:
    assert migrations.current(empty) is None
    assert migrations.pending(empty)
    migrations.upgrade(empty)
    assert migrations.current(empty) == migrations.head()
    assert not migrations.pending(empty)
    postgres.insert("users", {"username": "ada", "password_hashed": b"x"})
    migrations.upgrade(empty)
    assert postgres.count("users") == 1
    assert postgres.execute("SELECT version_num FROM alembic_version") == [
        {"version_num": migrations.head()}
    ]


# UUIDs of databases that were made before migration 0012


@contextmanager
def uuids_without_dashes() -> Iterator[None]:
    """Have SQLite keep UUIDs as SQLAlchemy does by itself: 32 digits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.db.engine.DashedUuid", Uuid)
        for construct, sql in ((Uuid, "CHAR(32)"), (new_uuid, "(lower(hex(randomblob(16))))")):
            specs = construct.__dict__["_compiler_dispatcher"].specs
            patch.setitem(specs, "sqlite", lambda *_, sql=sql, **__: sql)
        yield


def test_old_uuids_are_compared_by_plain_sql_afterwards(empty_url: URL) -> None:
    with uuids_without_dashes(), closing(Database(empty_url)) as old:
        use_database(old)
        migrations.upgrade(old, revision="0011")
        ada = uuid4()
        columns = (sa.column("id", sa.Uuid()), sa.column("username"), sa.column("password_hashed"))
        with old.transaction() as connection:  # by hand: its table lacks what came later
            row = {"id": ada, "username": "ada", "password_hashed": b"x"}
            connection.execute(sa.insert(sa.table("users", *columns)), row)
        address = {"user_uuid": ada, "scheme": "tgram", "url": "tgram://first"}
        first = postgres.insert("push_addresses", address)["id"]
        kind = "CHAR(32)" if old.dialect == "sqlite" else "UUID"
        postgres.execute(
            f"CREATE TABLE diary (user_uuid {kind}, page CHAR(32), "
            "CONSTRAINT of_ada FOREIGN KEY (user_uuid) REFERENCES users (id) ON DELETE CASCADE)"
        )
        page = "0123456789abcdef" * 2
        postgres.execute("INSERT INTO diary VALUES (:ada, :page)", {"ada": ada.hex, "page": page})
    with closing(Database(empty_url)) as now:
        use_database(now)
        migrations.upgrade(now)
        assert differences(now, metadata) == []
        joined = "SELECT d.* FROM diary d JOIN users u ON u.id = d.user_uuid"
        rows = postgres.execute(joined)
        assert isinstance(rows, list)
        assert [(str(row["user_uuid"]), row["page"]) for row in rows] == [(str(ada), page)]
        assert [row["id"] for row in postgres.select("push_addresses")] == [first]
        by_default = (
            "INSERT INTO push_addresses (user_uuid, scheme, url) VALUES (:ada, 'slack', 'second')"
        )
        postgres.execute(by_default, {"ada": ada})
        assert postgres.count("push_addresses", {"user_uuid": str(ada)}) == 2
        with pytest.raises(InvalidInput, match="does not exist"):
            postgres.insert("diary", {"user_uuid": uuid4()})
        assert postgres.insert("diary", {"user_uuid": ada.hex})["user_uuid"] == ada
        postgres.delete("users", {"id": ada})
        assert postgres.count("push_addresses") == postgres.count("diary") == 0


@pytest.mark.slow
def test_processes_that_start_together_take_turns(empty_url: URL, tmp_path: Path) -> None:
    url = empty_url.render_as_string(hide_password=False)
    command = [sys.executable, "-W", "error", "-c", START, str(ROOT), url]
    starting = [
        subprocess.Popen(
            command,
            cwd=tmp_path,  # the scripts are found from anywhere
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for process in starting:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in starting:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [(*process.communicate(timeout=60), process.returncode) for process in starting]
    assert ends == [("", "", 0)] * PROCESSES
    with closing(Database(empty_url)) as database:
        assert migrations.current(database) == migrations.head()
        assert differences(database, metadata) == []


def test_an_older_database_keeps_every_row(empty: Database) -> None:
    with migrations._alone(empty) as connection:
        config = alembic_runs.config_for(migrations.SCRIPTS, connection)
        command.upgrade(config, "0001")
    assert migrations.current(empty) == "0001"
    kept: dict[str, dict[str, object]] = {}
    made = "2024-02-29 12:00:00"
    ids = [UUID(int=n).hex for n in range(1, 5)]
    user, chat, tasks, task = ids
    for table, values in {
        "users": {"id": user, "username": "ada", "password_hashed": b"x", "created_at": made},
        "chat_accounts": {
            "id": chat,
            "user_uuid": user,
            "platform": "a",
            "agent": "b",
            "account_id": "c",
        },
        "examples": {"user_uuid": user, "name": "an example"},
        "notifications": {"user_uuid": user, "ntfy_topic": "topic"},
        "task_lists": {"id": tasks, "user_uuid": user, "name": "list"},
        "tasks": {"id": task, "user_uuid": user, "list_id": tasks, "name": "task"},
        "reminders": {"user_uuid": user, "subject": "s", "text": "t", "due_at": made},
        "deliveries": {
            "user_uuid": user,
            "channel": "chat",
            "chat_account_id": chat,
            "text": "t",
            "due_at": made,
            "next_attempt_at": made,
        },
    }.items():
        places = ", ".join(f":{name}" for name in values)
        names = ", ".join(values)
        postgres.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", values)  # noqa: S608
        before = postgres.execute(f"SELECT * FROM {table}")  # noqa: S608
        assert isinstance(before, list)
        kept[table] = before[0]
    migrations.upgrade(empty)
    assert differences(empty, metadata) == []
    for table, row in kept.items():
        if table not in metadata.tables and table in EXAMPLES:
            continue  # whose domain was dropped
        after = postgres.execute(f"SELECT * FROM {table}")  # noqa: S608
        assert isinstance(after, list)
        assert [{name: one[name] for name in row} for one in after] == [row]


def test_check_tells_whether_the_database_is_as_declared(tmp_path: Path) -> None:
    def check() -> tuple[int, str]:
        ran = warm.run(
            ["manage.py", "db", "check"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/app.db"},
            timeout=60,
        )
        return ran.returncode, ran.stdout

    with closing(Database(f"sqlite:///{tmp_path}/app.db")) as database:
        migrations.upgrade(database)
        assert check() == (0, "The database is as the program declares it.\n")
        database.run(lambda cursor: cursor.execute("ALTER TABLE users ADD COLUMN odd TEXT"))
    code, words = check()
    assert code == 1
    assert "odd" in words


def test_a_migration_that_fails_leaves_nothing_behind(empty: Database, scripts: Path) -> None:
    add_script(scripts, "op.execute('CREATE TABLE half (n INTEGER)'); raise RuntimeError('oh')")
    with pytest.raises(BrokenModule, match=r"9999_more\.py, line \d+: RuntimeError: oh"):
        migrations.upgrade(empty, scripts)
    if empty.dialect == "mysql":  # it can't undo a table: only the migrations before are kept
        assert migrations.current(empty) == migrations.head()
        assert migrations.pending(empty, scripts)
        return
    assert migrations.current(empty) is None
    assert not postgres.table_exists("half")
    migrations.upgrade(empty)
    assert differences(empty, metadata) == []


def test_a_revision_is_written_from_what_changed(database: Database, scripts: Path) -> None:
    user = postgres.insert(
        "users", {"username": "ada", "password_hashed": b"x", "display_name": "Ada"}
    )
    postgres.insert("notifications", {"user_uuid": user["id"], "ntfy_topic": "a"})
    wanted = changed_metadata(display_name=300)
    path = migrations.revision(wanted, "Add habits.", scripts)
    assert path.parent == scripts / "versions"
    assert re.fullmatch(r"\d{8}_[0-9a-f]{6}_add_habits\.py", path.name)
    assert migrations.pending(database, scripts)
    migrations.upgrade(database, scripts)
    assert differences(database, wanted) == []
    assert postgres.select("users") == [user]
    assert postgres.count("notifications", {"ntfy_topic": "a"}) == 1
    postgres.execute(
        "INSERT INTO habits (user_uuid, name) SELECT id, 'read' FROM users WHERE username = 'ada'"
    )
    postgres.execute("INSERT INTO users (username, password_hashed) VALUES ('bob', :x)", {"x": b""})
    habit = postgres.select("habits")[0]
    assert (habit["streak"], habit["kept"]) == (0, True)
    assert abs(utc_now() - habit["created_at"].replace(tzinfo=UTC)) < timedelta(minutes=5)
    postgres.delete("users", {"username": "ada"})  # foreign keys are on again
    assert postgres.count("habits") == 0


@pytest.mark.every_database
def test_tables_are_dropped_where_a_revision_is_told_to_alone(
    empty: Database, scripts: Path
) -> None:
    more = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(more)
    Table("kin", more, id_column(), owner_column())
    kin = Column("kin_id", Uuid(), sa.ForeignKey("kin.id"), nullable=False, index=True)
    Table("offspring", more, id_column(), kin)
    migrations.revision(more, "Add them", scripts)
    migrations.upgrade(empty, scripts)
    assert "op." not in migrations.revision(metadata, "Keep them", scripts).read_text("utf-8")
    path = migrations.revision(metadata, "Drop", scripts, dropped=["kin", "offspring"])
    done = re.findall(r"^ +op\.(.*)$", path.read_text("utf-8"), re.MULTILINE)
    assert done == ["drop_table('offspring')", "drop_table('kin')"]  # to which the other refers
    assert "compatible = False" in path.read_text("utf-8")
    migrations.upgrade(empty, scripts)
    assert not {"kin", "offspring"} & {*sa.inspect(empty.engine).get_table_names()}
    with pytest.raises(InvalidInput, match="No migration makes a table habits"):
        migrations.revision(metadata, "Drop it again", scripts, dropped=["habits"])


@pytest.mark.parametrize(
    "message", ["", " \n", "x" * 81, 'a""" + __import__("os")', "a \\", "zero\0", "a\u202eb"]
)
def test_what_cannot_stand_in_a_migration_is_refused(message: str, scripts: Path) -> None:
    before = {*(scripts / "versions").iterdir()}
    with pytest.raises(InvalidInput, match="Say what changes"):
        migrations.revision(metadata, message, scripts)
    assert {*(scripts / "versions").iterdir()} == before


def test_two_people_write_a_migration_on_one_day(scripts: Path) -> None:
    other = scripts.with_name("other")
    shutil.copytree(scripts, other)
    one, two = (migrations.revision(metadata, "Nothing", folder) for folder in (scripts, other))
    assert one.name != two.name
    numbered = [path.name for path in scripts.glob("versions/0*.py")]
    assert len(numbered) == 16, "no number for a new migration: `db revision` names it"


# Two lines of migrations that were merged


def made(name: str) -> str:
    return f"op.execute('CREATE TABLE {name} (n INTEGER)')"


@pytest.mark.parametrize(
    ("ours", "theirs", "oldest"),
    [
        (True, True, "before"),
        (True, False, "theirs"),
        (False, True, "ours"),
        (False, False, "joined"),
    ],
)
@pytest.mark.every_database
@pytest.mark.parametrize("at", ["nowhere", "before", "ours", "theirs"])
def test_merged_lines_are_joined_and_applied_wherever_a_database_stands(
    empty: Database, scripts: Path, ours: bool, theirs: bool, oldest: str, at: str
) -> None:
    before = migrations.oldest_compatible()
    theirs_alone = scripts.with_name("theirs alone")
    shutil.copytree(scripts, theirs_alone)
    add_script(theirs_alone, made("theirs"), name="theirs", compatible=theirs)
    if at == "theirs":
        migrations.upgrade(empty, theirs_alone)
    add_script(scripts, made("ours"), name="ours", compatible=ours)
    if at in ("before", "ours"):
        migrations.upgrade(empty, *([] if at == "before" else [scripts]))
    assert migrations.merge(scripts) is None
    ours_alone = scripts.with_name("ours alone")
    shutil.copytree(scripts, ours_alone)
    add_script(scripts, made("theirs"), name="theirs", compatible=theirs)

    migrations._migrations.cache_clear()
    with pytest.raises(BrokenModule, match=r"ours_more.py and theirs_more.py both .* db merge"):
        migrations.upgrade(empty, scripts)
    joined = migrations.merge(scripts)

    assert joined is not None
    assert migrations.merge(scripts) is None
    migrations.upgrade(empty, scripts)
    assert {"ours", "theirs"} <= {*sa.inspect(empty.engine).get_table_names()}
    head = migrations.head(scripts)
    expected = {"before": before, "joined": head}.get(oldest, oldest) or ""
    assert migrations.state(empty) == (head, expected)
    assert migrations.oldest_compatible(scripts) == expected
    for alone, other in ((ours_alone, theirs), (theirs_alone, ours)):
        assert migrations.is_ready(empty, alone) is other


def test_the_next_migration_follows_the_one_that_joins(scripts: Path) -> None:
    for name in ("ours", "theirs"):
        add_script(scripts, made(name), name=name)
    migrations.merge(scripts)
    head = migrations.head(scripts)
    follower = migrations.revision(metadata, "Go on", scripts)
    assert f"down_revision = '{head}'" in follower.read_text("utf-8")


@on_sqlite
def test_a_migration_that_breaks_a_foreign_key_is_undone(database: Database, scripts: Path) -> None:
    user = postgres.insert("users", {"username": "ada", "password_hashed": b"x"})
    postgres.insert("notifications", {"user_uuid": user["id"]})
    add_script(scripts, "op.execute('DELETE FROM users')")
    with pytest.raises(RuntimeError, match="break foreign keys in notifications"):
        migrations.upgrade(database, scripts)
    assert migrations.current(database) == migrations.head()
    assert postgres.select("users") == [user]


def test_logging_is_left_alone(empty: Database) -> None:
    own = logging.getLogger("somebody's")
    before = (own.disabled, logging.root.level, list(logging.root.handlers))
    migrations.upgrade(empty)
    assert (own.disabled, logging.root.level, list(logging.root.handlers)) == before


@on_sqlite
def test_times_that_sqlite_made_get_six_digits(empty: Database) -> None:
    migrations.upgrade(empty, revision="0013")
    columns = "id INTEGER,\nat DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL"
    for name, key in (("habits", "pk_habits"), ("by_hand", "my_key")):
        postgres.execute(f"CREATE TABLE {name} (\n{columns},\nCONSTRAINT {key} PRIMARY KEY (id))")
        postgres.execute(f"INSERT INTO {name} (id) VALUES (1)")  # noqa: S608
    migrations.upgrade(empty)
    for name, digits in (("habits", [26, 26]), ("by_hand", [19, 19])):
        postgres.execute(f"INSERT INTO {name} (id) VALUES (2)")  # noqa: S608
        found = postgres.execute(f"SELECT length(at) AS n FROM {name} ORDER BY id")  # noqa: S608
        assert [row["n"] for row in found] == digits  # type: ignore[union-attr]


# An update in turns: programs of two versions on one database


def test_a_program_works_on_with_a_newer_database_that_suits_it(
    empty: Database, scripts: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add_script(scripts, "op.execute('CREATE TABLE more (n INTEGER)')", compatible=True)
    caplog.set_level(logging.INFO, "core")
    migrations.upgrade(empty, scripts)
    assert "applied migration 9999" in caplog.text
    assert migrations.is_ready(empty)
    migrations.upgrade(empty)  # the old program starts once more
    assert migrations.state(empty) == ("9999", migrations.oldest_compatible())
    with pytest.raises(InvalidInput, match="migration 9999"):  # it would leave columns out
        transfer.write(empty, io.BytesIO())


def test_a_program_refuses_a_newer_database_that_does_not_suit_it(
    empty: Database, scripts: Path
) -> None:
    add_script(scripts, "op.execute('CREATE TABLE more (n INTEGER)')")
    migrations.upgrade(empty, scripts)
    assert not migrations.is_ready(empty)
    assert migrations.is_ready(empty, scripts)
    with pytest.raises(TooNew, match="at migration 9999, newer than this program") as error:
        migrations.upgrade(empty)
    assert "\n" not in str(error.value)


def test_a_database_from_before_the_note_suits_nobody_older(empty: Database) -> None:
    migrations.upgrade(empty, revision="0008")
    assert migrations.state(empty) == ("0008", None)
    assert not migrations.is_ready(empty)
    migrations.upgrade(empty)
    assert migrations.state(empty) == (migrations.head(), migrations.oldest_compatible())


def test_whether_it_is_ready_is_one_statement_and_no_file(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert migrations.is_ready(database)
    monkeypatch.setattr(Path, "read_text", None)
    statements: list[str] = []
    monkeypatch.setattr(
        database, "run", lambda work: statements.append("one") or Database.run(database, work)
    )
    assert migrations.is_ready(database)
    assert statements == ["one"]


# config/schema.sql


def test_schema_sql_is_current() -> None:
    schema = (ROOT / "config" / "schema.sql").read_text("utf-8")
    assert schema == postgres_ddl(metadata, own_part(schema)), "run `python manage.py generate`"


@on_postgresql
def test_schema_sql_makes_what_the_migrations_make(empty: Database) -> None:
    postgres.execute((ROOT / "config" / "schema.sql").read_text("utf-8"))
    assert differences(empty, metadata) == []
    assert migrations.state(empty) == (migrations.head(), migrations.oldest_compatible())
    postgres.insert("users", {"username": "ada", "password_hashed": b"x"})


def test_a_database_that_stays_away_ends_the_wait() -> None:
    with (
        closing(Database(f"postgresql+psycopg2://app@127.0.0.1:{free_port()}/app")) as away,
        pytest.raises(Unavailable),
    ):
        migrations.upgrade_when_up(away, threading.Event(), patience=0.7)


def test_the_wait_for_a_database_can_be_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "FIRST_PAUSE", 60.0)
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    started = time.monotonic()
    with closing(Database(f"postgresql+psycopg2://app@127.0.0.1:{free_port()}/app")) as away:
        assert not migrations.upgrade_when_up(away, stop)
    timer.join()
    assert time.monotonic() - started < 45
