"""Deliveries for their operator to look at: which are dead and why, and another try for them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from core.database import transaction
from core.tables import deliveries, users
from core.wakeups import wake

STATES = ("dead", "held", "waiting", "sent")
# No text and no target: they are the users' own.
SHOWN = (
    *("id", "channel", "sender", "subject", "state", "due_at", "attempts", "next_attempt_at"),
    *("leased_until", "last_error", "settled_at", "request_id", "created_at"),
)
COLUMNS = [users.c.username, *(deliveries.c[name] for name in SHOWN)]


def find(state: str, limit: int) -> list[dict[str, Any]]:
    """Return the latest deliveries in a state, with their users' names."""
    query = (
        select(*COLUMNS)
        .join(users, users.c.id == deliveries.c.user_uuid)
        .where(deliveries.c.state == state)
        .order_by(deliveries.c.settled_at.desc(), deliveries.c.due_at.desc())
        .limit(limit)
    )
    with transaction() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def find_one(delivery_id: UUID) -> dict[str, Any] | None:
    """Return a delivery with its user's name, or None."""
    query = (
        select(*COLUMNS)
        .join(users, users.c.id == deliveries.c.user_uuid)
        .where(deliveries.c.id == delivery_id)
    )
    with transaction() as connection:
        row = connection.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def retry(delivery_ids: Sequence[UUID] | None, now: datetime) -> int:
    """Have dead deliveries, or all for None, sent again with all their tries; return how many.

    One that had no way to its user at all has none now either, and stays.
    """
    changed = update(deliveries).where(
        deliveries.c.state == "dead",
        (deliveries.c.channel != "chat") | deliveries.c.chat_account_id.is_not(None),
    )
    if delivery_ids is not None:
        changed = changed.where(deliveries.c.id.in_(delivery_ids))
    fresh = {"state": "waiting", "attempts": 0, "next_attempt_at": now, "settled_at": None}
    with transaction() as connection:
        count = connection.execute(changed.values(fresh)).rowcount
        wake("deliveries")
    return count
