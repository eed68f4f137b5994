"""The tables that a user adds in plain SQL, in the marked place at the end of config/schema.sql.

They are written in PostgreSQL's DDL, as the rest of the file is, and made at the start of each
process where they are missing. Words that another database lacks are replaced by its own.
"""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Dialect, func

from config.settings import ROOT
from core.db.dialects.errors import as_app_error
from core.db.engine import Database
from core.db.placeholders import QUOTED
from core.errors import BrokenSchema, OutOfDate, Unavailable
from core.tables import metadata, new_uuid

SCHEMA = ROOT / "config" / "schema.sql"
MARK = """
-- Your own tables, from here to the end: CREATE TABLE IF NOT EXISTS, in PostgreSQL's words. They
-- are kept by `make format`, and made at the start on each database.
"""
BEFORE_THE_MARK = re.compile(r"^INSERT INTO alembic_version .*;$", re.MULTILINE)  # in older files
MAX_SHOWN = 60  # characters of a statement in an error

_FLAGS = re.VERBOSE | re.DOTALL | re.IGNORECASE
_PIECE = re.compile(rf"{QUOTED} | (?P<end>;)", _FLAGS)
_MADE = re.compile(
    r'CREATE\s+(?P<kind>TABLE|(?:UNIQUE\s+)?INDEX)\s+(?P<again>IF\s+NOT\s+EXISTS\s+)?"?(?P<name>[\w.]+)',
    re.IGNORECASE,
)
_WORD = re.compile(
    rf"""{QUOTED}
    | (?<=\s) (?P<type>
          timestamp\s+with(?:out)?\s+time\s+zone | timestamptz | timestamp | uuid | bytea | jsonb
        | (?:big)?serial
      ) \b (?!\s*\()
    | \b(?P<call>now|gen_random_uuid)\s*\(\s*\) | \b(?P<time>current_timestamp)\b""",
    _FLAGS,
)
_NAME_BEFORE = re.compile(r'[\w"]\s*$')  # a type stands behind the name of its column
WORDS = {
    "sqlite": {
        "bytea": "BLOB",
        "jsonb": "JSON",
        "serial": "INTEGER",
        "bigserial": "INTEGER",
    },
    "mysql": {
        "timestamp": "DATETIME",  # as on a clock; its TIMESTAMP is a point in time
        "timestamp without time zone": "DATETIME",
        "timestamptz": "TIMESTAMP",
        "timestamp with time zone": "TIMESTAMP",
        "bytea": "LONGBLOB",
        "jsonb": "JSON",
        "bigserial": "SERIAL",
    },
}
"""What stands for PostgreSQL's types and functions, beside UUIDs."""


def schema_text() -> str:
    """Return what config/schema.sql holds; nothing, where it was left out of an installation."""
    return SCHEMA.read_text("utf-8") if SCHEMA.exists() else ""


def own_part(schema: str) -> str:
    """Return what stands in the marked place of a schema."""
    head, mark, own = schema.partition(MARK)
    if not mark and (last := BEFORE_THE_MARK.search(head)):
        own = head[last.end() :].lstrip("\n")
    return own


def missing(database: Database) -> list[str]:
    """Return the user's statements that are to be run: all but those whose table is there.

    Raises BrokenSchema for a table that is the program's own, or that could be made only once.
    """
    schema = schema_text()
    statements = list(_statements(own_part(schema)))
    if not statements:
        return []
    there = {name.lower() for name in database.table_names()}
    generated = schema.removesuffix(own_part(schema))
    ours = {found["name"] for found in _MADE.finditer(generated)} | metadata.tables.keys()
    needed = []
    for statement in statements:
        made = _MADE.match(statement)
        name = made["name"].lower() if made else ""
        if name in ours:
            raise _broken(statement, f"{name} is the program's own; choose another name")
        if made and not made["again"]:
            raise _broken(statement, "it has to say IF NOT EXISTS: it is run at every start")
        if not made or made["kind"].upper() != "TABLE" or name not in there:
            needed.append(statement)
    return needed


def make(connection: Connection, statements: list[str]) -> None:
    """Run the user's statements in a transaction. Raises BrokenSchema that names a broken one."""
    driver_connection: Any = connection.connection.dbapi_connection
    for statement in statements:
        cursor = driver_connection.cursor()
        try:
            cursor.execute(portable(statement, connection.dialect))
        except connection.dialect.loaded_dbapi.Error as error:
            failure = as_app_error(error)
            if isinstance(failure, Unavailable) and not isinstance(failure, OutOfDate):
                raise
            *_, reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise _broken(statement, reason) from error
        finally:
            cursor.close()


def portable(statement: str, dialect: Dialect) -> str:
    """Return PostgreSQL's DDL in the words of a database."""
    if dialect.name == "postgresql":
        return statement
    words = {**WORDS[dialect.name], "gen_random_uuid": str(new_uuid().compile(dialect=dialect))}
    if dialect.name == "sqlite":
        words["now"] = words["current_timestamp"] = str(func.now().compile(dialect=dialect))
    else:
        words["uuid"] = "UUID" if dialect.supports_native_uuid else "CHAR(36)"

    def replace(found: re.Match[str]) -> str:
        word = found["type"] or found["call"] or found["time"]
        is_name = found["type"] and not _NAME_BEFORE.search(statement[: found.start()][-MAX_SHOWN:])
        if not word or is_name:
            return found[0]
        return words.get(" ".join(word.lower().split()), found[0])

    return _WORD.sub(replace, statement)


def _statements(sql: str) -> Iterator[str]:
    """Yield the statements of a script, without the comments around them."""
    begin = 0
    ends = [found.end() for found in _PIECE.finditer(sql) if found["end"]]
    for end in [*ends, len(sql)]:
        statement = sql[begin:end].strip().removesuffix(";")
        while (opening := _PIECE.match(statement)) and opening["comment"]:
            statement = statement[opening.end() :].lstrip()
        if statement:
            yield statement.rstrip()
        begin = end


def _broken(statement: str, reason: str) -> BrokenSchema:
    shown = " ".join(statement.split())
    shown = shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}..."
    return BrokenSchema(f"config/schema.sql: {shown!r} can't be used: {reason}")
