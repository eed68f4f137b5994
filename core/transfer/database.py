"""All rows of a database in one file, and back, into another kind of database too.

The file is gzip over lines of JSON: a head; for each table a line that names it and its columns,
and one line a row; at the end the number of rows of each. Of the schema it holds the number of the
last migration, and the statements that make the tables which no migration makes.
"""

import base64
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple
from uuid import UUID

from sqlalchemy import URL, Connection, MetaData, Table, column, func, inspect, select, table, text
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from core import migrations
from core.db.engine import Database, use_database
from core.errors import Conflict, InvalidInput
from core.postgres import count, insert_many
from core.tables import metadata

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


Writer = Callable[[Any], Any]
# The order counts: a datetime is a date too.
KINDS: tuple[tuple[type, str, Writer, Writer], ...] = (
    (UUID, "uuid", str, UUID),
    (datetime, "datetime", datetime.isoformat, datetime.fromisoformat),
    (date, "date", date.isoformat, date.fromisoformat),
    (time, "time", time.isoformat, time.fromisoformat),
    (
        timedelta,
        "interval",
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda parts: timedelta(*parts),
    ),
    (Decimal, "decimal", str, Decimal),
    (bytes, "bytes", lambda value: base64.b64encode(value).decode(), base64.b64decode),
    (dict, "json", lambda value: value, lambda value: value),
    (
        list,
        "list",
        lambda values: [to_json(value) for value in values],
        lambda values: [from_json(value) for value in values],
    ),
)
READERS = {name: read for _, name, _, read in KINDS}


def to_json(value: object) -> object:
    """Return a value as JSON has it. Raises InvalidInput for a kind that is not known here."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, memoryview):
        value = bytes(value)
    for kind, name, write, _ in KINDS:
        if isinstance(value, kind):
            return {name: write(value)}
    raise InvalidInput(f"A {type(value).__name__} can't be written into a backup.")


def from_json(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    """Return the value that `to_json` was given."""
    if not isinstance(value, dict):
        return value
    ((name, written),) = value.items()
    return READERS[name](written)


FORMAT = 1
ROWS_AT_ONCE = 1000
CHUNK = 64 * 1024  # bytes
VERSION_TABLE = "alembic_version"
DAMAGED = "The file is no backup, or it is damaged: {}. The database is as it was."


class Head(NamedTuple):
    """What a backup says about itself; `rows` are the numbers of rows by table."""

    made_at: str
    dialect: str
    version: str
    rows: dict[str, int]


class Checked:
    """A file that is written to, and read back as it is: what went out was whole, or is told.

    For a pipe, which nobody can read twice. Close it, then ask for the `result`.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        reading, writing = os.pipe()
        self._copy = os.fdopen(writing, "wb")
        self._pool = ThreadPoolExecutor(1)
        self._reading = self._pool.submit(_check_and_close, os.fdopen(reading, "rb"))

    def write(self, data: bytes) -> int:
        """Write to the file, and to the one who reads it back."""
        self._hash.update(data)
        self._file.write(data)
        return self._copy.write(data)

    def flush(self) -> None:
        """Flush the file."""
        self._file.flush()

    def close(self) -> None:
        """End the reading; the file stays open."""
        self._copy.close()
        self._pool.shutdown()

    def result(self) -> tuple[Head, str]:
        """Return what was read back, and the SHA-256 of the file. Raises InvalidInput."""
        return self._reading.result(), self._hash.hexdigest()


def _check_and_close(file: IO[bytes]) -> Head:
    with file:
        try:
            return check(file)
        finally:
            while file.read(CHUNK):  # the writer is never held up
                pass


def read_back(file: BufferedReader) -> tuple[Head, str]:
    """Check a backup in a file, and return what it says and its SHA-256. Raises InvalidInput."""
    head = check(file)
    file.seek(0)
    return head, hashlib.file_digest(file, "sha256").hexdigest()


