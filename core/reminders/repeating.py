"""What "done" means for something that repeats: one due time of its reminder, at most once.

A request names the due time that it is about, so that the same one twice changes nothing more.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from core import postgres
from core.db.engine import transaction
from core.db.notify import wake
from core.deliveries.quiet_hours import zone_of_user
from core.errors import InvalidInput, NotFound
from core.reminders import find_reminder, withdraw
from core.reminders.recurrence import next_time

Reminder = Mapping[str, Any]


def current_time(reminder: Reminder) -> datetime:
    """Return the due time that is done next: the last that went out, unless it is, else the next.

    reminder: a row, as core.reminders.find_reminder returns it.
    """
    last, done = reminder["last_due_at"], reminder["done_due_at"]
    time: datetime = reminder["due_at"] if last is None or (done and done >= last) else last
    return time


def set_done(user_uuid: UUID, subject: str, due_at: datetime | None, now: datetime) -> Reminder:
    """Note that one due time of a repeating reminder is done; return the reminder as it then is.

    due_at: which time; the current one for None. One that is still to come is left out, and so is a
    repetition of it that was put off to later. After the last one, the reminder has fired.

    Raises NotFound where there is no such reminder, InvalidInput for a time after the next one.
    """
    with transaction(savepoint=False):
        row = _find(user_uuid, subject)
        time, due, done = due_at or current_time(row), row["due_at"], row["done_due_at"]
        if time > due:
            raise InvalidInput("It is not due at that time.")
        if done and time <= done:
            return row
        changes: dict[str, Any] = {"done_due_at": time}
        zone = zone_of_user(user_uuid)
        following = next_time(row["rule"], row["starts"], zone, time)
        put_off = following is None or due - time < following - due
        if row["fired_at"] is None and (time == due or put_off):
            after = next_time(row["rule"], row["starts"], zone, max(now, due))
            changes |= {"due_at": after} if after else {"fired_at": now}
        if row["last_due_at"] is None or time >= row["last_due_at"]:
            withdraw(user_uuid, [subject])
        return _change(row, changes)


def set_undone(user_uuid: UUID, subject: str, due_at: datetime | None) -> Reminder:
    """Take back that a due time is done, the latest for None; one that did not go out comes again.

    Returns the reminder as it then is. Raises NotFound where there is no such reminder.
    """
    with transaction(savepoint=False):
        row = _find(user_uuid, subject)
        done, last = row["done_due_at"], row["last_due_at"]
        time = due_at or done
        if done is None or time > done:
            return row
        before = last if last and last < time else None
        changes: dict[str, Any] = {"done_due_at": before}
        if (last is None or time > last) and time <= row["due_at"]:
            changes |= {"due_at": time, "fired_at": None}
            wake("reminders")
        return _change(row, changes)


def _find(user_uuid: UUID, subject: str) -> Reminder:
    row = find_reminder(user_uuid, subject)
    if row is None or row["rule"] is None:
        raise NotFound
    return row


def _change(row: Reminder, changes: dict[str, Any]) -> Reminder:
    (after,) = postgres.update("reminders", changes, {"id": row["id"]})
    return after
