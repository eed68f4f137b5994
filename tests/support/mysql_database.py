"""One migrated MySQL or MariaDB database for test after test, emptied in between."""

from contextlib import closing
from typing import Any

import pymysql
from sqlalchemy import URL

from core import migrations
from core.db.engine import Database
from tests.support.errands import make_table

SCHEMA = """
SELECT table_name, column_name, column_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY 1, 2
"""
TABLES = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = %s"
NO_SUCH_THREAD = 1094
OTHERS = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> %s"


class ReusedMysqlDatabase:
    """A database by this URL, whose user may make it; made once, or made again."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._name = url.database
        self._make()

    def empty(self) -> None:
        """Take away what a test has left, whoever still holds on to it."""
        with closing(connect(self.url)) as connection:
            own_id = connection.thread_id()
            for (other,) in rows(connection, OTHERS, own_id):
                try:
                    rows(connection, f"KILL {other}")
                except pymysql.MySQLError as error:
                    if error.args[0] != NO_SUCH_THREAD:
                        raise
            rows(connection, "SET SESSION foreign_key_checks = 0")
            for name, kind in rows(connection, TABLES, self._name):
                quoted = f"`{name}`"
                if kind == "VIEW":
                    rows(connection, f"DROP VIEW {quoted}")
                elif name not in self._tables:
                    rows(connection, f"DROP TABLE {quoted}")
                elif name != "alembic_version":
                    rows(connection, f"DELETE FROM {quoted}")  # noqa: S608 - our own names
            clean = rows(connection, SCHEMA) == self._schema
        if not clean:
            self._make()

    def _make(self) -> None:
        with closing(connect(self.url.set(database="information_schema"))) as connection:
            rows(connection, f"DROP DATABASE IF EXISTS {self._name}")
            rows(connection, f"CREATE DATABASE {self._name}")
        with closing(Database(self.url)) as database:
            migrations.upgrade(database)
            make_table(database)
        with closing(connect(self.url)) as connection:
            self._schema = rows(connection, SCHEMA)
            self._tables = {name for name, _ in rows(connection, TABLES, self._name)}


def connect(url: URL) -> Any:  # noqa: ANN401 - PyMySQL has no types
    """Open a connection of one's own; close it."""
    return pymysql.connect(
        host=url.host or "127.0.0.1",
        port=url.port or 3306,
        user=url.username or "root",
        password=url.password or "",
        database=url.database,
        autocommit=True,
    )


def rows(connection: Any, sql: str, *params: object) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Run one statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return list(cursor.fetchall())
