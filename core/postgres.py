"""Generic create, read, update and delete by table name, on every database despite the file's name.

Rows are plain dicts. Values are always bound. A table, column or operator that is unknown raises
UnknownName before anything reaches SQL. Every call is part of the open `transaction()`, if there is one.

A `where` is a dict whose conditions are joined by AND: `{"a": 1}`, `{"a": None}` for IS NULL, and
`{"a": (operator, value)}` with = != < > <= >= LIKE ILIKE IN IS and IS NOT.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Table

from core.cursors import open_cursor
from core.database import get_database, transaction
from core.errors import InvalidInput, UnknownName
from core.queries import driver_query
from core.statements import CONDITIONS, Condition, Order, Row, Shape, Statement, statement_for

Where = Mapping[str, Any]

ORDER = re.compile(
    r"(.+?)(?:\s+(ASC|DESC))?(?:\s+NULLS\s+(FIRST|LAST))?", re.IGNORECASE | re.DOTALL
)
CONSTANTS = {None: "NULL", True: "TRUE", False: "FALSE"}
DEFINES_TABLES = re.compile(r"\s*(CREATE|ALTER|DROP|RENAME)\b", re.IGNORECASE)


def insert(table: str, data: Mapping[str, Any]) -> Row:
    """Insert a row and return it whole, with what the database filled in."""
    found = _table(table, data)
    data = {**data, **_defaults(found, data, "default")}
    return _run(Shape("insert", found, changed=tuple(data)), list(data.values()))[0]


def select(
    table: str,
    where: Where | None = None,
    order_by: str | Sequence[str] | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> list[Row]:
    """Return the rows that match, in order: `"created_at DESC"`, or a list of such."""
    texts = [order_by] if isinstance(order_by, str) else list(order_by or ())
    order = tuple(map(_order, texts))
    conditions, values = _conditions(where or {})
    found = _table(table, [*(where or ()), *(item.column for item in order)])
    shape = Shape(
        "select",
        found,
        where=conditions,
        order_by=order,
        limited=limit is not None,
        skipping=offset is not None,
    )
    bounds = {"limit": limit, "offset": offset}
    return _run(shape, values + [_whole(n, v) for n, v in bounds.items() if v is not None])


def select_one(table: str, where: Where) -> Row | None:
    """Return the first row that matches, or None."""
    rows = select(table, where, limit=1)
    return rows[0] if rows else None


def update(table: str, data: Mapping[str, Any], where: Where) -> list[Row]:
    """Change the rows that match and return them as they are now.

    An empty where is refused, since it would change every row.
    """
    conditions, values = _conditions(_not_empty(where, "update"))
    if not data:
        raise InvalidInput("update: there is nothing to change.")
    found = _table(table, [*data, *where])
    data = {**data, **_defaults(found, data, "onupdate")}
    shape = Shape("update", found, where=conditions, changed=tuple(data))
    return _run(shape, [*data.values(), *values])


def delete(table: str, where: Where) -> list[Row]:
    """Delete the rows that match and return them; an empty where is refused."""
    conditions, values = _conditions(_not_empty(where, "delete"))
    return _run(Shape("delete", _table(table, where), where=conditions), values)


def count(table: str, where: Where | None = None) -> int:
    """Count the rows that match."""
    conditions, values = _conditions(where or {})
    shape = Shape("count", _table(table, where or ()), where=conditions)
    return int(_run(shape, values, _scalar))


def exists(table: str, where: Where) -> bool:
    """Tell whether a row matches."""
    conditions, values = _conditions(where)
    return bool(_run(Shape("exists", _table(table, where), where=conditions), values, _scalar))


def upsert(table: str, data: Mapping[str, Any], conflict_columns: str | Sequence[str]) -> Row:
    """Insert a row, or change the one that has the same conflict_columns; return it whole.

    The conflict_columns need a unique constraint, and a value each in the data.
    """
    conflict = (conflict_columns,) if isinstance(conflict_columns, str) else tuple(conflict_columns)
    found = _table(table, [*data, *conflict])
    if missing := [name for name in conflict if name not in data] or not conflict:
        raise InvalidInput(f"upsert: the conflict columns need a value each: {missing}")
    changes = {**data, **_defaults(found, data, "onupdate")}
    replaced = tuple(name for name in changes if name not in conflict) or conflict[:1]
    data = {**changes, **_defaults(found, changes, "default")}
    shape = Shape("upsert", found, changed=tuple(data), conflict=conflict, replaced=replaced)
    return _run(shape, list(data.values()))[0]


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
    with transaction():
        for row in rows:
            insert(table, row)
    return len(rows)


def execute(query: str, params: Mapping[str, Any] | None = None) -> list[Row] | int:
    """Run SQL of your own: `:name` and `%(name)s` take their values from params.

    Returns the rows, or the number of rows that a statement without any has changed.
    """
    database = get_database()
    with database.cursor() as cursor:
        cursor.execute(*driver_query(query, params, database.engine.dialect.paramstyle))
        if cursor.description:
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        if DEFINES_TABLES.match(query):
            database.tables.forget()
        return int(cursor.rowcount)


def table_exists(table: str) -> bool:
    """Tell whether the database has this table or view."""
    try:
        _table(table)
    except UnknownName:
        return False
    return True


def get_columns(table: str) -> list[str]:
    """Return the names of a table's columns, in order."""
    return [column.name for column in _table(table).columns]


