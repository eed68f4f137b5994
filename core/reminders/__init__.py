"""Reminders: rows that become deliveries when they fall due, one for each way to their owner.

One that repeats has its next time set in the transaction that makes the deliveries. So what was
missed while nothing ran comes once, late, and a clock that is set back repeats nothing.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, update

from core import postgres
from core.db.engine import transaction
from core.db.isolation import in_batch_or_apart
from core.db.notify import wake
from core.deliveries.quiet_hours import zone_of, zone_of_user
from core.deliveries.routing import CHAT, BotAddress, Route, Routes, at
from core.errors import InvalidInput
from core.reminders.digest import DIGEST, digest
from core.reminders.recurrence import first_time, next_time, parse_rule
from core.tables import chat_accounts, deliveries, reminders, users
from runtime.clock import utc_now
from runtime.logs import log_under, request_id

logger = logging.getLogger(__name__)

LATE_AFTER_SECONDS = 60
MAX_PER_PERSON = 50
"""Reminders of one person that are fired at once while others have some that are due."""
ERROR_LENGTH = 500
DROPPED_AT_ONCE = 500  # reminders in one statement
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

    subject: what it is about, such as `<table>:<id>`. rule: by which it repeats, as
    core.reminders.recurrence.check_rule returns it. starts: from when the rule is counted, else
    from this due
    time. When one that repeats is due next stands in its own row alone: see `find_reminders`.

    Raises InvalidInput for a rule that never comes again.
    """
    if rule:
        zone = zone_of_user(user_uuid)
        starts = starts or first_time(due_at, rule, zone)
        if not parse_rule(rule).ends and next_time(rule, starts, zone, due_at) is None:
            raise InvalidInput("By this rule it never comes again.")
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


