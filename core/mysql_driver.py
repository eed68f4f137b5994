"""PyMySQL, for MySQL and MariaDB, made to behave as the other databases do."""

import json
import select
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pymysql.constants.SERVER_STATUS import SERVER_STATUS_IN_TRANS
from pymysql.converters import conversions, escape_datetime, escape_string
from pymysql.cursors import DictCursor
from sqlalchemy import Connection

CONNECT_TIMEOUT = 5  # seconds to reach the server
LOCK_WAIT_TIMEOUT = 10  # seconds that a statement waits for another's lock
# Values that don't fit are errors, "quoted" names and || are the standard's, times are UTC's, and a
# statement sees what was committed before it: the ways of PostgreSQL.
SESSION = (
    "SET SESSION sql_mode = 'TRADITIONAL,ANSI_QUOTES,PIPES_AS_CONCAT', "
    f"time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_WAIT_TIMEOUT}"
)
ISOLATION = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"


def _moment(value: datetime, _mapping: object = None) -> str:
    """Write a time in UTC: the server keeps no zone, and PyMySQL drops it."""
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return str(escape_datetime(value))


def _json(value: Any, _mapping: object = None) -> str:  # noqa: ANN401 - any JSON
    return f"'{escape_string(json.dumps(value))}'"


def _uuid(value: UUID, _mapping: object = None) -> str:
    return f"'{value.hex}'"


class MySQL:
    """PyMySQL in autocommit mode; BEGIN opens a transaction and COMMIT or ROLLBACK ends it."""

    options: Mapping[str, Any] = {
        "paramstyle": "format",  # by position, as the others'
        "connect_args": {
            "autocommit": True,
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT,
            "init_command": SESSION,  # before SQLAlchemy looks how names are quoted
            "conv": {**conversions, datetime: _moment, UUID: _uuid, dict: _json},
        },
    }
    returns_changed_rows = False

    def set_up(self, connection: Any) -> None:  # noqa: ANN401 - the driver's own
        """Have the session keep to the other databases' rules."""
        with connection.cursor() as cursor:
            cursor.execute(ISOLATION)

    def begin(self, connection: Connection) -> None:
        """Send BEGIN."""
        driver_connection: Any = connection.connection.dbapi_connection
        driver_connection.begin()

    def put_back(self, connection: Any) -> None:  # noqa: ANN401 - the driver's own
        """Do nothing: it never left autocommit mode."""

    def is_stale(self, connection: Any) -> bool:  # noqa: ANN401 - the driver's own
        """Look whether the socket of an idle connection has something to say: it is a goodbye."""
        if not connection.open:
            return True
        poll = select.poll()
        poll.register(connection._sock, select.POLLIN)  # PyMySQL shows it nowhere else
        return bool(poll.poll(0))

    def in_transaction(self, connection: Any) -> bool:  # noqa: ANN401 - the driver's own
        """Look at the server's last answer, which says so."""
        return bool(connection.server_status & SERVER_STATUS_IN_TRANS)

    def insert_rows(self, cursor: Any, sql: str, rows: Sequence[Any]) -> None:  # noqa: ANN401
        """Send them in statements of up to a megabyte, which PyMySQL puts together."""
        cursor.executemany(sql, rows)

    def execute(self, cursor: Any, query: str, params: Any) -> None:  # noqa: ANN401
        """Run it."""
        cursor.execute(query, params)

    def lend(self, connection: Any) -> Any:  # noqa: ANN401 - the driver's own
        """Return it as it is: it has psycopg2's manners."""
        return connection

    def dict_cursor(self, connection: Any) -> Any:  # noqa: ANN401 - the driver's own
        """Return PyMySQL's own."""
        return connection.cursor(DictCursor)
