"""Generic create, read, update and delete by table name, on every database despite the file's name.

Rows are plain dicts. Values are always bound. A table, column or operator that is unknown raises
UnknownName before anything reaches SQL. Every call is part of the open `transaction()`, if any.

A `where` is a dict whose conditions are joined by AND: `{"a": 1}`, `{"a": None}` for IS NULL, and
`{"a": (operator, value)}` with = != < > <= >= LIKE ILIKE IN IS and IS NOT.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, Literal

from core.db.builders import LOCKS, Shape
from core.db.compiled import Row, Statement, statement_for
from core.db.engine import Database, get_database, transaction
from core.db.filters import read_order, read_where
from core.db.placeholders import named_query
from core.db.reflection import KnownTable, Makers
from core.db.returning import changed_rows
from core.db.sql_log import log_sql
from core.errors import InvalidInput, UnknownName

Where = Mapping[str, Any]
Lock = Literal["update", "skip locked"]

DEFINES_TABLES = re.compile(r"\s*(CREATE|ALTER|DROP)\b", re.IGNORECASE)


def insert(table: str, data: Mapping[str, Any]) -> Row:
    """Insert a row and return it whole, with what the database filled in."""
    found = _table(table, data)
    data = _filled(data, found.defaults)
    return _rows(Shape("insert", found.table, changed=tuple(data)), list(data.values()))[0]


def select(
    table: str,
    where: Where | None = None,
    order_by: str | Sequence[str] | None = None,
    limit: int | None = None,
    offset: int | None = None,
    *,
    columns: Sequence[str] | None = None,
    after: Mapping[str, Any] | None = None,
    lock: Lock | None = None,
) -> list[Row]:
    """Return the rows that match, in order: `"created_at DESC"`, or a list of such.

    columns: those to return, instead of all. after: the last row of the page before, of which the
    order columns are used; the primary key has to be among them, so that no two rows are equal.
    lock: "update" waits for rows that another transaction holds, "skip locked" leaves them out;
    both keep the rows until the end of the open transaction.
    """
    conditions, values = read_where(where or {})
    order = read_order(order_by)
    ordered = [item.column for item in order]
    wanted = _wanted(columns)
    found = _table(table, where or (), ordered, wanted)
    shape = Shape(
        "select",
        found.table,
        where=conditions,
        order_by=order,
        limited=limit is not None,
        skipping=offset is not None,
        columns=wanted,
        lock=_lock(lock),
    )
    if after is not None:
        if not found.key or not set(found.key).issubset(ordered) or not set(ordered) <= set(after):
            raise InvalidInput(
                "after: order_by has to end in the primary key, so that no row is lost among "
                "equals, and the row has to have every column of the order."
            )
        last = [after[name] for name in ordered]
        shape = shape._replace(after=tuple(value is not None for value in last))
        values += [value for value in last if value is not None]
    for name, bound in (("limit", limit), ("offset", offset)):
        if bound is not None:
            values.append(_whole_number(name, bound))
    return _rows(shape, values)


def select_one(table: str, where: Where) -> Row | None:
    """Return the first row that matches, or None."""
    conditions, values = read_where(where)
    found = _table(table, where)
    # Where the whole primary key is given, the query is faster without a LIMIT.
    limited = not found.key or any((name, "=", 1) not in conditions for name in found.key)
    shape = Shape("select", found.table, conditions, limited=limited)
    rows = _rows(shape, [*values, 1] if limited else values)
    return rows[0] if rows else None


def update(table: str, data: Mapping[str, Any], where: Where) -> list[Row]:
    """Change the rows that match and return them as they are now.

    An empty where is refused, since it would change every row.
    """
    conditions, values = read_where(_not_empty(where, "update"))
    if not data:
        raise InvalidInput("update: there is nothing to change.")
    found = _table(table, data, where)
    data = _filled(data, found.renewals)
    shape = Shape("update", found.table, where=conditions, changed=tuple(data))
    return _rows(shape, [*data.values(), *values])


def delete(table: str, where: Where) -> list[Row]:
    """Delete the rows that match and return them; an empty where is refused."""
    conditions, values = read_where(_not_empty(where, "delete"))
    return _rows(Shape("delete", _table(table, where).table, where=conditions), values)


def count(table: str, where: Where | None = None) -> int:
    """Count the rows that match."""
    conditions, values = read_where(where or {})
    shape = Shape("count", _table(table, where or ()).table, where=conditions)
    return int(_scalar(shape, values))


def exists(table: str, where: Where) -> bool:
    """Tell whether a row matches."""
    conditions, values = read_where(where)
    return bool(_scalar(Shape("exists", _table(table, where).table, where=conditions), values))


def upsert(table: str, data: Mapping[str, Any], conflict_columns: str | Sequence[str]) -> Row:
    """Insert a row, or change the one that has the same conflict_columns; return it whole.

    The conflict_columns need a unique constraint, and a value each in the data.
    """
    conflict = (conflict_columns,) if isinstance(conflict_columns, str) else tuple(conflict_columns)
    found = _table(table, data, conflict)
    if not conflict or any(name not in data for name in conflict):
        raise InvalidInput("upsert: name the conflict columns, and give each a value.")
    data = _filled(data, found.renewals)
    # With nothing to change, a column is set to what it is: only then the row is returned.
    replaced = tuple(name for name in data if name not in conflict) or conflict[:1]
    data = _filled(data, found.defaults)
    shape = Shape("upsert", found.table, (), tuple(data), conflict, replaced)
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
            raise InvalidInput(f"insert_many: row {number} differs from the first one in {odd}.")
    if not names:
        raise InvalidInput("insert_many: the rows have no columns.")
    found = _table(table, names)
    made = [name for name in found.defaults if name not in names]
    database, statement = _statement(Shape("insert_only", found.table, changed=(*names, *made)))
    values = [
        *([row[name] for row in rows] for name in names),
        *([found.defaults[name]() for _ in rows] for name in made),
    ]
    with database.transaction():
        database.run(statement.insert_rows, values, database.driver)
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
        log_sql(query)
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
    return table in get_database().table_names()


def get_columns(table: str) -> list[str]:
    """Return the names of a table's columns, in order."""
    return list(get_database().table(table, refresh=True).table.columns.keys())


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