def find_reminders(user_uuid: UUID, subjects: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return a user's reminders of some subjects, by subject."""
    where = {"user_uuid": user_uuid, "subject": ("IN", list(subjects))}
    rows = postgres.select("reminders", where) if subjects else []
    return {row["subject"]: row for row in rows}


def cancel_reminder(user_uuid: UUID, subject: str) -> None:
    """Drop the reminder of a subject, and what of it is not sent; nothing where there is none."""
    cancel_reminders(user_uuid, [subject])


def cancel_reminders(user_uuid: UUID, subjects: Collection[str]) -> None:
    """Drop the reminders of several subjects at once, and what of them is not sent."""
    with transaction(savepoint=False):
        for some in _portions(subjects):
            postgres.delete("reminders", {"user_uuid": user_uuid, "subject": ("IN", some)})
        withdraw(user_uuid, subjects)


def withdraw(user_uuid: UUID, subjects: Collection[str]) -> None:
    """Take back the messages about some subjects that are not sent yet: they have no point now."""
    unsent = {"user_uuid": user_uuid, "state": ("IN", ["waiting", "held"])}
    with transaction(savepoint=False):
        for some in _portions(subjects):
            postgres.delete("deliveries", unsent | {"subject": ("IN", some)})


def _portions(subjects: Collection[str]) -> Iterator[list[str]]:
    """Yield so many subjects at a time as one statement takes, always in the same order."""
    names = sorted(subjects)
    for start in range(0, len(names), DROPPED_AT_ONCE):
        yield names[start : start + DROPPED_AT_ONCE]


def move_to_zone(user_uuid: UUID, now: datetime) -> None:
    """Have what repeats come at the same hour of the zone that the user has moved to."""
    zone = zone_of_user(user_uuid)
    mine = (reminders.c.user_uuid == user_uuid) & reminders.c.rule.is_not(None)
    mine &= reminders.c.fired_at.is_(None)

    def move(only: UUID | None = None) -> None:
        which = mine if only is None else mine & (reminders.c.id == only)
        with transaction(savepoint=False) as connection:
            rows = connection.execute(select(reminders).where(which).with_for_update()).mappings()
            for row in rows.all():
                if due_at := next_time(row["rule"], row["starts"], zone, now):
                    _change(connection, row["id"], due_at=due_at)

    def all_of_them() -> dict[UUID, UUID]:
        with transaction(savepoint=False) as connection:
            found = connection.execute(select(reminders.c.id).where(mine)).scalars()
            return dict.fromkeys(found, user_uuid)

    in_batch_or_apart("move_to_zone", move, all_of_them, move, partial(_set_aside, now))
    wake("reminders")


def fire_due(now: datetime, limit: int = 500) -> int:
    """Turn up to `limit` reminders that are due into deliveries and return how many they were.

    Those that another process is firing at this moment are left to it, and who has many due lets
    others come first: see MAX_PER_PERSON. One that can't be fired leaves a dead letter with the
    reason.

    Raises SystemicFault where none can be fired, by a mistake of the program: they stay due.
    """
    due = reminders.c.fired_at.is_(None) & (reminders.c.due_at <= now)

    def fire(only: UUID | None = None) -> int:
        return _fire(due if only is None else due & (reminders.c.id == only), limit, now)

    def some_due() -> dict[UUID, UUID]:
        with transaction() as connection:
            return {row["id"]: row["user_uuid"] for row in _lock_due(connection, due, limit)}

    aside = partial(_set_aside, now)
    return sum(in_batch_or_apart("fire_due", fire, some_due, fire, aside, lambda _: None))


def _fire(which: ColumnElement[bool], limit: int, now: datetime) -> int:
    with transaction(savepoint=False) as connection:
        due = _lock_due(connection, which, limit)
        if not due:
            return 0
        zones = _zones(connection, {row["user_uuid"] for row in due if row["rule"]})
        once = [row["id"] for row in due if not _goes_on(connection, row, zones, now)]
        ended = {"fired_at": now, "last_due_at": reminders.c.due_at}
        connection.execute(update(reminders).where(reminders.c.id.in_(once)).values(ended))
        ways = Routes(connection, {row["user_uuid"] for row in due})
        made = [made for row in due for made in _deliveries_of(connection, row, ways, zones, now)]
        connection.execute(insert(deliveries), made)
        wake("deliveries")
    for row in due:
        log_under(row["request_id"], logger, "the reminder %s fell due", row["id"])
    return len(due)


def _lock_due(
    connection: Connection, which: ColumnElement[bool], limit: int
) -> Sequence[RowMapping]:
    """Return up to `limit` reminders, the longest due first, and keep them from others.

    Of one person MAX_PER_PERSON at a time, while others have some.
    """
    due = select(reminders).where(which).order_by(reminders.c.due_at)
    rows: list[RowMapping] = []
    spare: list[RowMapping] = []
    numbers: Counter[UUID] = Counter()
    while (room := limit - len(rows)) > 0:
        query = due.limit(room).with_for_update(skip_locked=True)
        if rows:
            full = [person for person, number in numbers.items() if number >= MAX_PER_PERSON]
            query = query.where(
                reminders.c.user_uuid.not_in(full),
                reminders.c.id.not_in([row["id"] for row in rows]),
            )
        found = connection.execute(query).mappings().all()
        for row in found:
            numbers[row["user_uuid"]] += 1
            (rows if numbers[row["user_uuid"]] <= MAX_PER_PERSON else spare).append(row)
        if len(found) < room:
            break
    return [*rows, *spare][:limit]


def _set_aside(now: datetime, reminder_id: UUID, reason: str) -> None:
    """Leave a dead letter of a reminder that can't be worked on, for the operator.

    One that repeats goes on where its next time can be told.
    """
    with transaction(savepoint=False) as connection:
        row = postgres.select_one("reminders", {"id": reminder_id})
        if row is None:  # cancelled meanwhile
            return
        _change(connection, reminder_id, **_next_in_spite(row, now))
        dead = {
            **{name: row[name] for name in ("user_uuid", "subject", "text", "due_at")},
            "request_id": row["request_id"],
            "any_hour": False,
            **Route(CHAT)._asdict(),
            "state": "dead",
            "next_attempt_at": now,
            "settled_at": now,
            "last_error": f"the reminder can't be fired: {reason}"[:ERROR_LENGTH],
        }
        connection.execute(insert(deliveries), dead)


def next_reminder(
    now: datetime, addresses: Collection[BotAddress] | None = None
) -> datetime | None:
    """Return when the next reminder falls due, `now` where one has already, or None.

    With addresses, only reminders of people who may be reached there, and of the next hour.
    """
    condition: ColumnElement[bool] = reminders.c.fired_at.is_(None)
    if addresses is not None:
        condition &= reminders.c.due_at <= now + FORESIGHT
        condition &= reminders.c.user_uuid.in_(
            select(chat_accounts.c.user_uuid).where(at(addresses))
        )
    with transaction(read_only=True) as connection:
        earliest: datetime | None = connection.execute(
            select(func.min(reminders.c.due_at)).where(condition)
        ).scalar()
    return None if earliest is None else max(now, earliest)


def _goes_on(connection: Connection, row: RowMapping, zones: Zones, now: datetime) -> bool:
    """Set the next time of a reminder that repeats; False where there is none."""
    if row["rule"] is None:
        return False
    # Not before what is due now, which may have been put off to later than the rule says.
    since = max(now, row["due_at"])
    due_at = next_time(row["rule"], row["starts"], zones[row["user_uuid"]], since)
    if due_at is None:
        return False
    _change(connection, row["id"], due_at=due_at, last_due_at=row["due_at"])
    return True


def _next_in_spite(row: Mapping[str, Any], now: datetime) -> dict[str, datetime]:
    """Return how a reminder goes on that could not be worked on: at its next time, or not."""
    due_at = None
    with suppress(Exception):  # whatever is wrong with it; what comes once has no rule
        zone = zone_of_user(row["user_uuid"])
        due_at = next_time(row["rule"], row["starts"], zone, max(now, row["due_at"]))
    return {"due_at": due_at, "last_due_at": row["due_at"]} if due_at else {"fired_at": now}


def _change(connection: Connection, reminder_id: UUID, **times: datetime) -> None:
    connection.execute(update(reminders).where(reminders.c.id == reminder_id).values(times))


def _deliveries_of(
    connection: Connection, reminder: RowMapping, ways: Routes, zones: Zones, now: datetime
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
    base: dict[str, Any], ways: Routes, came_from: UUID | None, now: datetime
) -> list[dict[str, Any]]:
    """Return the deliveries of a message: one for each way, or one that is held or dead."""
    owner = base["user_uuid"]
    state: dict[str, Any] = {"state": "waiting", "last_error": None, "settled_at": None}
    found = ways.to(owner, came_from)
    if not found and (blocked := ways.blocked(owner, came_from)):
        found, state["state"] = [blocked], "held"
    elif not found:
        found = [Route(CHAT)]
        state = {"state": "dead", "last_error": NO_CHANNEL, "settled_at": now}
    return [{**base, **state, **way._asdict(), "next_attempt_at": now} for way in found]


def _zones(connection: Connection, people: Collection[UUID]) -> Zones:
    rows = connection.execute(select(users.c.id, users.c.time_zone).where(users.c.id.in_(people)))
    return {row.id: zone_of(row.time_zone) for row in rows}


def _request() -> str | None:
    """Return the id of the request that is being worked on, if any."""
    found = request_id.get()
    return None if found == "-" else found[:128]
