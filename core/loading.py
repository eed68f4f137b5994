"""Filling tables in any order: foreign keys are checked when all rows are there."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, column, func, select, table, text

from core.database import Database

POSTGRES_KEYS = text(
    "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) "
    "FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
)
POSTGRES_SEQUENCES = text(
    "SELECT table_name, column_name, "
    "pg_get_serial_sequence(quote_ident(table_name), column_name) FROM information_schema.columns "
    "WHERE table_schema = current_schema() "
    "AND (is_identity = 'YES' OR column_default LIKE 'nextval(%')"
)


@contextmanager
def foreign_keys_last(database: Database, connection: Connection) -> Iterator[None]:
    """Check no foreign key before the end of the context, inside a transaction.

    MySQL, which can't wait with its checks, makes none: rows come from where they were made.
    """
    if database.dialect == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        yield
    elif database.dialect == "mysql":
        connection.execute(text("SET FOREIGN_KEY_CHECKS = 0"))
        try:
            yield
        finally:
            connection.execute(text("SET FOREIGN_KEY_CHECKS = 1"))
    else:
        keys = connection.execute(POSTGRES_KEYS).all()
        for owner, name, _ in keys:
            connection.exec_driver_sql(f"ALTER TABLE {owner} DROP CONSTRAINT {name}")
        yield
        for owner, name, definition in keys:
            connection.exec_driver_sql(f"ALTER TABLE {owner} ADD CONSTRAINT {name} {definition}")


def sequences_go_on(connection: Connection) -> None:
    """Let PostgreSQL number new rows after those that came with a number of their own."""
    if connection.dialect.name != "postgresql":
        return
    for name, numbered, sequence in connection.execute(POSTGRES_SEQUENCES).all():
        newest = func.setval(sequence, func.max(column(numbered)))
        connection.execute(select(newest).select_from(table(name)).having(func.count() > 0))