def write(database: Database, file: IO[bytes] | Checked) -> dict[str, int]:
    """Write all rows as they are at one moment, while others go on; return how many, by table.

    The program's tables are those in core.tables.metadata: load the routes before. Raises
    InvalidInput for an empty database, and for a value that a backup can't hold.
    """
    version = migrations.current(database)
    if version is None:
        raise InvalidInput("The database is empty: there is nothing to back up.")
    if not migrations.knows(version):
        raise InvalidInput(
            f"The database is at migration {version}, which this program does not have: "
            "back it up with the program that it belongs to."
        )
    rows: dict[str, int] = {}
    with (
        _snapshot(database) as (source, connection),
        gzip.open(file, "wt", encoding="ascii", compresslevel=6) as lines,
    ):

        def line(content: object) -> None:
            lines.write(json.dumps(content, separators=(",", ":")) + "\n")

        now = datetime.now(UTC).isoformat(timespec="seconds")
        head = {"backup": FORMAT, "made_at": now, "database": source.dialect, "version": version}
        line(head)
        for name in _table_names(connection):  # what is referred to first, so that it can be made
            table = source.table(name).table
            columns = [column for column in table.columns if column.computed is None]
            made_by = [] if name in metadata.tables else _definition(connection, name)
            line({"table": name, "columns": [c.name for c in columns], "made_by": made_by})
            rows[name] = 0
            for row in connection.execute(select(*columns)):
                line([to_json(value) for value in row])
                rows[name] += 1
        line({"rows": rows})
    return rows


