"""Reminders that fall due, and their way to the people who set them.

Both are rows. A reminder that falls due becomes deliveries, one for each way its owner can be
reached, in one transaction. A delivery is claimed under a lease, sent, and settled: a sender that
dies before it settles loses its lease, and the delivery is claimed again. So a message may arrive
twice, and none is lost.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, RowMapping, and_, func, insert, select, update

from config.clock import utc_now
from core.database import transaction
from core.notifications import record_result
from core.postgres import delete, upsert
from core.reach import CHAT, Address, Way, Ways, at, not_taken, targets
from core.tables import chat_accounts, deliveries, reminders

Outcome = Literal["sent", "retry", "failed"]

BACKOFF_SECONDS = (5, 30, 120, 600, 3600)
"""The pauses before each further try; when they are used up, the delivery is dead."""
LONGEST_PAUSE_SECONDS = 86_400
"""The most that a receiver's Retry-After can put a delivery off."""
LATE_AFTER_SECONDS = 60
NO_CHANNEL = "there was no chat, webhook or ntfy topic to send it to"
ERROR_LENGTH = 500
CLAIMED = ("id", "user_uuid", "channel", "subject", "due_at", "attempts")


def set_reminder(
    user_uuid: UUID, subject: str, text: str, due_at: datetime, chat_account_id: UUID | None = None
) -> None:
    """Set the one reminder of a subject, moving it where there is one; a moved one fires again."""
    row = {
        "user_uuid": user_uuid,
        "subject": subject,
        "text": text,
        "due_at": due_at,
        "fired_at": None,
        "chat_account_id": chat_account_id,
    }
    upsert("reminders", row, ["user_uuid", "subject"])


def cancel_reminder(user_uuid: UUID, subject: str) -> None:
    """Drop the reminder of a subject; where there is none, do nothing."""
    delete("reminders", {"user_uuid": user_uuid, "subject": subject})


def cancel_reminders(user_uuid: UUID, subjects: Collection[str]) -> None:
    """Drop the reminders of several subjects at once."""
    delete("reminders", {"user_uuid": user_uuid, "subject": ("IN", list(subjects))})


def fire_due(now: datetime, limit: int = 100) -> int:
    """Turn up to `limit` reminders that are due into deliveries and return how many they were.

    Reminders that another process is firing at this moment are left to it.
    """
    with transaction() as connection:
        due = (
            connection.execute(
                select(reminders)
                .where(reminders.c.fired_at.is_(None), reminders.c.due_at <= now)
                .order_by(reminders.c.due_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            .mappings()
            .all()
        )
        if not due:
            return 0
        connection.execute(
            update(reminders)
            .where(reminders.c.id.in_([row["id"] for row in due]))
            .values(fired_at=now)
        )
        ways = Ways(connection, {row["user_uuid"] for row in due})
        made = [
            delivery
            for row in due
            for delivery in _deliveries_of(
                row, ways.to(row["user_uuid"], row["chat_account_id"]), now
            )
        ]
        connection.execute(insert(deliveries), made)
    return len(due)


def claim(
    channels: Collection[str],
    now: datetime,
    lease_seconds: float = 60,
    limit: int = 20,
    address: Address | None = None,
) -> list[dict[str, Any]]:
    """Lease up to `limit` deliveries that are due on these channels, the longest-waiting first.

    With an address, only those to people who are reached there. Each row has `id`, `lease_id`,
    `user_uuid`, `channel`, `subject` (None where it came from no reminder), `text` (which says so
    where it is late), `due_at`, `attempts` and `target`: the account on the platform, the webhook,
    or the topic; None where the user has removed it meanwhile.
    """
    lease = uuid4()
    until = now + timedelta(seconds=lease_seconds)
    with transaction() as connection:
        rows = (
            connection.execute(
                select(deliveries)
                .where(_waiting(channels, address), deliveries.c.next_attempt_at <= now)
                .order_by(deliveries.c.next_attempt_at, deliveries.c.due_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            .mappings()
            .all()
        )
        if not rows:
            return []
        # The end of the lease is also the next attempt, so that one index finds all that is free.
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_([row["id"] for row in rows]))
            .values(lease_id=lease, leased_until=until, next_attempt_at=until)
        )
        found = targets(connection, rows)
    return [
        {
            **{key: row[key] for key in CLAIMED},
            "lease_id": lease,
            "text": row["text"] + _lateness(row["due_at"], now),
            "target": target,
        }
        for row, target in zip(rows, found, strict=True)
    ]


def settle(
    delivery_id: UUID,
    lease_id: UUID,
    outcome: Outcome,
    error: str | None = None,
    retry_after: float | None = None,
    *,
    now: datetime | None = None,
) -> bool:
    """Write down how sending went; return False where the lease is no longer the caller's.

    `error` says why it failed, without the message and the target. `retry_after` is the receiver's
    wish in seconds; the next try comes no sooner.
    """
    now = now or utc_now()
    with transaction() as connection:
        row = (
            connection.execute(
                select(deliveries)
                .where(
                    deliveries.c.id == delivery_id,
                    deliveries.c.lease_id == lease_id,
                    deliveries.c.state == "waiting",
                )
                .with_for_update()
            )
            .mappings()
            .one_or_none()
        )
        if row is None:
            return False
        attempts = row["attempts"] + 1
        values: dict[str, Any] = {
            "attempts": attempts,
            "lease_id": None,
            "leased_until": None,
            "last_error": error[:ERROR_LENGTH] if error else None,
        }
        if outcome == "retry" and attempts <= len(BACKOFF_SECONDS):
            wish = min(retry_after or 0, LONGEST_PAUSE_SECONDS)
            pause = max(wish, BACKOFF_SECONDS[attempts - 1])
            values["next_attempt_at"] = now + timedelta(seconds=pause)
        else:
            values |= {"state": "sent" if outcome == "sent" else "dead", "settled_at": now}
            if row["channel"] != CHAT:
                record_result(row["user_uuid"], sent=outcome == "sent", now=now)
        connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))
    return True


