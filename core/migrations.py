"""Bring a database up to date: Alembic, with a lock so that processes that start together take turns."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from config.settings import ROOT
from core.database import BUSY_TIMEOUT, Database
from core.driver_errors import driver_errors
from core.errors import UnknownName
from core.tables import metadata

SCRIPTS = ROOT / "config" / "migrations"
POSTGRES_LOCK = 0x6D696772  # "migr"; any number that nobody else locks
SQLITE_PATIENCE = 60_000  # milliseconds that a second process waits for the first one's migrations


def upgrade(database: Database) -> None:
    """Apply every migration that is missing, all or none; a second process waits, then finds none."""
    if pending(database):
        with _alone(database) as connection:
            command.upgrade(_config(connection), "head")
        database.tables.forget()


def current(database: Database) -> str | None:
    """Return the revision that the database is at; None for an empty one."""
    try:
        with database.cursor() as cursor:
            cursor.execute("SELECT version_num FROM alembic_version")
            rows = cursor.fetchall()
    except UnknownName:
        return None
    return str(rows[0][0]) if rows else None


def pending(database: Database) -> bool:
    """Tell whether a migration is missing."""
    return current(database) != head()


def head() -> str | None:
    """Return the newest revision that there is."""
    return ScriptDirectory(str(SCRIPTS)).get_current_head()


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """Open a transaction that only one process at a time can have."""
    if database.dialect == "sqlite":
        with driver_errors(), _sqlite_alone(database) as connection:
            yield connection
        return
    with database.transaction() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK})
        yield connection


@contextmanager
def _sqlite_alone(database: Database) -> Iterator[Connection]:
    """Hold SQLite's write lock, with foreign keys off.

    SQLite changes a table by making it anew; with foreign keys on, dropping the old one would delete the
    rows that refer to it. They are checked at the end instead.
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


def _pragma(driver_connection: Any, setting: str) -> None:  # noqa: ANN401 - the driver's own
    driver_connection.execute(f"PRAGMA {setting}").close()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["target_metadata"] = metadata
    return config
