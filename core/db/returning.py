"""The rows that a statement has changed, where the database does not return them: on MySQL.

MariaDB returns what it inserts, and no more. Everything else is put together from several
statements in one transaction. ON DUPLICATE KEY UPDATE is not used: it changes a row that has any
unique key in common with the new one, not only that which the caller named.
"""

from typing import Any

from sqlalchemy import PrimaryKeyConstraint, Table, UniqueConstraint

from core.db.builders import KEYS, Shape
from core.db.compiled import Row, statement_for
from core.db.dialects.errors import NOT_UNIQUE
from core.db.engine import Database
from core.db.filters import Condition, padded
from core.errors import Conflict, InvalidInput

NO_KEY = "The new row of {!r} can't be found again: give a value to each column of its primary key."


def changed_rows(database: Database, shape: Shape, values: list[Any]) -> list[Row]:
    """Run an insert, update, upsert or delete and return the rows as its RETURNING would."""
    with database.transaction():
        return WAYS[shape.kind](database, shape, values)


def _insert(database: Database, shape: Shape, values: list[Any]) -> list[Row]:
    if database.engine.dialect.insert_returning:
        return _rows(database, shape, values)
    table = shape.table
    data = dict(zip(shape.changed, values, strict=True))
    key = {column: data.get(column.name) for column in table.primary_key.columns}
    missing = [column for column, value in key.items() if value is None]
    if not key or (missing and missing != [table.autoincrement_column]):
        raise InvalidInput(NO_KEY.format(table.name))
    number = _run(database, shape._replace(kind="insert_only"), values)
    found = [number if column in missing else value for column, value in key.items()]
    one = Condition("", KEYS, 1)
    return _rows(database, Shape("select", table, where=(one,)), found)


def _update(database: Database, shape: Shape, values: list[Any]) -> list[Row]:
    table = shape.table
    new, wanted = values[: len(shape.changed)], values[len(shape.changed) :]
    rows = _rows(database, Shape("select", table, where=shape.where, lock="update"), wanted)
    if not rows:
        return []
    change = shape._replace(kind="update_only")
    changes = dict(zip(shape.changed, new, strict=True))
    if not table.primary_key:
        _run(database, change, values)
        return [{**row, **changes} for row in rows]
    those, keys = _keys(table, rows)
    _run(database, change._replace(where=those), [*new, *keys])
    now = [{**row, **changes} for row in rows]  # the key may have been changed as well
    those, keys = _keys(table, now)
    return _rows(database, Shape("select", table, where=those), keys)


def _delete(database: Database, shape: Shape, values: list[Any]) -> list[Row]:
    table = shape.table
    rows = _rows(database, Shape("select", table, where=shape.where, lock="update"), values)
    removal = shape._replace(kind="delete_only")
    if rows and table.primary_key:
        those, keys = _keys(table, rows)
        _run(database, removal._replace(where=those), keys)
    elif rows:
        _run(database, removal, values)
    return rows


def _upsert(database: Database, shape: Shape, values: list[Any]) -> list[Row]:
    if set(shape.conflict) not in _unique(shape.table):
        raise InvalidInput(NOT_UNIQUE)
    data = dict(zip(shape.changed, values, strict=True))
    same = tuple(Condition(name, "=", 1) for name in shape.conflict)
    update = Shape("update", shape.table, where=same, changed=shape.replaced)
    update_values = [data[name] for name in (*shape.replaced, *shape.conflict)]
    if rows := _update(database, update, update_values):
        return rows
    try:
        return _insert(database, Shape("insert", shape.table, changed=shape.changed), values)
    except Conflict:  # somebody else inserted it meanwhile, or it is another unique column
        if rows := _update(database, update, update_values):
            return rows
        raise


WAYS = {"insert": _insert, "update": _update, "delete": _delete, "upsert": _upsert}


def _unique(table: Table) -> list[set[str]]:
    """Return the columns of each primary key, unique constraint and unique index."""
    unique = [set(index.columns.keys()) for index in table.indexes if index.unique]
    unique += [
        set(one.columns.keys())
        for one in table.constraints
        if isinstance(one, PrimaryKeyConstraint | UniqueConstraint)
    ]
    return unique


def _keys(table: Table, rows: list[Row]) -> tuple[tuple[Condition], list[Any]]:
    """Return the condition for these rows, and its values."""
    some = padded(rows)
    values = [row[column.name] for row in some for column in table.primary_key.columns]
    return (Condition("", KEYS, len(some)),), values


def _rows(database: Database, shape: Shape, values: list[Any]) -> list[Row]:
    return database.run(statement_for(shape, database.engine.dialect).rows, values)


def _run(database: Database, shape: Shape, values: list[Any]) -> int:
    """Run a statement without rows; return the number that the database gave a new row, if any."""
    return database.run(statement_for(shape, database.engine.dialect).run, values)
