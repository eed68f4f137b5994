"""Rows as PostgreSQL's COPY reads them: https://www.postgresql.org/docs/current/sql-copy.html."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2 import Binary

ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})

WRITERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: r"\N",
    str: lambda value: value.translate(ESCAPES),
    bool: str,
    int: str,
    float: repr,
    Decimal: str,
    UUID: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    Binary: lambda value: rf"\\x{bytes(value.adapted).hex()}",
}


def copy_text(rows: Iterable[Iterable[Any]]) -> bytes | None:
    """Return the rows in COPY's text format, or None where it has a value of another type."""
    try:
        lines = ["\t".join([WRITERS[type(value)](value) for value in row]) for row in rows]
    except KeyError:
        return None
    return "".join(f"{line}\n" for line in lines).encode()
