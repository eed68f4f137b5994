"""What becomes of a channel where nothing will arrive any more: it is off, and its user is told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, Table, insert, update

from core import postgres
from core.db.engine import transaction
from core.db.notify import wake
from core.deliveries.routing import CHAT, Routes
from core.notifications import DISCORD_WEBHOOK, NTFY, name_of
from core.reminders import rows_for
from core.tables import chat_accounts, deliveries, notifications, push_addresses

SUBJECT = "channel off"
SWITCHES = {DISCORD_WEBHOOK: "discord_enabled", NTFY: "ntfy_enabled"}


def turn_off(
    connection: Connection, delivery: RowMapping, error: str, now: datetime
) -> dict[str, Any]:
    """Turn off the channel of a delivery that failed for good; return what changes about this one.

    A message to a chat whose person can be reached nowhere else is held until they write again.
    """
    is_first = _switch_off(connection, delivery, now)
    owner = delivery["user_uuid"]
    ways = Routes(connection, {owner})
    if delivery["channel"] == CHAT:
        if not ways.to(owner, None):
            return {"state": "held", "settled_at": None}
        words = "I can't write to you in the chat that I used: it takes no messages from me."
    else:
        words = f"I turned {name_of(delivery['channel'])} off: {error}."
    if is_first:
        told = {
            "user_uuid": owner,
            "subject": SUBJECT,
            "text": words,
            "due_at": now,
            "any_hour": False,
            "request_id": delivery["request_id"],
        }
        connection.execute(insert(deliveries), rows_for(told, ways, None, now)[:1])
        wake("deliveries")
    return {}


def unblock(chat_account_id: UUID, now: datetime) -> None:
    """Note that a person writes in a chat again, so that what was held for them there comes now."""
    held = {"state": "held", "chat_account_id": chat_account_id}
    with transaction():
        postgres.update("chat_accounts", {"blocked_at": None}, {"id": chat_account_id})
        freed = {"state": "waiting", "next_attempt_at": now, "attempts": 0}
        postgres.update("deliveries", freed, held)


def _switch_off(connection: Connection, delivery: RowMapping, now: datetime) -> bool:
    """Return whether the channel was on: of many messages that fail, one tells the user."""
    channel, owner = delivery["channel"], delivery["user_uuid"]
    table: Table
    change: dict[str, Any]
    if channel == CHAT:
        table, change = chat_accounts, {"blocked_at": now}
        condition = chat_accounts.c.id == delivery["chat_account_id"]
        condition &= chat_accounts.c.blocked_at.is_(None)
    elif channel in SWITCHES:
        table, change = notifications, {SWITCHES[channel]: False}
        switch = notifications.c[SWITCHES[channel]]
        condition = (notifications.c.user_uuid == owner) & switch.is_(True)
    else:
        table, change = push_addresses, {"enabled": False}
        pushes = push_addresses.c
        condition = (pushes.user_uuid == owner) & (pushes.scheme == channel) & pushes.enabled
    return connection.execute(update(table).where(condition).values(change)).rowcount > 0
