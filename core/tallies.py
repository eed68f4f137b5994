"""Rows that are added to: one statement for many of them, whether they are there yet or not."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite


def add_up(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    key: Sequence[str],
) -> None:
    """Add the amounts of each row to the row of the same key, or insert it where there is none.

    All columns that are not in the key, which has to be unique, are amounts. The rows are locked
    until the transaction ends, in the order of their keys: then no two wait for each other.
    """
    if not rows:
        return
    amounts = [name for name in rows[0] if name not in key]
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        place = tuple(row[name] for name in key)
        known = sums.setdefault(place, {**row, **dict.fromkeys(amounts, 0)})
        for name in amounts:
            known[name] += row[name]
    statement: sa.Insert
    if connection.dialect.name == "mysql":
        new = mysql.insert(table)
        statement = new.on_duplicate_key_update(
            {name: table.c[name] + new.inserted[name] for name in amounts}
        )
    else:
        is_postgres = connection.dialect.name == "postgresql"
        found = postgresql.insert(table) if is_postgres else sqlite.insert(table)
        statement = found.on_conflict_do_update(
            index_elements=key,
            set_={name: table.c[name] + found.excluded[name] for name in amounts},
        )
    connection.execute(statement, [row for _, row in sorted(sums.items())])
