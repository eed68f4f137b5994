"""Bring a database up to date: where it stands, and a lock for processes that start together.

Alembic takes a tenth of a start, and most starts have nothing to migrate: what needs it is in
core/migrations/alembic_runs.py, which is imported here only where it is called.
"""

import ast
import logging
import math
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, MetaData, text

from config.broken import BrokenModule, shown, using
from config.settings import ROOT
from core import own_tables
from core.db.dialects.base import BUSY_TIMEOUT
from core.db.dialects.errors import DRIVER_ERRORS, as_app_error, driver_errors, driver_words
from core.db.engine import Database
from core.errors import Conflict, OutOfDate, TooNew, Unavailable

log = logging.getLogger(__name__)

SCRIPTS = ROOT / "core" / "migrations"
HEADING = re.compile(r"^(revision|down_revision|compatible)\b[^=\n]*= *([^#\n]+)", re.MULTILINE)
POSTGRES_LOCK = 0x6D696772  # "migr"; any number that nobody else locks
MYSQL_LOCK_LENGTH = 64  # characters of a lock's name
MYSQL_PATIENCE = 60  # seconds that a second process waits for the first one's migrations
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds between two tries to reach the database
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
            pause = min(pause * 2, LONGEST_PAUSE)
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


def oldest_compatible(scripts: Path = SCRIPTS) -> str:
    """Return the oldest migration whose programs can work with an up-to-date database."""
    return next(name for name, one in _migrations(scripts).items() if not one.compatible)


def knows(revision: str, scripts: Path = SCRIPTS) -> bool:
    """Tell whether there is such a migration."""
    return revision in _migrations(scripts)


@cache
def _migrations(scripts: Path) -> dict[str, Migration]:
    """Return every migration by its revision, the newest first, as the files' headings say.

    Raises BrokenModule where they can't be read, or are no single chain.
    """
    found: dict[str, Migration] = {}
    files: dict[str, str] = {}
    for path in sorted((scripts / "versions").glob("*.py")):
        with using(shown(path)):
            heading = HEADING.findall(path.read_text("utf-8"))
            said = {name: ast.literal_eval(value.strip()) for name, value in heading}
            before = said.get("down_revision") or ()
            parents = (before,) if isinstance(before, str) else tuple(before)
            if other := files.get(said["revision"]):
                raise BrokenModule(
                    f"{shown(path)} has the revision that {other} has; give it a number of its own"
                )
            found[said["revision"]] = Migration(parents, said.get("compatible", False))
            files[said["revision"]] = path.name
    followed = {parent for one in found.values() for parent in one.parents}
    if unknown := followed - found.keys():
        raise BrokenModule(f"{shown(scripts)}: a down_revision names {min(unknown)}, which is none")
    if len(last := [files[name] for name in found if name not in followed]) > 1:
        raise BrokenModule(
            f"{shown(scripts)}: {' and '.join(last)} both come last; let the down_revision of one "
            "name the other"
        )
    try:
        order = TopologicalSorter({name: one.parents for name, one in found.items()}).static_order()
        return {name: found[name] for name in reversed([*order])}
    except CycleError as error:
        circle = " and ".join(sorted({files[name] for name in error.args[1]}))
        raise BrokenModule(f"{shown(scripts)}: {circle} name each other in down_revision") from None


def differences(database: Database, metadata: MetaData) -> list[Any]:
    """Return what Alembic would change to make the database the metadata's tables; [] for none."""
    from core.migrations import alembic_runs

    with database.transaction(read_only=True) as connection:
        return alembic_runs.differences(connection, metadata)


def revision(database: Database, metadata: MetaData, message: str, scripts: Path = SCRIPTS) -> Path:
    """Write the migration from the database as it is to the metadata's tables; return its file.

    Raises Conflict where the database is behind, or ahead.
    """
    if pending(database, scripts):
        raise Conflict("The database is not up to date: run `python manage.py db upgrade` first.")
    from core.migrations import alembic_runs

    number = len(_migrations(scripts)) + 1
    with database.transaction() as connection:
        path = alembic_runs.write(connection, metadata, message, scripts, f"{number:04}")
    _migrations.cache_clear()
    return path


@contextmanager
def _well_written(scripts: Path) -> Iterator[None]:
    """Turn an error into BrokenModule, unless it is a database's that can't be used right now."""
    try:
        with using(shown(scripts)):
            yield
    except BrokenModule as broken:
        cause = broken.__cause__
        away = isinstance(cause, DRIVER_ERRORS) and as_app_error(cause)
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
