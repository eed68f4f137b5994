"""Times that SQLite makes have six digits, as those of the program have.

They are texts there: a row whose time had none came before a page's end instead of behind it.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
compatible = True
REVIEWED = ("run by hand: get_bind",)  # SQLite's defaults, and digits that change no time

OLD = "DATETIME DEFAULT CURRENT_TIMESTAMP"
NEW = "DATETIME DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))"
TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"


def upgrade() -> None:
    """Change the rows, and the text of the definitions: see sqlite.org/lang_altertable.html, 7."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    quote = connection.dialect.identifier_preparer.quote
    ours = {
        name: sql
        for name, sql in connection.exec_driver_sql(TABLES).all()
        if OLD in sql and f"CONSTRAINT pk_{name}" in sql  # made by a migration
    }
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    for name, sql in ours.items():
        columns = [line.split()[0] for line in sql.splitlines() if OLD in line]
        for column in map(quote, columns):
            connection.exec_driver_sql(
                f"UPDATE {quote(name)} SET {column} = {column} || '.000000' "  # noqa: S608
                f"WHERE length({column}) = 19"
            )
    if ours:
        connection.exec_driver_sql("PRAGMA writable_schema = ON")
        for name, sql in ours.items():
            connection.exec_driver_sql(
                "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?",
                (sql.replace(OLD, NEW), name),
            )
        connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
        connection.exec_driver_sql("PRAGMA writable_schema = OFF")
