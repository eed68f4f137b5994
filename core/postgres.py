"""Generic create, read, update and delete by table name, on every database despite the file's name.

Rows are plain dicts. Values are always bound. A table, column or operator that is unknown raises
UnknownName before anything reaches SQL. Every call is part of the open `transaction()`, if any.

A `where` is a dict whose conditions are joined by AND: `{"a": 1}`, `{"a": None}` for IS NULL, and
`{"a": (operator, value)}` with = != < > <= >= LIKE ILIKE IN IS and IS NOT.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Table

from core.database import Database, get_database, transaction
from core.errors import InvalidInput, UnknownName
from core.queries import named_query
from core.statements import Row, Shape, Statement, statement_for
from core.where import read_order, read_where

Where = Mapping[str, Any]

DEFINES_TABLES = re.compile(r"\s*(CREATE|ALTER|DROP)\b", re.IGNORECASE)


def insert(table: str, data: Mapping[str, Any]) -> Row:
    """Insert a row and return it whole, with what the database filled in."""
    found = _table(table, data)
    data = {**data, **_defaults(found, data, "default")}
    return _rows(Shape("insert", found, changed=tuple(data)), list(data.values()))[0]


def select(
    table: str,
    where: Where | None = None,
    order_by: str | Sequence[str] | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> list[Row]:
    """Return the rows that match, in order: `"created_at DESC"`, or a list of such."""
    conditions, values = read_where(where or {})
    order = read_order(order_by)
    shape = Shape(
        "select",
        _table(table, where or (), (item.column for item in order)),
        where=conditions,
        order_by=order,
        limited=limit is not None,
        skipping=offset is not None,
    )
    for name, bound in (("limit", limit), ("offset", offset)):
        if bound is not None:
            values.append(_whole_number(name, bound))
    return _rows(shape, values)


def select_one(table: str, where: Where) -> Row | None:
    """Return the first row that matches, or None."""
    rows = select(table, where, limit=1)
    return rows[0] if rows else None


def update(table: str, data: Mapping[str, Any], where: Where) -> list[Row]:
    """Change the rows that match and return them as they are now.

    An empty where is refused, since it would change every row.
    """
    conditions, values = read_where(_not_empty(where, "update"))
    if not data:
        raise InvalidInput("update: there is nothing to change.")
    found = _table(table, data, where)
    data = {**data, **_defaults(found, data, "onupdate")}
    shape = Shape("update", found, where=conditions, changed=tuple(data))
    return _rows(shape, [*data.values(), *values])


def delete(table: str, where: Where) -> list[Row]:
    """Delete the rows that match and return them; an empty where is refused."""
    conditions, values = read_where(_not_empty(where, "delete"))
    return _rows(Shape("delete", _table(table, where), where=conditions), values)


def count(table: str, where: Where | None = None) -> int:
    """Count the rows that match."""
    conditions, values = read_where(where or {})
    return int(_scalar(Shape("count", _table(table, where or ()), where=conditions), values))


def exists(table: str, where: Where) -> bool:
    """Tell whether a row matches."""
    conditions, values = read_where(where)
    return bool(_scalar(Shape("exists", _table(table, where), where=conditions), values))


def upsert(table: str, data: Mapping[str, Any], conflict_columns: str | Sequence[str]) -> Row:
    """Insert a row, or change the one that has the same conflict_columns; return it whole.

    The conflict_columns need a unique constraint, and a value each in the data.
    """
    conflict = (conflict_columns,) if isinstance(conflict_columns, str) else tuple(conflict_columns)
    found = _table(table, data, conflict)
    if not conflict or any(name not in data for name in conflict):
        raise InvalidInput("upsert: name the conflict columns, and give each a value.")
    data = {**data, **_defaults(found, data, "onupdate")}
    # With nothing to change, a column is set to what it is: only then the row is returned.
    replaced = tuple(name for name in data if name not in conflict) or conflict[:1]
    data = {**data, **_defaults(found, data, "default")}
    shape = Shape("upsert", found, changed=tuple(data), conflict=conflict, replaced=replaced)
    return _rows(shape, list(data.values()))[0]


def insert_many(table: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert all rows or none, and return how many; each must have the same columns."""
    rows = list(rows)
    if not rows:
        return 0
    names = rows[0].keys()
    for number, row in enumerate(rows):
        if row.keys() != names:
            odd = sorted(map(str, row.keys() ^ names))
            raise InvalidInput(f"insert_many: row {number} differs from the first one in {odd}")
    found = _table(table, names)
    made = [column for column in found.columns if column.default and column.name not in names]
    changed = (*names, *(column.name for column in made))
    database, statement = _statement(Shape("insert_many", found, changed=changed))
    values = [
        *([row[name] for row in rows] for name in names),
        *([_made(column, "default") for _ in rows] for column in made),
    ]
    with database.transaction():
        database.run(lambda cursor: statement.insert_rows(database.driver, cursor, values))
    return len(rows)


