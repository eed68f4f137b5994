"""What differs between the databases' drivers: how a connection is set up, used, found dead."""

import select
import sqlite3
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from typing import Any, Protocol
from uuid import UUID, SafeUUID

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, make_dsn, new_type, register_type
from psycopg2.extras import RealDictCursor, execute_values
from sqlalchemy import Connection

from core.db.copy_text import copy_text
from core.db.dialects.sqlite import PortableConnection, PortableCursor, dict_row, sqlite_words
from core.db.dialects.url_options import Query, URLOptions

CONNECT_TIMEOUT = 5  # seconds to reach PostgreSQL
KEEPALIVE = 30  # seconds of silence after which PostgreSQL's connection is probed
ROWS_AT_ONCE = 1000  # of an insert of many: more gains nothing
BUSY_TIMEOUT = 5000  # milliseconds that SQLite waits for another writer


# What PostgreSQL's sslmode is called in the addresses of node-postgres, asyncpg and pgx.
SSL_MODES = {"true": "require", "1": "require", "false": "disable", "0": "disable"}


UUID_OID = 2950  # PostgreSQL's pg_type.dat
UNKNOWN = SafeUUID.unknown
_fields: Any = UUID  # whose slots refuse to be set in the usual way
_set_int, _set_safe = _fields.int.__set__, _fields.is_safe.__set__


def read_uuid(text: str | None, _cursor: object) -> UUID | None:
    """Return a UUID as PostgreSQL writes it, without the checks of what anybody may have written.

    A list of ten rows has twenty of them. This takes a third of the time of UUID's own constructor.
    """
    if text is None:
        return None
    made = UUID.__new__(UUID)
    _set_int(made, int(text.replace("-", ""), 16))
    _set_safe(made, UNKNOWN)
    return made


UUID_TYPE = new_type((UUID_OID,), "UUID", read_uuid)


class Driver(Protocol):
    """The ways of one database's driver. Connections and cursors are the driver's own."""

    options: Mapping[str, Any]
    """What create_engine is told besides the URL."""
    returns_changed_rows: bool
    """Whether INSERT, UPDATE and DELETE return rows, and ON CONFLICT makes an upsert."""

    def url_options(self, query: Query) -> URLOptions:
        """Sort what stands behind the question mark. Raises ValueError, without a value."""
        ...

    def set_up(self, connection: Any) -> None:  # noqa: ANN401
        """Make a new connection ready: in autocommit mode, where each statement stands alone."""
        ...

    def begin(self, connection: Connection) -> None:
        """Begin a transaction."""
        ...

    def put_back(self, connection: Any) -> None:  # noqa: ANN401
        """Return to autocommit mode after a transaction."""
        ...

    def is_stale(self, connection: Any) -> bool:  # noqa: ANN401
        """Tell whether the server has closed an idle connection, without asking the server."""
        ...

    def in_transaction(self, connection: Any) -> bool:  # noqa: ANN401
        """Tell whether a transaction is open on the connection."""
        ...

    def insert_rows(self, cursor: Any, sql: str, rows: Sequence[Any]) -> None:  # noqa: ANN401
        """Run an insert with each of the parameters, in as few round trips as there can be."""
        ...

    def execute(self, cursor: Any, query: str, params: Any) -> None:  # noqa: ANN401
        """Run hand-written SQL with %s or %(name)s; without params (None) it is left alone."""
        ...

    def lend(self, connection: Any) -> Any:  # noqa: ANN401
        """Return the connection for hand-written SQL: its cursors take %s and %(name)s."""
        ...

    def dict_cursor(self, connection: Any) -> Any:  # noqa: ANN401
        """Return a cursor of the same behaviour whose rows are dicts."""
        ...


