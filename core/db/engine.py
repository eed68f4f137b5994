"""One engine and one pool a process, and the transaction that a piece of work shares.

A statement that stands alone runs in the driver's autocommit mode: one round trip instead of three.
`transaction()` opens a real one; whatever runs inside it, on this thread or task, is part of it.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import URL, Connection, Uuid, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from config.database_url import read_url
from config.private import keep_private
from config.settings import get_settings
from core.db.dialects.base import Driver, driver_for
from core.db.dialects.errors import as_app_error, driver_error_types, driver_errors
from core.db.reflection import SQLITE_TYPES, KnownTable, Tables, table_names
from core.db.sql_log import log_statements_of
from core.errors import InvalidInput, OutOfDate
from core.tables import DashedUuid


class Pool(QueuePool):
    """A pool whose connections can also be borrowed for one statement in autocommit mode.

    A full check-out keeps books on all that may happen to a connection while it is lent, and on a
    borrower that forgets it. That takes 0.05 ms, half as long as a small statement itself; one that
    stands alone needs none of it.
    """

    def borrow(self, driver: Driver) -> ConnectionPoolEntry:
        """Return an entry with a live connection; `give_back` it. Raises the driver's errors."""
        entry: Any = self._do_get()
        try:
            connection = entry.get_connection()
            if driver.is_stale(connection):
                entry.invalidate()
                entry.get_connection()
        except BaseException:
            self.give_back(entry)
            raise
        return cast(ConnectionPoolEntry, entry)

    def give_back(self, entry: ConnectionPoolEntry) -> None:
        """Return what was borrowed."""
        self._do_return_conn(entry)


log = logging.getLogger(__name__)

POOL_TIMEOUT = 10  # seconds that a piece of work waits for a free connection

Result = TypeVar("Result")


