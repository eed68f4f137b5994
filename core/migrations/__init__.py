"""Bring a database up to date: where it stands, and a lock for processes that start together.

Alembic takes a tenth of a start, and most starts have nothing to migrate: what needs it is in
core/migrations/alembic_runs.py, which is imported here only where it is called.
"""

import ast
import logging
import math
import re
import secrets
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, MetaData, text

from config.broken import BrokenModule, shown, using
from config.settings import ROOT
from core.db.dialects.base import BUSY_TIMEOUT
from core.db.dialects.errors import as_app_error, driver_error_types, driver_errors, driver_words
from core.db.engine import Database
from core.errors import InvalidInput, OutOfDate, TooNew, Unavailable
from core.migrations import own_tables
from runtime.clock import utc_now

log = logging.getLogger(__name__)

SCRIPTS = ROOT / "core" / "migrations"
HEADING = re.compile(
    r"^(revision|down_revision|compatible)\b[^=\n]*= *(\([^)]*\)|[^#\n]+)", re.MULTILINE
)
MAX_MESSAGE = 80  # characters, so that it fits the first line of the file
POSTGRES_LOCK = 0x6D696772  # "migr"; any number that nobody else locks
MYSQL_LOCK_LENGTH = 64  # characters of a lock's name
MYSQL_PATIENCE = 60  # seconds that a second process waits for the first one's migrations
FIRST_PAUSE, MAX_PAUSE = 0.5, 8.0  # seconds between two tries to reach the database
SQLITE_PATIENCE = 60_000  # milliseconds that a second process waits for the first one's migrations


class Migration(NamedTuple):
    """What a migration's file says of it."""

    parents: tuple[str, ...]
    compatible: bool


class State(NamedTuple):
    """Where a database stands: its newest migration, and the oldest whose programs it suits.

    `revision` is None for an empty database, `oldest` for one from before it was kept.
    """

    revision: str | None
    oldest: str | None


def upgrade(database: Database, scripts: Path = SCRIPTS, revision: str | None = None) -> None:
    """Apply the migrations that are missing, all or none; a second process waits for the first.

    They end with `revision`, where one is given; else the user's own tables in config/schema.sql
    follow. A database that is ahead of this program is left as it is. Raises TooNew for one that
    this program can't work with, and BrokenSchema for a broken statement of the user's.
    """
    at = state(database)
    if is_ahead(at, scripts):
        return
    if at.revision != (revision or head(scripts)):
        from core.migrations import alembic_runs

        log.info("migrating the database from %s to %s", at.revision or "empty", revision or head())
        with _alone(database) as connection, _well_written(scripts):
            alembic_runs.upgrade(connection, scripts, revision or "head")
        database.forget_tables()
    if revision in (None, head(scripts)) and (statements := own_tables.missing(database)):
        with _alone(database) as connection:
            own_tables.make(connection, statements)
        database.forget_tables()


def upgrade_when_up(database: Database, stop: threading.Event, patience: float = math.inf) -> bool:
    """Apply the missing migrations, waiting for a database that is not there yet.

    False where told to stop meanwhile. Raises Unavailable where it stays away for longer than
    `patience` seconds, and TooNew.
    """
    deadline = time.monotonic() + patience
    pause = FIRST_PAUSE
    while not stop.is_set():
        try:
            upgrade(database)
        except OutOfDate:
            raise  # the migration is wrong
        except Unavailable as error:
            if time.monotonic() + pause > deadline:
                raise
            log.warning(
                "the database can't be used, next try in %.1f s: %s", pause, driver_words(error)
            )
            stop.wait(pause)
            pause = min(pause * 2, MAX_PAUSE)
        else:
            return True
    return False


def state(database: Database) -> State:
    """Return where a database stands."""
    try:
        # A savepoint: PostgreSQL gives up a transaction in which a statement has failed.
        with database.transaction() if database.in_transaction() else nullcontext():
            return database.run(_read_state)
    except OutOfDate:
        return State(None, None)


def _read_state(cursor: Any) -> State:  # noqa: ANN401 - the driver's own
    cursor.execute("SELECT * FROM alembic_version")
    names = [column[0] for column in cursor.description]
    row = dict(zip(names, cursor.fetchone() or (), strict=False))
    return State(row.get("version_num"), row.get("oldest_compatible"))


def current(database: Database) -> str | None:
    """Return the revision that the database is at; None for an empty one."""
    return state(database).revision


def is_ready(database: Database, scripts: Path = SCRIPTS) -> bool:
    """Tell whether this program can work with the database: a single statement, once called.

    It can with one that is up to date, and with one that a newer program has brought further, if
    all migrations since are compatible.
    """
    at = state(database)
    try:
        return at.revision == head(scripts) or is_ahead(at, scripts)
    except TooNew:
        return False


