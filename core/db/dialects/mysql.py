"""PyMySQL, for MySQL and MariaDB, made to behave as the other databases do."""

import json
import re
import select
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pymysql.constants.SERVER_STATUS import SERVER_STATUS_IN_TRANS
from pymysql.converters import conversions, escape_datetime, escape_string
from pymysql.cursors import DictCursor
from sqlalchemy import Connection

from core.db.dialects.url_options import Query, URLOptions

CONNECT_TIMEOUT = 5  # seconds to reach the server
LOCK_WAIT_TIMEOUT = 10  # seconds that a statement waits for another's lock
# Values that don't fit are errors, "quoted" names and || are the standard's, times are UTC's, and a
# statement sees what was committed before it: the ways of PostgreSQL.
SESSION = (
    "SET SESSION sql_mode = 'TRADITIONAL,ANSI_QUOTES,PIPES_AS_CONCAT', "
    f"time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_WAIT_TIMEOUT}"
)
ISOLATION = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"


# What stands behind the question mark: the names that PyMySQL, MySQL's own client, JDBC and others
# have for it, in small letters, with dashes.
SECONDS = {"connect-timeout", "read-timeout", "write-timeout"}
FILES = {"ssl-ca", "ssl-cert", "ssl-key"}
MODE_NAMES = ("sslmode", "ssl", "usessl", "requiressl", "tls", "sslaccept")
MODES = {
    **dict.fromkeys(("disabled", "disable", "false", "0"), "disabled"),
    **dict.fromkeys(("preferred", "prefer", "allow"), "preferred"),
    **dict.fromkeys(("required", "require", "true", "1", "skipverify"), "required"),
    "acceptinvalidcerts": "required",
    "verifyca": "ca",
    **dict.fromkeys(("verifyidentity", "verifyfull", "strict"), "identity"),
    # PlanetScale's address for Node
    '{"rejectunauthorized":true}': "identity",
    '{"rejectunauthorized":false}': "required",
}
"""What those clients call the modes of TLS, without dashes: MySQL's manual, --ssl-mode."""


def _tls(told: Mapping[str, str]) -> dict[str, Any]:
    """Return PyMySQL's arguments for TLS. Raises ValueError."""
    said = next((told[name] for name in MODE_NAMES if name in told), None)
    plain = re.sub(r"[-_\s]", "", said or "").lower()
    ca, cert, key = (told.get(name) for name in ("sslca", "sslcert", "sslkey"))
    mode = MODES.get(plain, "") if said is not None else "identity" if ca else "preferred"
    if not mode:
        names = "DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"
        raise ValueError(f"ssl-mode can be {names}")
    if mode == "disabled":
        return {"ssl_disabled": True}
    if mode == "preferred" and not (ca or cert):
        return {}
    try:
        context = ssl.create_default_context(cafile=ca)
        if cert:
            context.load_cert_chain(cert, key)
    except OSError as error:
        raise ValueError("ssl-ca, ssl-cert or ssl-key names a file that can't be read") from error
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # which MySQL's own certificates don't pass
    context.check_hostname = mode == "identity"
    context.verify_mode = ssl.CERT_REQUIRED if ca or mode in ("ca", "identity") else ssl.CERT_NONE
    return {"ssl": context}


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
    }
    returns_changed_rows = False

    def url_options(self, query: Query) -> URLOptions:
        """Translate what other clients call TLS and time-outs; the character set is the program's.

        Raises ValueError for a mode of TLS that there is not, and a file or number that is none.
        """
        told = {name.lower().replace("_", "-"): str(value) for name, value in query.items()}
        arguments: dict[str, Any] = {
            "autocommit": True,
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT,
            "init_command": SESSION,  # before SQLAlchemy looks how names are quoted
            "conv": {**conversions, datetime: _moment, UUID: _uuid, dict: _json},
        }
        for name in SECONDS & told.keys():
            if not told[name].isascii() or not told[name].isdecimal():
                raise ValueError(f"{name} is a number of seconds")
            arguments[name.replace("-", "_")] = int(told[name])
        if "unix-socket" in told:
            arguments["unix_socket"] = told["unix-socket"]
        arguments |= _tls({name.replace("-", ""): value for name, value in told.items()})
        known = {*SECONDS, *FILES, "unix-socket", "charset"}
        unknown = [
            name
            for name in query
            if (plain := name.lower().replace("_", "-")) not in known
            and plain.replace("-", "") not in MODE_NAMES
        ]
        return URLOptions({}, arguments, unknown)

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
        """Return it as it is: it behaves like psycopg2's."""
        return connection

    def dict_cursor(self, connection: Any) -> Any:  # noqa: ANN401 - the driver's own
        """Return PyMySQL's own."""
        return connection.cursor(DictCursor)
