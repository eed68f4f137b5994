"""Deliveries for their operator to look at: which are dead and why, and another try for them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, select, update

from core.db.engine import transaction
from core.db.isolation import in_batch_or_apart
from core.db.notify import wake
from core.deliveries.queue import ERROR_LENGTH
from core.deliveries.rerouting import change_one, other_ways, reset_for_retry
from core.deliveries.routing import CHAT, removed
from core.tables import deliveries, users

STATES = ("dead", "held", "waiting", "sent")
# No text and no target: they are the users' own.
COLUMN_NAMES = (
    *("id", "channel", "sender", "subject", "state", "due_at", "attempts", "next_attempt_at"),
    *("leased_until", "last_error", "settled_at", "request_id", "created_at"),
)
PORTION = 500  # deliveries whose ways are looked for at once
COLUMNS = [users.c.username, *(deliveries.c[name] for name in COLUMN_NAMES)]


def find(state: str, limit: int) -> list[dict[str, Any]]:
    """Return the latest deliveries in a state, with their users' names."""
    query = (
        select(*COLUMNS)
        .join(users, users.c.id == deliveries.c.user_uuid)
        .where(deliveries.c.state == state)
        .order_by(deliveries.c.settled_at.desc(), deliveries.c.due_at.desc())
        .limit(limit)
    )
    with transaction(read_only=True) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def find_one(delivery_id: UUID) -> dict[str, Any] | None:
    """Return a delivery with its user's name, or None."""
    query = (
        select(*COLUMNS)
        .join(users, users.c.id == deliveries.c.user_uuid)
        .where(deliveries.c.id == delivery_id)
    )
    with transaction(read_only=True) as connection:
        row = connection.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def retry(delivery_ids: Sequence[UUID] | None, now: datetime) -> int:
    """Have dead deliveries, or all for None, sent again with all their tries; return how many.

    One that had no way to its user, or whose agent was removed, takes the way that there is now;
    where there is none, it stays. So does one that can't be worked on, with the reason.
    """
    columns = deliveries.c
    dead = columns.state == "dead"
    if delivery_ids is not None:
        dead &= columns.id.in_(delivery_ids)

    def again(only: UUID | None = None) -> int:
        return _retry(dead if only is None else dead & (columns.id == only), now)

    def all_dead() -> dict[UUID, UUID]:
        with transaction(read_only=True) as connection:
            found = connection.execute(select(columns.id, columns.user_uuid).where(dead))
            return {row.id: row.user_uuid for row in found}

    return sum(in_batch_or_apart("retry", again, all_dead, again, _say_why))


def _say_why(delivery_id: UUID, reason: str) -> None:
    error = f"it can't be sent again: {reason}"[:ERROR_LENGTH]
    with transaction(savepoint=False) as connection:
        mine = deliveries.c.id == delivery_id
        connection.execute(update(deliveries).where(mine).values(last_error=error))


def _retry(dead: ColumnElement[bool], now: datetime) -> int:
    columns = deliveries.c
    with transaction(savepoint=False) as connection:
        senders = connection.execute(select(columns.sender).where(dead).distinct()).scalars()
        no_way = (columns.channel == CHAT) & (
            columns.chat_account_id.is_(None) | columns.sender.in_(removed(connection, {*senders}))
        )
        again = update(deliveries).where(dead, ~no_way).values(reset_for_retry(now))
        count = connection.execute(again).rowcount + _redirect(connection, dead & no_way, now)
        wake("deliveries")
    return count


def _redirect(connection: Connection, which: ColumnElement[bool], now: datetime) -> int:
    """Send deliveries the way that there is now; return how many have one."""
    query = select(deliveries).order_by(deliveries.c.id).limit(PORTION).with_for_update()
    count, rest = 0, which
    while rows := connection.execute(query.where(rest)).mappings().all():
        changes = other_ways(connection, rows, now)
        for row in rows:
            if row["id"] in changes:
                change_one(connection, row, changes[row["id"]])
        count += len(changes)
        rest = which & (deliveries.c.id > rows[-1]["id"])
    return count