def is_ahead(at: State, scripts: Path = SCRIPTS) -> bool:
    """Tell whether a newer program has migrated a database that this program suits all the same.

    Raises TooNew for one that it does not suit.
    """
    if at.revision is None or knows(at.revision, scripts):
        return False
    if at.oldest is None or not knows(at.oldest, scripts):
        raise TooNew(
            f"The database is at migration {at.revision}, newer than this program "
            f"({head(scripts)}), which can't work with it: start the newer program, or restore "
            "a backup from before it."
        )
    return True


def pending(database: Database, scripts: Path = SCRIPTS) -> bool:
    """Tell whether a migration is missing, or the database is ahead."""
    return current(database) != head(scripts)


def head(scripts: Path = SCRIPTS) -> str | None:
    """Return the newest revision that there is."""
    return next(iter(_migrations(scripts)), None)


def heads(scripts: Path = SCRIPTS) -> list[str]:
    """Return the revisions that none follows: several where lines of migrations were merged."""
    files = _files(scripts)
    followed = {parent for _, migration in files.values() for parent in migration.parents}
    return [name for name in files if name not in followed]


def oldest_compatible(scripts: Path = SCRIPTS) -> str:
    """Return the oldest migration whose programs can work with an up-to-date database."""
    return next(name for name, one in _migrations(scripts).items() if not one.compatible)


def knows(revision: str, scripts: Path = SCRIPTS) -> bool:
    """Tell whether there is such a migration."""
    return revision in _migrations(scripts)


@cache
def _migrations(scripts: Path) -> dict[str, Migration]:
    """Return every migration by its revision, the newest first.

    Raises BrokenModule where they can't be read, or are no single chain.
    """
    files = _files(scripts)
    if len(last := heads(scripts)) > 1:
        raise BrokenModule(
            f"{shown(scripts)}: {' and '.join(files[name][0] for name in last)} both come last, as "
            "after a merge: `python manage.py db merge` joins them"
        )
    try:
        order = [*TopologicalSorter(_parents(files)).static_order()]
    except CycleError as error:
        circle = " and ".join(sorted({files[name][0] for name in error.args[1]}))
        raise BrokenModule(f"{shown(scripts)}: {circle} name each other in down_revision") from None
    return {name: files[name][1] for name in reversed(order)}


def _files(scripts: Path) -> dict[str, tuple[str, Migration]]:
    """Return every migration's file and heading by its revision, in the order of the files' names.

    Raises BrokenModule for what can't be read, and where two have one revision, or one names none.
    """
    found: dict[str, tuple[str, Migration]] = {}
    for path in sorted((scripts / "versions").glob("*.py")):
        with using(shown(path)):
            heading = HEADING.findall(path.read_text("utf-8"))
            said = {name: ast.literal_eval(value.strip()) for name, value in heading}
            before = said.get("down_revision") or ()
            parents = (before,) if isinstance(before, str) else tuple(before)
            if other := found.get(said["revision"]):
                raise BrokenModule(
                    f"{shown(path)} has the revision that {other[0]} has; give it one of its own"
                )
            migration = Migration(parents, said.get("compatible", False))
            found[said["revision"]] = (path.name, migration)
    if unknown := {name for names in _parents(found).values() for name in names} - found.keys():
        raise BrokenModule(f"{shown(scripts)}: a down_revision names {min(unknown)}, which is none")
    return found


def _parents(files: dict[str, tuple[str, Migration]]) -> dict[str, tuple[str, ...]]:
    return {name: migration.parents for name, (_, migration) in files.items()}


def differences(database: Database, metadata: MetaData) -> list[Any]:
    """Return what Alembic would change to make the database the metadata's tables; [] for none."""
    from core.migrations import alembic_runs

    with database.transaction(read_only=True) as connection:
        return alembic_runs.differences(connection, metadata)


def revision(
    metadata: MetaData, message: str, scripts: Path = SCRIPTS, dropped: Collection[str] = ()
) -> Path:
    """Write the migration from what the migrations make to the metadata's tables; return its file.

    No database is asked: they run on an empty SQLite file first, so what somebody has made in a
    database by hand is never changed. Tables that the metadata lacks stay, but for those that are
    to be `dropped`. Raises InvalidInput for a message that can't stand in the file.
    """
    message = " ".join(message.split()).removesuffix(".")
    if not 0 < len(message) <= MAX_MESSAGE or not message.isprintable():
        raise InvalidInput(f"Say what changes in up to {MAX_MESSAGE} characters.")
    if "\\" in message or '"' in message:
        raise InvalidInput("Say what changes without double quotes and backslashes.")
    newest = head(scripts)
    from core.migrations import alembic_runs

    with TemporaryDirectory() as folder, closing(Database(f"sqlite:///{folder}/app.db")) as made:
        if newest:
            with _well_written(scripts), _alone(made) as connection:
                alembic_runs.upgrade(connection, scripts, newest)
        with made.transaction() as connection:
            if lacking := {*dropped} - {*sa.inspect(connection).get_table_names()}:
                raise InvalidInput(f"No migration makes a table {min(lacking)}.")
            name = _new_name()
            path = alembic_runs.write(connection, metadata, message, scripts, name, dropped)
    _migrations.cache_clear()
    return path


