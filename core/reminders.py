"""Reminders: rows that become deliveries when they fall due, one for each way to their owner.

One that comes again has its next time set in the transaction that makes the deliveries. So what was
missed while nothing ran comes once, late, and a clock that is set back repeats nothing.
"""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, update

from config.clock import utc_now
from config.logs import log_under, request_id
from core import postgres
from core.database import get_database, transaction
from core.digest import DIGEST, digest
from core.errors import InvalidInput
from core.quiet import zone_of, zone_of_user
from core.reach import CHAT, Address, Way, Ways, at
from core.recurrence import first_time, next_time
from core.tables import chat_accounts, deliveries, reminders, users
from core.wakeups import wake

logger = logging.getLogger(__name__)

LATE_AFTER_SECONDS = 60
NO_CHANNEL = "there was no chat, webhook or ntfy topic to send it to"
SOON = timedelta(hours=1)
"""What is due later needs no wake-up: the schedulers look again long before."""
FORESIGHT = timedelta(hours=1)
"""How far ahead a bot is told of reminders: it asks again long before."""


Zones = Mapping[UUID, ZoneInfo]


def set_reminder(
    user_uuid: UUID,
    subject: str,
    text: str,
    due_at: datetime,
    chat_account_id: UUID | None = None,
    *,
    rule: str | None = None,
    starts: str | None = None,
) -> None:
    """Set the one reminder of a subject, moving it where there is one; a moved one fires again.

    rule: by which it comes again, as core.recurrence.check_rule returns it. starts: from when the
    rule is counted, else from this due time. The subject of a row is `<table>:<id>`; the `due_at`
    of one that comes again moves on with its reminder.
    """
    if rule and not starts:
        zone = zone_of_user(user_uuid)
        starts = first_time(due_at, rule, zone)
        ends = "COUNT=" in rule or "UNTIL=" in rule
        if not ends and next_time(rule, starts, zone, due_at) is None:
            raise InvalidInput("By this rule it never comes again.")
    if rule and ":" in subject:
        table = subject.partition(":")[0]
        if "due_at" not in get_database().table(table).columns:
            raise InvalidInput(f"The table {table!r} needs a column due_at, for what comes again.")
    row = {
        "user_uuid": user_uuid,
        "subject": subject,
        "text": text,
        "due_at": due_at,
        "fired_at": None,
        "chat_account_id": chat_account_id,
        "rule": rule,
        "starts": starts if rule else None,
        "request_id": _request(),
    }
    with transaction(savepoint=False):
        postgres.upsert("reminders", row, ["user_uuid", "subject"])
        if due_at - utc_now() < SOON:
            wake("reminders")


def find_reminder(user_uuid: UUID, subject: str) -> dict[str, Any] | None:
    """Return the reminder of a subject, kept from others for the open transaction, or None.

    Who changes a row and its reminder takes the reminder first, as the scheduler does.
    """
    where = {"user_uuid": user_uuid, "subject": subject}
    return next(iter(postgres.select("reminders", where, lock="update")), None)


def cancel_reminder(user_uuid: UUID, subject: str) -> None:
    """Drop the reminder of a subject; where there is none, do nothing."""
    postgres.delete("reminders", {"user_uuid": user_uuid, "subject": subject})


def cancel_reminders(user_uuid: UUID, subjects: Collection[str]) -> None:
    """Drop the reminders of several subjects at once."""
    postgres.delete("reminders", {"user_uuid": user_uuid, "subject": ("IN", list(subjects))})


def move_to_zone(user_uuid: UUID, now: datetime) -> None:
    """Have what comes again come at the same hour of the zone that the user has moved to."""
    zone = zone_of_user(user_uuid)
    mine = reminders.c.user_uuid == user_uuid
    with transaction() as connection:
        for row in connection.execute(
            select(reminders)
            .where(mine, reminders.c.rule.is_not(None), reminders.c.fired_at.is_(None))
            .with_for_update()
        ).mappings():
            if due_at := next_time(row["rule"], row["starts"], zone, now):
                _move(connection, row, due_at=due_at)
        wake("reminders")


