"""Scheduled jobs that several daemons share: each due time is taken by one of them.

A job has a row with the time up to which its due times are taken. Who takes the next one moves that
time on in a single UPDATE that names the time as it was: of many who try, one succeeds.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, update

from core import postgres
from core.db.compiled import Row
from core.db.engine import transaction
from core.errors import Conflict
from core.tables import scheduler_jobs

LEASE = timedelta(seconds=30)
"""A daemon that died in a job keeps it from the others for so long; who is alive renews it."""

jobs = scheduler_jobs.c


class Taken(NamedTuple):
    """Up to when a job's due times are taken, and until when it runs, if it does."""

    due_at: datetime
    running_until: datetime | None


def look(name: str) -> Taken | None:
    """Return how far a job is; None where no daemon has met it yet."""
    row = postgres.select_one("scheduler_jobs", {"name": name})
    return Taken(row["due_at"], row["running_until"]) if row else None


def list_all() -> list[Row]:
    """Return every job that a daemon has met, by name, with what `look` tells of one."""
    return postgres.select("scheduler_jobs", {}, "name")


def begin(name: str, now: datetime, *, run: bool) -> bool:
    """Note a job that is new, to be run at once or at its next due time; False: another has."""
    row = {"name": name, "due_at": now, "running_until": now + LEASE if run else None}
    try:
        with transaction():
            postgres.insert("scheduler_jobs", row)
    except Conflict:
        return False
    return True


def take(name: str, seen: Taken, now: datetime) -> bool:
    """Take a job's due times up to now, to run it once for all; False: another has, or runs it.

    seen: what `look` returned, on which the decision stands that a time is due.
    """
    free = or_(jobs.running_until.is_(None), jobs.running_until <= now)
    return _change(name, seen.due_at, {"due_at": now, "running_until": now + LEASE}, free)


def expect(name: str, next_at: datetime) -> None:
    """Note when a job is due next, for people to see; nothing goes by it."""
    postgres.update("scheduler_jobs", {"next_at": next_at}, {"name": name})


def renew(name: str, due_at: datetime, now: datetime) -> bool:
    """Keep a job that runs since it was taken at `due_at` from the others for another while."""
    return _change(name, due_at, {"running_until": now + LEASE})


def end(name: str, due_at: datetime) -> bool:
    """Note that the job that was taken at `due_at` is over, or given up as hung."""
    return _change(name, due_at, {"running_until": None})


def _change(
    name: str,
    due_at: datetime,
    values: dict[str, datetime | None],
    condition: ColumnElement[bool] | None = None,
) -> bool:
    statement = update(scheduler_jobs).where(jobs.name == name, jobs.due_at == due_at)
    if condition is not None:
        statement = statement.where(condition)
    with transaction() as connection:
        return connection.execute(statement.values(values)).rowcount == 1