def merge(scripts: Path = SCRIPTS) -> Path | None:
    """Write a migration that follows all that come last; None where a single one does.

    Programs that know one line alone suit the database afterwards, if all of the others is
    compatible.
    """
    if len(last := heads(scripts)) < 2:
        return None
    from core.migrations import alembic_runs

    files = _files(scripts)
    lines = [_before(name, files) for name in last]
    common = frozenset.intersection(*lines)
    strict = [
        line for line in lines if not all(files[name][1].compatible for name in line - common)
    ]
    return alembic_runs.join(scripts, _new_name(), last, compatible=len(strict) < 2)


def _before(name: str, files: dict[str, tuple[str, Migration]]) -> frozenset[str]:
    """Return a migration and all that come before it."""
    found = {name}
    waiting = [name]
    while waiting:
        new = {*files[waiting.pop()][1].parents} - found
        found |= new
        waiting += new
    return frozenset(found)


def _new_name() -> str:
    """Return a revision that nobody else makes today: no number, which two would take at once."""
    return f"{utc_now():%Y%m%d}_{secrets.token_hex(3)}"


@contextmanager
def _well_written(scripts: Path) -> Iterator[None]:
    """Turn an error into BrokenModule, unless it is a database's that can't be used right now."""
    try:
        with using(shown(scripts)):
            yield
    except BrokenModule as broken:
        cause = broken.__cause__
        away = isinstance(cause, driver_error_types()) and as_app_error(cause)
        if isinstance(away, Unavailable) and not isinstance(away, OutOfDate):
            raise away from cause
        raise


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """Open a transaction that only one process at a time can have."""
    if database.dialect == "sqlite":
        with driver_errors(), _sqlite_alone(database) as connection:
            yield connection
        return
    if database.dialect == "mysql":
        with driver_errors(), _mysql_alone(database) as connection:
            yield connection
        return
    with database.transaction() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK})
        yield connection


@contextmanager
def _sqlite_alone(database: Database) -> Iterator[Connection]:
    """Hold SQLite's write lock, with foreign keys off.

    SQLite changes a table by making a new one; with foreign keys on, dropping the old one would
    delete the rows that refer to it. They are checked at the end instead.
    """
    with database.engine.connect() as connection:
        driver_connection = connection.connection.dbapi_connection
        assert driver_connection is not None  # noqa: S101 - for mypy; it is open
        try:
            _pragma(driver_connection, "foreign_keys=OFF")
            _pragma(driver_connection, f"busy_timeout={SQLITE_PATIENCE}")
            with connection.begin():
                yield connection
                broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
                if broken:
                    raise RuntimeError(f"the migrations break foreign keys in {broken[0][0]}")
        finally:
            _pragma(driver_connection, "foreign_keys=ON")
            _pragma(driver_connection, f"busy_timeout={BUSY_TIMEOUT}")


@contextmanager
def _mysql_alone(database: Database) -> Iterator[Connection]:
    """Hold a lock by name, and let each statement stand alone.

    MySQL ends a transaction at the first change of a table; so each migration's number is kept as
    soon as it is written. Text is compared by its characters alone, as on the other databases.
    """
    with database.engine.connect() as connection, connection.begin():
        mariadb = getattr(connection.dialect, "is_mariadb", False)
        collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        lock = {"name": f"migrations:{database.engine.url.database}"[:MYSQL_LOCK_LENGTH]}
        taken = connection.execute(
            text("SELECT GET_LOCK(:name, :seconds)"), {**lock, "seconds": MYSQL_PATIENCE}
        ).scalar()
        if taken != 1:
            raise Unavailable("Another process has been migrating the database for a minute.")
        try:
            connection.exec_driver_sql(f"ALTER DATABASE CHARACTER SET utf8mb4 COLLATE {collation}")
            connection.exec_driver_sql("COMMIT")  # from here on the server is in autocommit mode
            yield connection
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), lock)


def _pragma(driver_connection: Any, setting: str) -> None:  # noqa: ANN401 - the driver's own
    driver_connection.execute(f"PRAGMA {setting}").close()