def fire_due(now: datetime, limit: int = 500) -> int:
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
        zones = _zones(connection, {row["user_uuid"] for row in due if row["rule"]})
        once = [row["id"] for row in due if not _goes_on(connection, row, zones, now)]
        connection.execute(update(reminders).where(reminders.c.id.in_(once)).values(fired_at=now))
        ways = Ways(connection, {row["user_uuid"] for row in due})
        made = [made for row in due for made in _deliveries_of(connection, row, ways, zones, now)]
        connection.execute(insert(deliveries), made)
        wake("deliveries")
    for row in due:
        log_under(row["request_id"], logger, "the reminder %s fell due", row["id"])
    return len(due)


def next_reminder(now: datetime, addresses: Collection[Address] | None = None) -> datetime | None:
    """Return when the next reminder falls due, `now` where one has already, or None.

    With addresses, only reminders of people who may be reached there, and of the next hour.
    """
    condition: ColumnElement[bool] = reminders.c.fired_at.is_(None)
    if addresses is not None:
        condition &= reminders.c.due_at <= now + FORESIGHT
        condition &= reminders.c.user_uuid.in_(
            select(chat_accounts.c.user_uuid).where(at(addresses))
        )
    with transaction() as connection:
        earliest: datetime | None = connection.execute(
            select(func.min(reminders.c.due_at)).where(condition)
        ).scalar()
    return None if earliest is None else max(now, earliest)


def _goes_on(connection: Connection, row: RowMapping, zones: Zones, now: datetime) -> bool:
    """Set the next time of a reminder that comes again; False where there is none."""
    if row["rule"] is None:
        return False
    # Not before what is due now, which may have been put off to later than the rule says.
    since = max(now, row["due_at"])
    due_at = next_time(row["rule"], row["starts"], zones[row["user_uuid"]], since)
    if due_at is None:
        return False
    _move(connection, row, due_at=due_at, last_due_at=row["due_at"])
    return True


def _move(connection: Connection, row: RowMapping, **times: datetime) -> None:
    """Change the times of a reminder, and the due time of the row that it is about."""
    connection.execute(update(reminders).where(reminders.c.id == row["id"]).values(times))
    table, _, row_id = row["subject"].partition(":")
    if row_id:
        postgres.update(
            table, {"due_at": times["due_at"]}, {"id": row_id, "user_uuid": row["user_uuid"]}
        )


def _deliveries_of(
    connection: Connection, reminder: RowMapping, ways: Ways, zones: Zones, now: datetime
) -> list[dict[str, Any]]:
    """Return a row for each way to reach the owner, or one that says there is none."""
    text = reminder["text"]
    if reminder["subject"] == DIGEST:
        owner = reminder["user_uuid"]
        text = digest(connection, owner, zones[owner], now)
    late = (now - reminder["due_at"]).total_seconds() > LATE_AFTER_SECONDS
    base = {
        "user_uuid": reminder["user_uuid"],
        "subject": reminder["subject"],
        "text": text,
        "due_at": reminder["due_at"],
        "any_hour": reminder["rule"] is None and not late,
        "request_id": reminder["request_id"],
    }
    return rows_for(base, ways, reminder["chat_account_id"], now)


def rows_for(
    base: dict[str, Any], ways: Ways, came_from: UUID | None, now: datetime
) -> list[dict[str, Any]]:
    """Return the deliveries of a message: one for each way, or one that is held or dead."""
    owner = base["user_uuid"]
    state: dict[str, Any] = {"state": "waiting", "last_error": None, "settled_at": None}
    found = ways.to(owner, came_from)
    if not found and (blocked := ways.blocked(owner, came_from)):
        found, state["state"] = [blocked], "held"
    elif not found:
        found = [Way(CHAT)]
        state = {"state": "dead", "last_error": NO_CHANNEL, "settled_at": now}
    return [{**base, **state, **way._asdict(), "next_attempt_at": now} for way in found]


def _zones(connection: Connection, people: Collection[UUID]) -> Zones:
    rows = connection.execute(select(users.c.id, users.c.time_zone).where(users.c.id.in_(people)))
    return {row.id: zone_of(row.time_zone) for row in rows}


def _request() -> str | None:
    """Return the id of the request that is being worked on, if any."""
    found = request_id.get()
    return None if found == "-" else found[:128]
