"""One migrated PostgreSQL database for test after test: emptying it is faster than copying it."""

from contextlib import closing
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from sqlalchemy import URL

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

NAME = "test"

# Whoever is still connected, whatever the test has made, and the rows it left.
END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
EMPTY = """
SET session_replication_role = replica;
SET lock_timeout = '5s';
DO $$
DECLARE
    found RECORD;
BEGIN
    FOR found IN
        SELECT oid::regclass AS name, CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
        AND relname <> ALL (%(tables)s)
    LOOP
        EXECUTE format('DROP %%s IF EXISTS %%s CASCADE', found.kind, found.name);
    END LOOP;
    FOR found IN
        SELECT oid::regtype AS name FROM pg_type
        WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
    LOOP
        EXECUTE format('DROP TYPE %%s CASCADE', found.name);
    END LOOP;
    FOR found IN
        SELECT oid::regclass AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        AND relname <> 'alembic_version'
    LOOP
        EXECUTE format('DELETE FROM %%s', found.name);
    END LOOP;
END
$$
"""
SCHEMA = """
SELECT (SELECT version_num FROM alembic_version), array_agg(
    (attrelid::regclass, attname, atttypid, atttypmod, attnotnull)::text ORDER BY attrelid, attnum
)
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND attnum > 0
"""


class ReusedDatabase:
    """A copy of a template, made once and emptied after each test, or made again.

    Close it before the server ends.
    """

    def __init__(self, template: URL) -> None:
        self._template = template
        self.url = template.set(database=NAME)
        self._make()
        self._schema = _rows(self._connection, SCHEMA)
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        self._tables = [name for (name,) in _rows(self._connection, names)]

    def empty(self) -> None:
        """Take away what a test has left, whoever still holds on to it."""
        try:
            _run(self._connection, END_SESSIONS)
            _run(self._connection, EMPTY, {"tables": self._tables})
            clean = _rows(self._connection, SCHEMA) == self._schema
        except psycopg2.Error:  # it changed the program's own tables, or ended our session too
            clean = False
        if not clean:
            self._connection.close()
            self._make()

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def _make(self) -> None:
        with closing(self._connect(self._template.set(database="postgres"))) as connection:
            _run(connection, f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
            _run(connection, f"CREATE DATABASE {NAME} TEMPLATE {self._template.database}")
        # Kept, since a new session reads the whole catalogue again.
        self._connection = self._connect(self.url)

    def _connect(self, url: URL) -> psycopg2.extensions.connection:
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = psycopg2.connect(dsn)
        connection.autocommit = True
        return connection


def _run(
    connection: psycopg2.extensions.connection, sql: str, params: dict[str, Any] | None = None
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def _rows(connection: psycopg2.extensions.connection, sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
