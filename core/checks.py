"""What can be checked from within: is the database up to date, do jobs, agents and deliveries go.

`manage.py doctor` looks at more, and asks other servers. A check returns findings and never shows a
secret.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import sqlalchemy as sa

from config.database_url import place_of
from core import agents, migrations
from core.agents.tables import bot_processes
from core.db.dialects.errors import driver_words
from core.db.engine import Database, get_database, transaction
from core.deliveries import queue
from core.errors import AppError, TooNew
from core.tables import scheduler_jobs

LATE = timedelta(minutes=2)  # a job's due time is looked at each minute
MAX_NAMED = 5  # agents in one finding

Mark = Literal["good", "unused", "warning", "bad"]


class Finding(NamedTuple):
    """One line of the report; `advice` says what to do next, where something is to be done."""

    mark: Mark
    subject: str
    what: str
    advice: str = ""


Findings = list[Finding]


def examine(now: datetime) -> Findings:
    """Run every check that needs nothing but the database that is in use."""
    found: Findings = []
    checks: dict[str, Callable[[], Finding]] = {
        "Database": lambda: of_database(get_database()),
        "Scheduler": lambda: _jobs(now),
        "Agents": _agents,
        "Deliveries": _deliveries,
    }
    for subject, check in checks.items():
        try:
            found.append(check())
        except AppError as error:
            found.append(Finding("bad", subject, f"can't be checked: {driver_words(error)}"))
    return found


def of_database(database: Database) -> Finding:
    """Tell whether a database has every migration. Raises AppError where it can't be used."""
    shown = place_of(database.engine.url)
    state, newest = migrations.state(database), migrations.head()
    if state.revision == newest:
        return Finding("good", "Database", f"{shown} is up to date ({newest})")
    at = f"{shown} is at {state.revision or 'its beginning'}, the program at {newest}"
    try:
        if migrations.is_ahead(state):
            return Finding("warning", "Database", at, "The program can go on; update it soon.")
    except TooNew:
        return Finding("bad", "Database", at, "It is newer than the program: update the program.")
    return Finding(
        "warning", "Database", at, "The next start brings it up to date, or `db upgrade`."
    )


def _jobs(now: datetime) -> Finding:
    jobs = scheduler_jobs.c
    query = sa.select(jobs.name).where(jobs.next_at < now - LATE, jobs.running_until.is_(None))
    with transaction(read_only=True) as connection:
        any_known = connection.execute(sa.select(sa.func.count(jobs.next_at))).scalar()
        late = [*connection.execute(query.order_by(jobs.name)).scalars()]
    if not any_known:
        return Finding("unused", "Scheduler", "no job has a next time yet")
    if late:
        what = f"{_some(late)}: due, and not begun"
        return Finding("bad", "Scheduler", what, "Start the scheduler, or read its log.")
    return Finding("good", "Scheduler", "every job was begun at its time")


def _agents() -> Finding:
    rows = [row for row in agents.list_all() if row["enabled"]]
    if not rows:
        return Finding("unused", "Agents", "none is turned on")
    with transaction(read_only=True) as connection:
        alive = connection.execute(sa.select(sa.func.count(bot_processes.c.process))).scalar()
    if not alive:
        return Finding("bad", "Agents", "no process of the bot runs", "Start the bot.")
    ill = [row["name"] for row in rows if row["status"]["state"] != "online"]
    if ill:
        what = f"{_some(ill)}: not online"
        return Finding("warning", "Agents", what, "The page Agents says what is wrong with each.")
    return Finding("good", "Agents", f"{len(rows)} online")


def _deliveries() -> Finding:
    dead = queue.unsent()["dead"]
    if dead:
        what = f"{dead} could not be sent"
        return Finding("warning", "Deliveries", what, "See why, and send them again.")
    return Finding("good", "Deliveries", "none has failed for good")


def _some(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