class PostgreSQL:
    """psycopg2, which keeps autocommit mode to itself: changing it costs no round trip."""

    options: Mapping[str, Any] = {
        "paramstyle": "format",  # by position, as SQLite's
        "use_native_hstore": False,  # saves a query for each new connection
    }
    returns_changed_rows = True

    def url_options(self, query: Query) -> URLOptions:
        """Keep what libpq knows, which is asked; `ssl` is what other clients call sslmode."""
        known, unknown = {}, []
        for name, value in query.items():
            if name == "ssl" and "sslmode" not in query:
                name, value = "sslmode", SSL_MODES.get(str(value).lower(), value)
            if (name, value) == ("sslmode", "no-verify"):
                value = "require"
            try:
                make_dsn(**{name: "x"})
            except psycopg2.ProgrammingError:
                unknown.append(name)
            else:
                known[name] = value
        ours = {"connect_timeout": CONNECT_TIMEOUT, "keepalives_idle": KEEPALIVE}
        arguments = {name: value for name, value in ours.items() if name not in known}
        return URLOptions(known, arguments, unknown)

    def set_up(self, connection: Any) -> None:  # noqa: ANN401 - the driver's own
        """Leave every statement to stand alone; a time without a zone is UTC's."""
        connection.autocommit = True
        register_type(UUID_TYPE, connection)
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")

    def begin(self, connection: Connection) -> None:
        """Have psycopg2 send BEGIN before the next statement."""
        driver_connection: Any = connection.connection.dbapi_connection
        driver_connection.autocommit = False

    def put_back(self, connection: Any) -> None:  # noqa: ANN401 - the driver's own
        """Return to autocommit mode, unless the connection is lost anyway."""
        if not connection.closed:
            connection.autocommit = True

    def is_stale(self, connection: Any) -> bool:  # noqa: ANN401 - the driver's own
        """Look whether the socket of an idle connection has something to say: it is a goodbye."""
        if connection.closed:
            return True
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0))

    def in_transaction(self, connection: Any) -> bool:  # noqa: ANN401 - the driver's own
        """Ask psycopg2, which knows it from the last answer."""
        return bool(connection.get_transaction_status() != TRANSACTION_STATUS_IDLE)

    def insert_rows(self, cursor: Any, sql: str, rows: Sequence[Any]) -> None:  # noqa: ANN401
        """Send them by COPY, or a thousand a statement where they have arrays and the like."""
        text = copy_text(rows)
        head, values, template = sql.rpartition(" VALUES ")
        if text is not None:
            target = head.removeprefix("INSERT INTO ").replace("%%", "%")
            cursor.copy_expert(f"COPY {target} FROM STDIN", BytesIO(text))
        else:
            execute_values(cursor, f"{head}{values}%s", rows, template, page_size=ROWS_AT_ONCE)

    def execute(self, cursor: Any, query: str, params: Any) -> None:  # noqa: ANN401
        """Run it."""
        cursor.execute(query, params)

    def lend(self, connection: Any) -> Any:  # noqa: ANN401 - the driver's own
        """Return it as it is."""
        return connection

    def dict_cursor(self, connection: Any) -> Any:  # noqa: ANN401 - the driver's own
        """Return psycopg2's own."""
        return connection.cursor(cursor_factory=RealDictCursor)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log: again, while another process does so with a new file.

    SQLite waits for locks by itself, but not for that one.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


class SQLite:
    """The standard library's sqlite3."""

    options: Mapping[str, Any] = {}
    returns_changed_rows = True

    def url_options(self, query: Query) -> URLOptions:
        """Keep nothing: how the file is opened is the program's to say."""
        return URLOptions({}, {}, list(query))

    def set_up(self, connection: sqlite3.Connection) -> None:
        """Switch on what other databases have without asking."""
        connection.isolation_level = None  # autocommit; begin() opens transactions
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT}").close()
        _write_ahead(connection)
        for setting in (
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "case_sensitive_like=ON",
        ):
            connection.execute(f"PRAGMA {setting}").close()
        # SQLite's own lower() knows ASCII only.
        connection.create_function(
            "lower", 1, lambda x: x.lower() if isinstance(x, str) else x, deterministic=True
        )

    def begin(self, connection: Connection) -> None:
        """Take the write lock at once: a read that turns into a write later can't wait for it.

        Where nothing is to be written, take none: SQLite shows what was there at the first read.
        """
        read_only = connection.get_execution_options().get("read_only")
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    def put_back(self, connection: sqlite3.Connection) -> None:
        """Do nothing: it never left autocommit mode."""

    def is_stale(self, connection: sqlite3.Connection) -> bool:
        """Say no: there is no server that could close it."""
        return False

    def in_transaction(self, connection: sqlite3.Connection) -> bool:
        """Ask SQLite."""
        return connection.in_transaction

    def insert_rows(self, cursor: sqlite3.Cursor, sql: str, rows: Sequence[Any]) -> None:
        """Run it for row after row: there is no way to a server that could be spared."""
        cursor.executemany(sql, rows)

    def execute(self, cursor: sqlite3.Cursor, query: str, params: Any) -> None:  # noqa: ANN401
        """Run it in SQLite's words."""
        cursor.execute(*sqlite_words(query, params))

    def lend(self, connection: sqlite3.Connection) -> PortableConnection:
        """Return it that behaves like psycopg2's."""
        return PortableConnection(connection)

    def dict_cursor(self, connection: sqlite3.Connection) -> sqlite3.Cursor:
        """Return a cursor that behaves like psycopg2's whose rows are dicts."""
        cursor = connection.cursor(PortableCursor)
        cursor.row_factory = dict_row
        return cursor


@lru_cache
def driver_for(dialect: str) -> Driver:
    """Return the ways of a database by its name in addresses. Raises KeyError for another."""
    if dialect == "mysql":
        from core.db.dialects.mysql import MySQL  # here, for others need no PyMySQL

        return MySQL()
    drivers: dict[str, type[Driver]] = {"postgresql": PostgreSQL, "sqlite": SQLite}
    return drivers[dialect]()
