"""SQLite's cursor that behaves like psycopg2's, so that hand-written SQL reads alike on both."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from core.db.placeholders import sqlite_query


class PortableCursor(sqlite3.Cursor):
    """SQLite's cursor, behaving like psycopg2's: its parameters, its types, and `with`."""

    def execute(self, query: str, params: Any = None) -> Self:  # noqa: ANN401 - a list or a dict
        """Run one statement; without params the query is left alone."""
        super().execute(*sqlite_words(query, params))
        return self

    def executemany(self, query: str, many: Any) -> Self:  # noqa: ANN401 - lists or dicts
        """Run one statement with each of the params."""
        super().executemany(sqlite_query(query), map(_plain, many))
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class PortableConnection:
    """SQLite's connection, whose cursors take psycopg2's parameters."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the connection has
        return getattr(self._connection, name)

    def cursor(self) -> PortableCursor:
        """Return a cursor whose rows are tuples."""
        return self._connection.cursor(PortableCursor)


def sqlite_words(query: str, params: Any) -> tuple[str, Any]:  # noqa: ANN401 - a list or a dict
    """Return a query and its params, written for psycopg2, as sqlite3 takes them."""
    return (query, ()) if params is None else (sqlite_query(query), _plain(params))


def _plain_value(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return a value as SQLite stores it, in the same form as SQLAlchemy's types."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return value.isoformat(" ", "microseconds")
    if isinstance(value, time):
        return value.isoformat("microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value) if isinstance(value, dict | list) else value


def _plain(params: Mapping[str, Any] | Sequence[Any]) -> Any:  # noqa: ANN401 - as it came
    if isinstance(params, Mapping):
        return {name: _plain_value(value) for name, value in params.items()}
    return [_plain_value(value) for value in params]


def dict_row(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    """Return a row as a dict: a row factory of sqlite3."""
    names = (column[0] for column in cursor.description)
    return dict(zip(names, row, strict=True))
