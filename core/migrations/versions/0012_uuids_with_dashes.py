"""UUIDs with dashes on SQLite, so that tables made in plain SQL can refer to them.

A column that is declared as UUID is numeric there: 32 digits may be taken for a number.
"""

import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from core import tables

revision = "0012"
down_revision = "0011"
compatible = False  # on SQLite the program before looks for ids without dashes

Column = tuple[str, str]  # the names of a table and of a column in it
OLD_DEFAULT = "lower(hex(randomblob(16)))"  # of the ids in the tables of the program, but these:
WITHOUT_DEFAULT = ("bot_processes", "agent_turns")
BEGINS, LENGTHS = (1, 9, 13, 17, 21), (8, 4, 4, 4, 12)  # of a UUID's parts in 32 digits
COLUMNS = sa.text("SELECT name, type FROM pragma_table_info(:name)")
KEYS = sa.text('SELECT "from", "table", "to" FROM pragma_foreign_key_list(:name)')


def upgrade() -> None:
    """Change the rows, and the text of the definitions: see sqlite.org/lang_altertable.html, 7."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    definitions = dict(
        connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()
    )
    ours = {n for n, sql in definitions.items() if OLD_DEFAULT in sql or n in WITHOUT_DEFAULT}
    columns, keys = set(), []
    for name in definitions:
        for column, kind in connection.execute(COLUMNS, {"name": name}):
            if name in ours and kind == "CHAR(32)":
                columns.add((name, column))
        for own, table, referred in connection.execute(KEYS, {"name": name}):
            keys.append(((name, own), (table, referred or "id")))
    quote = connection.dialect.identifier_preparer.quote
    for name, column in _with_referring(columns, keys):
        field = quote(column)
        parts = (f"substr({field}, {at}, {n})" for at, n in zip(BEGINS, LENGTHS, strict=True))
        dashed = " || '-' || ".join(parts)
        connection.exec_driver_sql(
            f"UPDATE {quote(name)} SET {field} = {dashed} "  # noqa: S608
            f"WHERE length({field}) = 32 AND {field} NOT GLOB '*[^0-9a-f]*'"
        )
    default = str(tables.new_uuid().compile(dialect=connection.dialect))[1:-1]
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for name in ours:
        sql = re.sub(r"\bCHAR\(32\)", "CHAR(36)", definitions[name])
        connection.exec_driver_sql(
            "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?",
            (sql.replace(OLD_DEFAULT, default), name),
        )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")


def _with_referring(columns: set[Column], keys: Iterable[tuple[Column, Column]]) -> set[Column]:
    """Return the columns, and those that refer to them, or to one that does."""
    keys = list(keys)
    found = set(columns)
    while more := {own for own, referred in keys if referred in found} - found:
        found |= more
    return found
