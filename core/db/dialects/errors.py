"""The one place where a driver's error becomes an AppError."""

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import AppError, Conflict, InvalidInput, OutOfDate, Unavailable

NOT_THERE = (
    "The database has no table or column {}: is it up to date? `manage.py db upgrade` helps."
)
REQUIRED = "{} is required."
DOES_NOT_FIT = "A value does not fit the column that it is meant for."
NO_COUNTERPART = "It refers to something that does not exist, or something still refers to it."
NOT_UNIQUE = "The columns of an upsert need a unique constraint of their own."

# By the beginning of the SQLSTATE: PostgreSQL's manual, appendix A.
BY_SQLSTATE: tuple[tuple[str, type[AppError], str | None], ...] = (
    ("23505", Conflict, None),
    ("23502", InvalidInput, REQUIRED),
    ("23503", InvalidInput, NO_COUNTERPART),
    ("42P01", OutOfDate, NOT_THERE),
    ("42703", OutOfDate, NOT_THERE),
    ("42P10", InvalidInput, NOT_UNIQUE),
    ("428", InvalidInput, DOES_NOT_FIT),  # no such operator for these types, wrong type
    ("22", InvalidInput, DOES_NOT_FIT),
    ("23", InvalidInput, DOES_NOT_FIT),
    ("40", Unavailable, None),  # deadlock, serialization failure: the next try may succeed
    ("08", Unavailable, None),
    ("53", Unavailable, None),
    ("55P03", Unavailable, None),
    ("57", Unavailable, None),
)

# SQLite says in words what went wrong: https://sqlite.org/rescode.html has fewer codes than kinds.
BY_SQLITE_MESSAGE: tuple[tuple[str, type[AppError], str | None], ...] = (
    ("UNIQUE constraint failed", Conflict, None),
    ("NOT NULL constraint failed: ", InvalidInput, REQUIRED),
    ("FOREIGN KEY constraint failed", InvalidInput, NO_COUNTERPART),
    ("CHECK constraint failed", InvalidInput, DOES_NOT_FIT),
    ("datatype mismatch", InvalidInput, DOES_NOT_FIT),
    ("Error binding parameter", InvalidInput, DOES_NOT_FIT),
    ("ON CONFLICT clause does not match", InvalidInput, NOT_UNIQUE),
    ("no such table: ", OutOfDate, NOT_THERE),
    ("no such column: ", OutOfDate, NOT_THERE),
    ("database is locked", Unavailable, None),
    ("unable to open database file", Unavailable, None),
    ("disk I/O error", Unavailable, None),
    ("database or disk is full", Unavailable, None),
    ("attempt to write a readonly database", Unavailable, None),
    ("file is not a database", Unavailable, None),
)

# By number: MariaDB's list of error codes, most of which are MySQL's as well.
BY_MYSQL_NUMBER: dict[int, tuple[type[AppError], str | None]] = {
    1062: (Conflict, None),
    1048: (InvalidInput, REQUIRED),
    1364: (InvalidInput, REQUIRED),
    1216: (InvalidInput, NO_COUNTERPART),
    1217: (InvalidInput, NO_COUNTERPART),
    1451: (InvalidInput, NO_COUNTERPART),
    1452: (InvalidInput, NO_COUNTERPART),
    1051: (OutOfDate, NOT_THERE),
    1054: (OutOfDate, NOT_THERE),
    1146: (OutOfDate, NOT_THERE),
    **dict.fromkeys(
        # too long, out of range, wrong kind, CHECK, and what PyMySQL itself refuses (no number)
        (0, 1264, 1265, 1292, 1366, 1406, 1690, 3140, 3819, 4025, 4078),
        (InvalidInput, DOES_NOT_FIT),
    ),
    **dict.fromkeys(
        # full, shut down, no access, lock wait, deadlock and the savepoint that it ended, killed
        (1040, 1044, 1045, 1049, 1053, 1129, 1130, 1203, 1205, 1213, 1305, 1317, 1698, 1927, 4031),
        (Unavailable, None),
    ),
}
MAX_WORDS = 500  # characters of a driver's message in the log
MYSQL_CLIENT = range(2000, 3000)  # the numbers of the client's own errors: the server is away

NAMED = re.compile(r'(?:relation|column) (?:"([^"]+)"|(\S+))')
MYSQL_NAMED = re.compile(r"'(?:[^'.]+\.)?([^'.]+)'")
DRIVER_ERRORS = (DBAPIError, psycopg2.Error, sqlite3.Error, PoolTimeout)


def driver_error_types() -> tuple[type[Exception], ...]:
    """Return what the drivers raise: PyMySQL's among it where it is used, and so imported."""
    pymysql = sys.modules.get("pymysql")
    return (*DRIVER_ERRORS, pymysql.Error) if pymysql else DRIVER_ERRORS


@contextmanager
def driver_errors() -> Iterator[None]:
    """Turn what the driver or SQLAlchemy raises into an AppError; let everything else pass."""
    try:
        yield
    except driver_error_types() as error:
        raise as_app_error(error) from error
    except StatementError as error:  # a value that could not even be prepared for the driver
        raise InvalidInput(str(error.orig)) from error


def driver_words(error: Exception) -> str:
    """Return on one line what the driver said of an error that came from it."""
    cause = error.__cause__ or error
    words = str(getattr(cause, "orig", None) or cause)
    return " ".join(words.split())[:MAX_WORDS]


def as_app_error(error: Exception) -> AppError:
    """Return the AppError for a driver's error; a mistake in our own SQL is a plain one."""
    if isinstance(error, DBAPIError):
        error = error.orig if isinstance(error.orig, Exception) else error
    if isinstance(error, PoolTimeout):
        return Unavailable()
    if isinstance(error, sqlite3.Error):
        return _as_sqlite_says(str(error))
    pymysql = sys.modules.get("pymysql")
    if pymysql and isinstance(error, pymysql.Error):
        return _as_mysql_says(error, isinstance(error, pymysql.InterfaceError))
    code = getattr(error, "pgcode", None)
    if code:
        return _as_sqlstate_says(code, error)
    if isinstance(error, psycopg2.ProgrammingError):  # "can't adapt type 'dict'"
        return InvalidInput(DOES_NOT_FIT)
    return Unavailable()


def _as_sqlstate_says(code: str, error: Exception) -> AppError:
    diagnostics = error.diag  # type: ignore[attr-defined]
    for prefix, kind, message in BY_SQLSTATE:
        if code.startswith(prefix):
            named = NAMED.search(diagnostics.message_primary or "")
            name = diagnostics.column_name or (named and (named[1] or named[2])) or "of that name"
            return kind(message.format(name) if message else None)
    return AppError()


def _as_sqlite_says(words: str) -> AppError:
    for prefix, kind, message in BY_SQLITE_MESSAGE:
        if words.startswith(prefix):
            name = words.removeprefix(prefix).rpartition(".")[2]
            return kind(message.format(name) if message else None)
    return AppError()


def _as_mysql_says(error: Exception, is_away: bool) -> AppError:
    number = next((part for part in error.args if isinstance(part, int)), None)
    if number is None:  # "inf can not be used with MySQL"
        return InvalidInput(DOES_NOT_FIT)
    if is_away or number in MYSQL_CLIENT:
        return Unavailable()
    kind, message = BY_MYSQL_NUMBER.get(number, (AppError, None))
    named = MYSQL_NAMED.search(str(error.args[-1]))
    return kind(message.format(named[1] if named else "of that name") if message else None)
