"""DATABASE_URL and Redis's address as hosts write them, read and shown without a password.

What can't be read is never repeated: it may be a part of one.
"""

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:  # the bot, which has no database, starts without SQLAlchemy
    from sqlalchemy import URL

DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "sqlite": "sqlite",
}
SHAPE = (
    "it can't be read; it looks like postgresql://user:password@host:5432/name, with mysql, "
    "mariadb or postgres in front, or like sqlite:///var/app.db"
)
REDIS_SHAPE = "it can't be read; it is memory:// or looks like redis://:password@host:6379/0"
REDIS_PORT = 6379
UNESCAPED = "in a user name or password @ is written %40, / is %2F, # is %23 and ? is %3F"


def read_url(text: str) -> "URL":
    """Return an address with the driver that the program uses, whichever another client would.

    Raises ValueError in one line that repeats nothing of the text: a character that is not escaped
    makes a part of the password look like a host, a database or an option.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    scheme, slashes, rest = text.strip().partition("://")
    driver = DRIVERS.get(scheme.partition("+")[0].lower())
    if driver is None or not slashes:
        raise ValueError(SHAPE)
    try:
        url = make_url(f"{driver}://{rest}")
    except (ArgumentError, ValueError):  # a port that is no number is quoted in the error
        raise ValueError(SHAPE) from None
    if driver == "sqlite":
        if url.host or url.database in (None, "", ":memory:"):
            raise ValueError("SQLite needs a file, written like sqlite:///var/app.db")
    elif rest.count("@") > (url.username is not None):
        raise ValueError(UNESCAPED)
    return url


def place_of(url: "URL") -> str:
    """Name a database for people and logs: without user, password and options."""
    return (
        type(url)
        .create(url.get_backend_name(), host=url.host, port=url.port, database=url.database)
        .render_as_string()
    )


def redis_place(text: str) -> str | None:
    """Return the host and port in Redis's address, without the password; None for memory://.

    Raises ValueError in one line that repeats nothing of the text.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or REDIS_PORT
    except ValueError:  # it quotes what stands where the port should be
        raise ValueError(f"{REDIS_SHAPE}; {UNESCAPED}") from None
    if parts.scheme == "memory":
        return None
    if parts.scheme not in ("redis", "rediss") or not text.partition("://")[1]:
        raise ValueError(REDIS_SHAPE)
    if parts.fragment or not re.fullmatch(r"/?[0-9]*", parts.path):
        raise ValueError(f"{REDIS_SHAPE}; {UNESCAPED}")
    return f"{parts.hostname or 'localhost'}:{port}"