def execute(query: str, params: Mapping[str, Any] | None = None) -> list[Row] | int:
    """Run SQL of your own: `:name` and `%(name)s` take their values from params.

    Returns the rows, or the number of rows that a statement without any has changed.
    """
    database = get_database()
    if params is not None:  # without them a colon or a percent sign is what it is
        query, names = named_query(query)
        if missing := sorted(names.difference(params)):
            raise InvalidInput(f"execute: there is no value for {', '.join(missing)}.")

    def run(cursor: Any) -> list[Row] | int:  # noqa: ANN401 - the driver's own
        database.driver.execute(cursor, query, params)
        if not cursor.description:
            return int(cursor.rowcount)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    result = database.run(run)
    if DEFINES_TABLES.match(query):
        database.forget_tables()
    return result


def table_exists(table: str) -> bool:
    """Tell whether the database has this table or view."""
    try:
        get_database().table(table, refresh=True)
    except UnknownName:
        return False
    return True


def get_columns(table: str) -> list[str]:
    """Return the names of a table's columns, in order."""
    return [column.name for column in get_database().table(table, refresh=True).table.columns]


@contextmanager
def get_connection() -> Iterator[Any]:
    """Lend the driver's connection for one transaction: committed at the end, or rolled back."""
    with transaction() as connection:
        yield get_database().driver.lend(connection.connection.dbapi_connection)


@contextmanager
def get_cursor(dict_cursor: bool = True) -> Iterator[Any]:
    """Lend a cursor for one transaction; its rows are dicts, or tuples.

    Parameters are written `%s` or `%(name)s` on every database.
    """
    driver = get_database().driver
    with transaction() as connection:
        lent = connection.connection.dbapi_connection
        cursor = driver.dict_cursor(lent) if dict_cursor else driver.lend(lent).cursor()
        try:
            yield cursor
        finally:
            cursor.close()


def _table(name: str, *columns: Iterable[str]) -> Table:
    """Look up a table and check the columns, looking anew where one is unknown."""
    database = get_database()
    known = database.table(name)
    wanted = [column for some in columns for column in some]
    if not known.columns.issuperset(wanted):
        known = database.table(name, refresh=True)
        for column in wanted:
            if column not in known.columns:
                raise UnknownName(f"The table {name!r} has no column {column!r}.")
    return known.table


def _defaults(table: Table, given: Mapping[str, Any], kind: str) -> Row:
    """Return what the program itself fills in: `default` at an insert, `onupdate` at an update."""
    return {
        column.name: _made(column, kind)
        for column in table.columns
        if getattr(column, kind) is not None and column.name not in given
    }


def _made(column: Column[Any], kind: str) -> Any:  # noqa: ANN401 - any value
    default = getattr(column, kind)
    return default.arg(None) if default.is_callable else default.arg


def _whole_number(name: str, value: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidInput(f"{name}: a whole number from 0, not {value!r}.")
    return value


def _not_empty(where: Where, action: str) -> Where:
    if not where:
        raise InvalidInput(f"{action}: an empty where would hit every row; name a condition.")
    return where


def _statement(shape: Shape) -> tuple[Database, Statement]:
    database = get_database()
    return database, statement_for(shape, database.engine.dialect)


def _rows(shape: Shape, values: list[Any]) -> list[Row]:
    database, statement = _statement(shape)
    return database.run(lambda cursor: statement.rows(cursor, values))


def _scalar(shape: Shape, values: list[Any]) -> Any:  # noqa: ANN401 - any value
    database, statement = _statement(shape)
    return database.run(lambda cursor: statement.scalar(cursor, values))