@contextmanager
def get_connection() -> Iterator[Any]:
    """Lend the driver's connection for one transaction: committed at the end, or rolled back."""
    with transaction() as connection:
        yield connection.connection.dbapi_connection


@contextmanager
def get_cursor(dict_cursor: bool = True) -> Iterator[Any]:
    """Lend a cursor for one transaction; its rows are dicts, or tuples.

    Parameters are written `%s` or `%(name)s` on every database.
    """
    with transaction() as connection:
        cursor = open_cursor(connection.connection.dbapi_connection, dict_cursor)
        try:
            yield cursor
        finally:
            cursor.close()


def _table(name: str, columns: Iterable[object] = ()) -> Table:
    """Look up a table and check the columns, reading them anew where one is unknown."""
    database = get_database()
    table = database.table(name)
    if _unknown(table, columns):
        table = database.table(name, refresh=True)
    if unknown := _unknown(table, columns):
        raise UnknownName(f"The table {name!r} has no column {unknown[0]!r}.")
    return table


def _unknown(table: Table, columns: Iterable[object]) -> list[object]:
    return [name for name in columns if not isinstance(name, str) or name not in table.columns]


def _defaults(table: Table, given: Mapping[str, Any], kind: str) -> Row:
    """Return what the program itself fills in: `default` at an insert, `onupdate` at an update."""
    made = {}
    for column in table.columns:
        default = getattr(column, kind)
        if default is not None and column.name not in given:
            made[column.name] = default.arg(None) if default.is_callable else default.arg
    return made


def _conditions(where: Where) -> tuple[tuple[Condition, ...], list[Any]]:
    if not isinstance(where, Mapping):
        raise InvalidInput(f"A where is a dict, not {type(where).__name__}.")
    conditions: list[Condition] = []
    values: list[Any] = []
    for column, wanted in where.items():
        condition, given = _condition(column, wanted)
        conditions.append(condition)
        values += given
    return tuple(conditions), values


def _condition(column: str, wanted: Any) -> tuple[Condition, list[Any]]:  # noqa: ANN401
    if not isinstance(wanted, tuple):
        wanted = ("=", wanted)
    if len(wanted) != 2 or not isinstance(wanted[0], str):  # noqa: PLR2004 - a pair
        raise InvalidInput(f"{column}: a condition is a value or a pair (operator, value).")
    operator, value = " ".join(wanted[0].upper().split()), wanted[1]
    if value is None and operator in ("=", "!="):
        operator = "IS" if operator == "=" else "IS NOT"
    if operator in ("IS", "IS NOT"):
        if not (value is None or isinstance(value, bool)):
            raise InvalidInput(f"{column}: {operator} takes None, True or False.")
        return Condition(column, f"{operator} {CONSTANTS[value]}", 0), []
    if operator == "IN":
        if not isinstance(value, list | tuple | set | frozenset):
            raise InvalidInput(f"{column}: IN takes a list.")
        return Condition(column, operator, len(value)), list(value)
    if operator not in CONDITIONS or operator.startswith("IS"):
        raise UnknownName(f"{column}: there is no operator {wanted[0]!r}.")
    return Condition(column, operator, 1), [value]


def _order(text: str) -> Order:
    """Read "column", "column DESC" or "column ASC NULLS LAST"; the column is checked later."""
    match = ORDER.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise UnknownName(f"order_by: a column and ASC or DESC, not {text!r}.")
    column, direction, nulls = match.groups(default="")
    return Order(column, direction.upper() == "DESC", nulls.upper())


def _whole(name: str, value: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidInput(f"{name}: a whole number from 0, not {value!r}")
    return value


def _not_empty(where: Where, action: str) -> Where:
    if not where:
        raise InvalidInput(f"{action}: an empty where would hit every row; name a condition.")
    return where


def _run(
    shape: Shape,
    values: list[Any],
    fetch: Callable[[Statement, Any], Any] = Statement.rows,
) -> Any:  # noqa: ANN401 - what fetch returns
    database = get_database()
    statement = statement_for(shape, database.engine.dialect)
    with database.cursor() as cursor:
        statement.run(cursor, values)
        return fetch(statement, cursor)


def _scalar(_statement: Statement, cursor: Any) -> Any:  # noqa: ANN401 - the driver's own
    return cursor.fetchall()[0][0]