def _table(name: str, *columns: Iterable[str]) -> KnownTable:
    """Look up a table and check the columns, reflecting it again where one is unknown."""
    database = get_database()
    known = database.table(name)
    if all(map(known.columns.issuperset, columns)):
        return known
    known = database.table(name, refresh=True)
    for column in chain.from_iterable(columns):
        if column not in known.columns:
            raise UnknownName(f"The table {name!r} has no column {column!r}.")
    return known


def _filled(data: Mapping[str, Any], makers: Makers) -> Row:
    """Return the data with what the program itself fills in where it is not given."""
    return {**data, **{name: make() for name, make in makers.items() if name not in data}}


def _whole_number(name: str, value: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidInput(f"{name}: a whole number from 0, not {value!r}.")
    return value


def _wanted(columns: Sequence[str] | None) -> tuple[str, ...]:
    if columns is None:
        return ()
    if isinstance(columns, str) or not columns:
        raise InvalidInput("columns: a list of at least one column.")
    return tuple(columns)


def _lock(lock: str | None) -> str:
    if lock is None:
        return ""
    if lock not in LOCKS:
        raise UnknownName(f"lock: {' or '.join(LOCKS)}, not {lock!r}.")
    if not get_database().in_transaction():
        raise InvalidInput("lock: rows are kept for a transaction; open one with transaction().")
    return lock


def _not_empty(where: Where, action: str) -> Where:
    if not where:
        raise InvalidInput(f"{action}: an empty where would hit every row; name a condition.")
    return where


def _statement(shape: Shape) -> tuple[Database, Statement]:
    database = get_database()
    return database, statement_for(shape, database.engine.dialect)


def _rows(shape: Shape, values: list[Any]) -> list[Row]:
    database = get_database()
    if shape.kind != "select" and not database.driver.returns_changed_rows:
        return changed_rows(database, shape, values)
    return database.run(statement_for(shape, database.engine.dialect).rows, values)


def _scalar(shape: Shape, values: list[Any]) -> Any:  # noqa: ANN401 - any value
    database, statement = _statement(shape)
    return database.run(statement.scalar, values)