def next_delivery(
    channels: Collection[str], now: datetime, address: Address | None = None
) -> datetime | None:
    """Return when the next delivery can be claimed, `now` where one waits already, or None."""
    return _earliest(func.min(deliveries.c.next_attempt_at), _waiting(channels, address), now)


def next_reminder(now: datetime, address: Address | None = None) -> datetime | None:
    """Return when the next reminder falls due, `now` where one has already, or None.

    With an address, only reminders of people who may be reached there.
    """
    condition: ColumnElement[bool] = reminders.c.fired_at.is_(None)
    if address is not None:
        condition &= reminders.c.user_uuid.in_(select(chat_accounts.c.user_uuid).where(at(address)))
    return _earliest(func.min(reminders.c.due_at), condition, now)


def next_due(now: datetime, address: Address | None = None) -> datetime | None:
    """Return when the next reminder or chat delivery is due, at an address or all, or None."""
    found = (next_reminder(now, address), next_delivery((CHAT,), now, address))
    return min((moment for moment in found if moment), default=None)


def _earliest(
    moment: ColumnElement[Any], condition: ColumnElement[bool], now: datetime
) -> datetime | None:
    with transaction() as connection:
        earliest: datetime | None = connection.execute(select(moment).where(condition)).scalar()
    return None if earliest is None else max(now, earliest)


def _waiting(channels: Collection[str], address: Address | None) -> ColumnElement[bool]:
    """Match the deliveries that are still to be sent, and may be."""
    condition: ColumnElement[bool] = and_(
        deliveries.c.state == "waiting", deliveries.c.channel.in_(channels)
    )
    if address is None:
        return condition
    return condition & deliveries.c.chat_account_id.in_(
        select(chat_accounts.c.id).where(at(address), not_taken())
    )


def _deliveries_of(reminder: RowMapping, ways: list[Way], now: datetime) -> list[dict[str, Any]]:
    """Return a row for each way to reach the owner, or a dead one that says there is none."""
    base = {
        "user_uuid": reminder["user_uuid"],
        "subject": reminder["subject"],
        "text": reminder["text"],
        "due_at": reminder["due_at"],
        "next_attempt_at": now,
        "state": "waiting",
        "last_error": None,
        "settled_at": None,
    }
    if not ways:
        dead = {"state": "dead", "last_error": NO_CHANNEL, "settled_at": now}
        return [{**base, **dead, "channel": CHAT, "chat_account_id": None}]
    return [{**base, "channel": channel, "chat_account_id": chat} for channel, chat in ways]


def _lateness(due_at: datetime, now: datetime) -> str:
    """Say how late a message is, in the largest whole unit, or nothing where it is in time."""
    late = int((now - due_at).total_seconds())
    if late <= LATE_AFTER_SECONDS:
        return ""
    size, unit = next(
        (size, unit)
        for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute"))
        if late >= size
    )
    number = late // size
    return f" (late: it was due {number} {unit}{'s' if number > 1 else ''} ago)"
