"""Everything that is stored of a user, to be handed to them; whatever tables a project has."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from core import postgres
from core.db.compiled import Row
from core.db.engine import get_database

AT_ONCE = 500  # rows
LEFT_OUT = {"login_codes", "idempotency_keys"}  # what is kept to check requests, for a day at most
SECRET = {"password_hashed", "token_version", "name_key", "discord_webhook", "url", "lease_id"}
"""What checks or leads somewhere as a secret does: the file may lie around."""


def tables_of_users() -> list[str]:
    """Return the tables whose rows belong to users, by name; those made in plain SQL, too."""
    database = get_database()
    return [
        name
        for name in sorted(database.table_names() - LEFT_OUT)
        if "user_uuid" in database.table(name).columns and database.table(name).key
    ]


def rows_of(user_uuid: UUID) -> Iterator[tuple[str, list[Row]]]:
    """Yield a user's rows with their table, some at a time: their account, then all that is theirs.

    What is said over the API belongs to its chats.
    """
    yield from _some("users", {"id": user_uuid})
    for table in tables_of_users():
        yield from _some(table, {"user_uuid": user_uuid})
    chats = [row["id"] for row in postgres.select("web_chats", {"user_uuid": user_uuid})]
    for chat_id in chats:
        yield from _some("web_chat_events", {"chat_id": chat_id})


def _some(table: str, where: dict[str, Any]) -> Iterator[tuple[str, list[Row]]]:
    order = [*get_database().table(table).key]
    last: Row | None = None
    while True:
        rows = postgres.select(table, where, order_by=order, limit=AT_ONCE, after=last)
        if rows:
            yield table, [_told(row) for row in rows]
        if len(rows) < AT_ONCE:
            return
        last = rows[-1]


def _told(row: Row) -> Row:
    return {name: _plain(value) for name, value in row.items() if name not in SECRET}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, date | UUID | Decimal) else value
