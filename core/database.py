"""One engine and one pool a process, and the transaction that a piece of work shares.

A statement that stands alone runs in the driver's autocommit mode: one round trip instead of three.
`transaction()` opens a real one; whatever runs inside it, on this thread or task, is part of it.
"""

import select
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError

from config.settings import get_settings
from core.cursors import PortableConnection
from core.driver_errors import driver_errors
from core.reflection import Tables

POOL_TIMEOUT = 10  # seconds that a piece of work waits for a free connection
CONNECT_TIMEOUT = 5  # seconds to reach PostgreSQL
BUSY_TIMEOUT = 5000  # milliseconds that SQLite waits for another writer


class Database:
    """An engine with its pool. Thread-safe; `close()` it when it is no longer needed."""

    def __init__(self, url: str | URL, pool_size: int = 10) -> None:
        address = make_url(url)
        self.dialect = address.get_backend_name()
        self.tables = Tables()
        self._open: ContextVar[Connection | None] = ContextVar("transaction", default=None)
        if self.dialect == "sqlite" and address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(
            address,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            **_options(self.dialect),
        )
        _listen(self.engine, self.dialect)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction, or a savepoint inside the one that is open.

        Commits at the end, rolls back on an exception. Raises AppErrors for the driver's errors.
        """
        connection = self._open.get()
        with driver_errors():
            if connection is not None:
                with connection.begin_nested():
                    yield connection
                return
            with self.engine.connect() as connection, connection.begin():
                token = self._open.set(connection)
                try:
                    yield connection
                finally:
                    self._open.reset(token)

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Lend the driver's cursor: in the open transaction, else for one statement by itself."""
        connection = self._open.get()
        with driver_errors():
            lender = self.engine.raw_connection() if connection is None else connection.connection
            try:
                cursor = lender.cursor()
                try:
                    yield cursor
                finally:
                    cursor.close()
            except self.engine.dialect.loaded_dbapi.Error as error:
                if self.engine.dialect.is_disconnect(error, lender.dbapi_connection, None):
                    (connection or lender).invalidate(error)
                raise
            finally:
                if connection is None:
                    lender.close()

    def table(self, name: str, refresh: bool = False) -> Table:
        """Return a table by name, as it was last read from the database or as it is now.

        Raises UnknownName where there is none.
        """
        bind = self._open.get() or self.engine
        with driver_errors():
            return self.tables.refresh(name, bind) if refresh else self.tables.get(name, bind)

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _options(dialect: str) -> dict[str, Any]:
    if dialect == "postgresql":
        return {
            "use_native_hstore": False,  # saves a query a connection
            "connect_args": {
                "connect_timeout": CONNECT_TIMEOUT,
                "keepalives_idle": 30,
                "options": "-c timezone=UTC",
            },
        }
    if dialect == "sqlite":
        return {"connect_args": {"factory": PortableConnection}}
    return {}


def _listen(engine: Engine, dialect: str) -> None:
    if dialect == "postgresql":
        event.listen(engine, "connect", _autocommit)
        event.listen(engine, "checkout", _replace_if_stale)
        event.listen(engine, "begin", _leave_autocommit)
        event.listen(engine, "checkin", _autocommit)
    elif dialect == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_immediate)


def _autocommit(driver_connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    """Let statements stand alone; psycopg2 keeps this to itself, so it costs no round trip."""
    if driver_connection is not None and not driver_connection.closed:
        driver_connection.autocommit = True


def _leave_autocommit(connection: Connection) -> None:
    driver_connection: Any = connection.connection.dbapi_connection
    driver_connection.autocommit = False


def _replace_if_stale(driver_connection: Any, _record: object, _proxy: object) -> None:  # noqa: ANN401
    """Have the pool replace a connection that the server closed while it lay idle.

    A server that says something unasked, says goodbye. Asking the socket costs no round trip, and
    nothing has been sent yet, so nothing can be done twice.
    """
    poll = select.poll()
    if not driver_connection.closed:
        poll.register(driver_connection, select.POLLIN)
    if driver_connection.closed or poll.poll(0):
        raise DisconnectionError


def _set_up_sqlite(driver_connection: sqlite3.Connection, _record: object) -> None:
    driver_connection.isolation_level = None  # autocommit; _begin_immediate opens transactions
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "case_sensitive_like=ON",  # as everywhere else
    ):
        driver_connection.execute(f"PRAGMA {pragma}").close()
    # SQLite's own lower() knows ASCII only.
    driver_connection.create_function(
        "lower", 1, lambda x: x.lower() if isinstance(x, str) else x, deterministic=True
    )


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at once: a read that turns into a write later can't wait for it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


_lock = threading.Lock()
_database: Database | None = None


def get_database() -> Database:
    """Return this process's database, made from the settings at the first call."""
    global _database  # noqa: PLW0603 - the one place that owns it
    with _lock:
        if _database is None:
            settings = get_settings()
            _database = Database(settings.sqlalchemy_url, settings.db_pool_size)
        return _database


def use_database(database: Database | None) -> Database | None:
    """Make this the process's database and return the one before; closes neither."""
    global _database  # noqa: PLW0603 - the one place that owns it
    with _lock:
        before, _database = _database, database
        return before


@contextmanager
def transaction() -> Iterator[Connection]:
    """Open a transaction on the process's database: see Database.transaction."""
    with get_database().transaction() as connection:
        yield connection
