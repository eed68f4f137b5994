"""What a database holds, as JSON: what JSON has no word for is an object of one key, its kind."""

import base64
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.errors import InvalidInput

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