def check(file: IO[bytes]) -> Head:
    """Read a backup from its beginning to its end: every row, all checksums, and their number.

    Raises InvalidInput where anything is missing or damaged.
    """
    head: Head | None = None
    found: dict[str, int] = {}
    last: Any = {}
    columns = 0
    try:
        for content in _lines(file):
            if head is None:
                head = _head(content)
            elif isinstance(content, list):
                if len([from_json(value) for value in content]) != columns:
                    raise InvalidInput(DAMAGED.format(f"a row of {last['table']} is cut"))
                found[last["table"]] += 1
            else:
                last = content
                if "table" in content:
                    found[content["table"]], columns = 0, len(content["columns"])
        if head is None or last.get("rows") != found:
            raise InvalidInput(DAMAGED.format("it ends too early"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(DAMAGED.format("a line of it can't be read")) from error
    return Head(head.made_at, head.dialect, head.version, found)


def _head(content: Any) -> Head:  # noqa: ANN401 - any JSON
    if not isinstance(content, dict) or "backup" not in content:
        raise InvalidInput(DAMAGED.format("it does not begin as one"))
    if content["backup"] != FORMAT:
        raise InvalidInput(
            f"The backup has format {content['backup']}; this program reads {FORMAT}."
        )
    return Head(content["made_at"], content["database"], content["version"], {})


def restore(database: Database, file: IO[bytes], *, force: bool = False) -> dict[str, int]:
    """Make a database what the file holds, then bring it up to date; return the rows by table.

    Nothing else may use the database meanwhile. PostgreSQL and SQLite change as a whole or not at
    all. Raises Conflict where the database has rows, unless forced to delete them, and InvalidInput
    for a damaged backup, or one of a newer program.
    """
    head = check(file)
    file.seek(0)
    if not migrations.knows(head.version):
        raise InvalidInput(
            f"The backup is of migration {head.version}, which this program does not have: "
            "restore it with the program that made it, or a newer one."
        )
    before = use_database(database)
    try:
        if not force and (filled := _filled(database)):
            raise Conflict(
                f"The database has rows already, in {', '.join(filled)}. "
                "Restore into an empty one, or use --force, which deletes them."
            )
        if database.dialect == "sqlite":
            _restore_file(database, file, head)
        else:
            whole = database.dialect == "postgresql"
            with database.transaction() if whole else nullcontext():
                _drop_everything(database)
                _fill(database, file, head)
        return head.rows
    finally:
        database.forget_tables()
        use_database(before)


def _restore_file(database: Database, file: IO[bytes], head: Head) -> None:
    """Fill a new SQLite file, and put it where the old one is."""
    url = database.engine.url
    final = Path(str(url.database))
    draft = final.with_name(f"{final.name}.restoring")
    draft.unlink(missing_ok=True)
    with closing(Database(url.set(database=str(draft)))) as fresh:
        use_database(fresh)
        _fill(fresh, file, head)
        fresh.run(lambda cursor: cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
    database.close()
    for rest in ("-wal", "-shm"):
        final.with_name(final.name + rest).unlink(missing_ok=True)
        draft.with_name(draft.name + rest).unlink(missing_ok=True)
    draft.replace(final)


def _fill(database: Database, file: IO[bytes], head: Head) -> None:
    migrations.upgrade(database, revision=head.version)
    with database.transaction() as connection:  # of its own: MySQL ends one at a new table
        there = set(_table_names(connection))
        for name, made_by, rows in _tables(file):
            if rows is None and name not in there:
                _make(database, connection, name, made_by, head)
    file.seek(0)
    with database.transaction() as connection, foreign_keys_last(database, connection):
        for name, _, rows in _tables(file):
            if rows is not None:
                insert_many(name, rows)
        for name, expected in head.rows.items():
            if (written := count(name)) != expected:
                raise InvalidInput(f"{name} has {written} rows after the restore, not {expected}.")
        sequences_go_on(connection)
    migrations.upgrade(database)


def _make(
    database: Database, connection: Connection, name: str, made_by: list[str], head: Head
) -> None:
    if not made_by or head.dialect != database.dialect:
        raise InvalidInput(
            f"No migration makes the table {name}, so it can be restored into {head.dialect} only."
        )
    for statement in made_by:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    database.forget_tables()


def _tables(file: IO[bytes]) -> Iterator[tuple[str, list[str], list[dict[str, Any]] | None]]:
    """Yield each table once with no rows, and then again with some rows at a time."""
    name = ""
    columns: list[str] = []
    rows: list[dict[str, Any]] = []
    for content in _lines(file):
        if isinstance(content, list):
            values = (from_json(value) for value in content)
            rows.append(dict(zip(columns, values, strict=True)))
        if rows and (isinstance(content, dict) or len(rows) == ROWS_AT_ONCE):
            yield name, [], rows
            rows = []
        if isinstance(content, dict) and "table" in content:
            name, columns = content["table"], content["columns"]
            yield name, content["made_by"], None


def _lines(file: IO[bytes]) -> Iterator[Any]:
    try:
        with gzip.open(file, "rt", encoding="ascii") as lines:
            for line in lines:
                yield json.loads(line)
    except EOFError as error:
        raise InvalidInput(DAMAGED.format("it ends too early")) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InvalidInput(DAMAGED.format("its checksum is wrong, or it is no gzip")) from error
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(DAMAGED.format("a line of it can't be read")) from error


@contextmanager
def _snapshot(database: Database) -> Iterator[tuple[Database, Connection]]:
    """Yield the database as it is now, however long it is read; writers are not held up."""
    if database.dialect == "sqlite":
        with TemporaryDirectory(prefix="backup-") as folder:
            url = _copy(database, Path(folder) / "copy.db")
            with closing(Database(url)) as copy, copy.transaction() as connection:
                yield copy, connection
        return
    with database.transaction() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield database, connection.execution_options(yield_per=ROWS_AT_ONCE)


def _copy(database: Database, path: Path) -> URL:
    """Copy a SQLite file by its online backup, which waits for no writer."""
    import sqlite3

    with database.engine.connect() as connection, closing(sqlite3.connect(path)) as target:
        source: Any = connection.connection.dbapi_connection
        source.backup(target)
    return database.engine.url.set(database=str(path))


def _table_names(connection: Connection) -> list[str]:
    """Return the tables that hold rows, those that others refer to before the others."""
    names = (name for name, _ in inspect(connection).get_sorted_table_and_fkc_names())
    return [name for name in names if name is not None and name != VERSION_TABLE]


def _filled(database: Database) -> list[str]:
    with database.transaction(read_only=True) as connection:
        return [name for name in _table_names(connection) if count(name)]


def _definition(connection: Connection, name: str) -> list[str]:
    """Return the statements that make a table which no migration makes."""
    if connection.dialect.name == "sqlite":
        query = text(
            "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND sql IS NOT NULL "
            "ORDER BY type <> 'table'"
        )
        return list(connection.execute(query, {"name": name}).scalars())
    table = Table(name, MetaData(), autoload_with=connection)
    for made in table.columns:
        if "nextval" in str(getattr(made.server_default, "arg", "")):
            made.server_default = None  # written as SERIAL, which makes the sequence too
        if made.identity is not None:
            made.identity.always = False  # rows come with their numbers
    statements: list[ExecutableDDLElement] = [CreateTable(table)]
    statements += [CreateIndex(index) for index in table.indexes]
    return [str(statement.compile(dialect=connection.dialect)) for statement in statements]


def _drop_everything(database: Database) -> None:
    with database.transaction() as connection:
        quote = connection.dialect.identifier_preparer.quote
        names = [quote(name) for name in inspect(connection).get_table_names()]
        if names and database.dialect == "postgresql":
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            connection.execute(text(f"DROP TABLE {', '.join(names)} CASCADE"))
        elif names:
            connection.execute(text("SET FOREIGN_KEY_CHECKS = 0"))
            for name in names:
                connection.execute(text(f"DROP TABLE {name}"))
            connection.execute(text("SET FOREIGN_KEY_CHECKS = 1"))
    database.forget_tables()