class Database:
    """An engine with its pool. Thread-safe; `close()` it when it is no longer needed."""

    def __init__(
        self, url: str | URL, pool_size: int = 10, pool_timeout: float = POOL_TIMEOUT
    ) -> None:
        try:
            address = read_url(url) if isinstance(url, str) else url
            self.dialect = address.get_backend_name()
            self.driver = driver_for(self.dialect)
            options = self.driver.url_options(address.query)
        except ValueError as error:
            raise InvalidInput(f"The database's address: {error}.") from error
        self.connect_arguments = options.arguments
        if options.unknown:
            names = ", ".join(sorted(options.unknown))
            log.warning("the database's driver has no option %s: left out of its address", names)
        if self.dialect == "sqlite":
            file = Path(str(address.database))
            file.parent.mkdir(parents=True, exist_ok=True)
            keep_private(file, *(file.with_name(file.name + rest) for rest in ("-wal", "-shm")))
        self.engine = create_engine(
            address.set(query=options.query),
            connect_args=self.connect_arguments,
            poolclass=Pool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout,
            hide_parameters=True,  # in errors and logs: they are people's own words
            **self.driver.options,
        )
        if self.dialect == "sqlite":
            dialect: Any = self.engine.dialect
            dialect.ischema_names = {**dialect.ischema_names, **SQLITE_TYPES}
            dialect.colspecs = {**dialect.colspecs, Uuid: DashedUuid}
        self._driver_error = self.engine.dialect.loaded_dbapi.Error
        self._tables = Tables()
        self._open: ContextVar[Connection | None] = ContextVar("transaction", default=None)
        self._listen()

    @contextmanager
    def transaction(
        self, *, savepoint: bool = True, read_only: bool = False
    ) -> Iterator[Connection]:
        """Open a transaction, or a savepoint inside the one that is open.

        Commits at the end, rolls back on an exception. Raises AppErrors for the driver's errors.
        Without `savepoint` it is a part of the one that is open, which spares two round trips: for
        those whose exceptions end the outer one as well. With `read_only` it waits for no writer,
        on SQLite neither; nothing may be written in it.
        """
        outer = self._open.get()
        with driver_errors():
            if outer is not None:
                with outer.begin_nested() if savepoint and not read_only else nullcontext():
                    yield outer
                return
            with (
                self.engine.connect().execution_options(read_only=read_only) as connection,
                connection.begin(),
            ):
                token = self._open.set(connection)
                try:
                    yield connection
                finally:
                    self._open.reset(token)

    def in_transaction(self) -> bool:
        """Tell whether a transaction is open here."""
        return self._open.get() is not None

    def run(self, work: Callable[..., Result], *args: object) -> Result:
        """Call work with the driver's cursor and args, and return what it returns.

        It is one statement's work: part of the open transaction; without one it stands alone.
        """
        transaction = self._open.get()
        try:
            if transaction is not None:
                return self._work(transaction, transaction.connection.dbapi_connection, work, args)
            return self._work_alone(work, args)
        except driver_error_types() as error:
            failure = as_app_error(error)
            if isinstance(failure, OutOfDate):
                self.forget_tables()  # something changed them behind our back
            raise failure from error

    def _work_alone(self, work: Callable[..., Result], args: tuple[object, ...]) -> Result:
        pool: Pool = self.engine.pool  # type: ignore[assignment]
        entry = pool.borrow(self.driver)
        try:
            return self._work(entry, entry.dbapi_connection, work, args)
        finally:
            connection = entry.dbapi_connection
            left_open = connection is not None and self.driver.in_transaction(connection)
            if left_open:
                entry.invalidate()
            pool.give_back(entry)
            if left_open:
                raise InvalidInput("A transaction was begun and not ended: use transaction().")

    def _work(
        self,
        lender: Connection | ConnectionPoolEntry,
        connection: Any,  # noqa: ANN401 - the driver's own
        work: Callable[..., Result],
        args: tuple[object, ...],
    ) -> Result:
        try:
            cursor = connection.cursor()
            try:
                return work(cursor, *args)
            finally:
                cursor.close()
        except self._driver_error as error:
            if self.engine.dialect.is_disconnect(error, connection, None):
                lender.invalidate(error)
            raise

    def table(self, name: str, refresh: bool = False) -> KnownTable:
        """Return a table by name: as it was when last looked at, or as it is now.

        Raises UnknownName where there is none.
        """
        known = None if refresh else self._tables.get(name)
        if known is None:
            with driver_errors():
                known = self._tables.read(name, self._open.get() or self.engine)
        return known

    def table_names(self) -> set[str]:
        """Return the names of the tables and views that there are now."""
        with driver_errors():
            return table_names(self._open.get() or self.engine)

    def forget_tables(self) -> None:
        """Reflect every table again, since something may have changed them."""
        self._tables.forget()

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    def _listen(self) -> None:
        """Have SQLAlchemy's own ways, those of transaction(), keep to the driver's."""

        def set_up(connection: Any, _entry: object) -> None:  # noqa: ANN401 - the driver's own
            self.driver.set_up(connection)

        def check_out(connection: Any, _entry: object, _lent: object) -> None:  # noqa: ANN401
            if self.driver.is_stale(connection):
                raise DisconnectionError  # the pool opens another one and asks again

        def check_in(connection: Any, _entry: object) -> None:  # noqa: ANN401 - or None
            if connection is not None:
                self.driver.put_back(connection)

        log_statements_of(self.engine)
        event.listen(self.engine, "connect", set_up)
        event.listen(self.engine, "checkout", check_out)
        event.listen(self.engine, "begin", self.driver.begin)
        event.listen(self.engine, "checkin", check_in)


_lock = threading.Lock()
_database: Database | None = None


def get_database() -> Database:
    """Return this process's database, made from the settings at the first call."""
    global _database  # the one place that owns it
    database = _database
    if database is None:
        with _lock:
            if _database is None:
                settings = get_settings()
                _database = Database(settings.sqlalchemy_url, settings.db_pool_size)
            database = _database
    return database


def use_database(database: Database | None) -> Database | None:
    """Make this the process's database and return the one before; closes neither."""
    global _database  # the one place that owns it
    with _lock:
        before, _database = _database, database
        return before


@contextmanager
def transaction(*, savepoint: bool = True, read_only: bool = False) -> Iterator[Connection]:
    """Open a transaction on the process's database: see Database.transaction."""
    with get_database().transaction(savepoint=savepoint, read_only=read_only) as connection:
        yield connection
