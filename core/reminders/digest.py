"""The daily digest: what a user is reminded of until the next one. It is a reminder itself."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from core.tables import reminders

DIGEST = "digest"
"""The subject of the reminder that brings it."""
DAILY = "FREQ=DAILY"
MAX_LISTED = 50
LINE_LENGTH = 200  # characters of one reminder
TITLE = "Your day:"
NOTHING = "Your day: there is nothing to remind you of."


def digest(connection: Connection, user_uuid: UUID, zone: ZoneInfo, now: datetime) -> str:
    """Return the text: each reminder of the next 24 hours with its time in the user's zone."""
    rows = (
        connection.execute(
            select(reminders.c.text, reminders.c.due_at)
            .where(
                reminders.c.user_uuid == user_uuid,
                reminders.c.subject != DIGEST,
                reminders.c.fired_at.is_(None),
                reminders.c.due_at > now,
                reminders.c.due_at <= now + timedelta(days=1),
            )
            .order_by(reminders.c.due_at)
            .limit(MAX_LISTED + 1)
        )
        .mappings()
        .all()
    )
    lines = [
        f"• {row['due_at'].astimezone(zone):%H:%M} {_short(row['text'].removeprefix('Reminder: '))}"
        for row in rows[:MAX_LISTED]
    ]
    if len(rows) > MAX_LISTED:
        lines.append("• … and more")
    return "\n".join([TITLE, *lines]) if lines else NOTHING


def _short(text: str) -> str:
    return text if len(text) <= LINE_LENGTH else text[: LINE_LENGTH - 1] + "…"
