"""Which bot process runs which agent.

A process says every second or so that it is alive, by a new beat on its row. An agent is leased to
the process that its row in agent_leases names; one without is free to be taken.

No clock of the day is asked. A process is dead when its beat has not changed for DEAD_AFTER of the
lease time on the monotonic clock of the one that looks, so a clock that jumps runs no agent twice.
The process is told a shorter time: what it has not renewed by then it has to stop by itself. An
agent that is disabled, deleted or moved is freed when its process no longer names it as running.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa

from core.agents import memory
from core.agents.tables import POOLED, agent_leases, agents, bot_at, bot_processes
from core.db.compiled import Row
from core.db.engine import transaction
from core.errors import Conflict
from core.tables import deliveries
from runtime.clock import utc_now

ENVIRONMENT_AGENT = "default"
"""The agent that DISCORD_BOT_TOKEN stands for, where the database has none."""
STOPPED = "stopped"
DEAD_AFTER = 0.8
GIVE_UP_AFTER = 0.6
"""Parts of the lease time: when others take over, and when a process has to stop by itself."""
ERROR_LENGTH = 500
UNKNOWN = dict.fromkeys(
    ("state", "since", "guilds", "latency_ms", "error", "revision", "messages_per_minute")
)
HANDED_OUT = ("name", "type", "answers", "settings", "revision", "created_at")


@dataclass(frozen=True)
class Running:
    """How one agent is doing, as its process tells."""

    name: str
    state: str
    since: datetime | None = None
    guilds: int | None = None
    latency_ms: float | None = None
    error: str | None = None
    revision: int | None = None


@dataclass(frozen=True)
class Report:
    """What a process says of itself."""

    process: str
    capacity: int
    environment: bool = False  # it has DISCORD_BOT_TOKEN
    stopping: bool = False
    agents: Collection[Running] = ()


@dataclass(frozen=True)
class Assignment:
    """What a process has to run now, and for how many seconds without another word."""

    lease_seconds: float
    environment: bool = False
    agents: list[Row] = field(default_factory=list)
    wanted: int = 0  # agents that should run in all processes together


@dataclass
class Leases:
    """Hands agents out; remembers when each process was last heard of. Thread-safe."""

    lease_seconds: float
    monotonic: Callable[[], float] = time.monotonic
    _beats: dict[str, tuple[UUID, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sync(self, report: Report) -> Assignment:
        """Renew what a process runs, take in how it is doing, and say what it has to run."""
        self._beat(report)
        alive = self._expire_processes()
        lasts = self.lease_seconds * GIVE_UP_AFTER
        with transaction() as connection:
            wanted = _wanted(connection, report)
            _create_missing_leases(connection, wanted.keys())
            held = _held(connection, report.process)
            running = {one.name for one in report.agents if one.state != STOPPED}
            room = 0 if report.stopping else _fair_share(len(wanted), alive).get(report.process, 0)
            # Those that run stay first, so that few have to reconnect.
            mine = sorted(held.keys() & wanted.keys(), key=lambda name: (name not in running, name))
            keep = mine[:room]
            _release(connection, report.process, held.keys() - {*keep} - running)
            busy = len(held.keys() & running - {*keep})
            keep += _claim(connection, report.process, wanted.keys(), room - len(keep) - busy)
            _note(connection, report, held)
        if report.stopping and not held.keys() & running:
            _forget(report.process)
        given = [wanted[name] for name in sorted(keep) if wanted[name]]
        return Assignment(lasts, ENVIRONMENT_AGENT in keep and not given, given, len(wanted))

    def _beat(self, report: Report) -> None:
        values = {"beat": uuid4(), "capacity": report.capacity, "seen_at": utc_now()}
        if report.stopping:
            values["capacity"] = 0
        mine = bot_processes.c.process == report.process
        with transaction() as connection:
            if connection.execute(sa.update(bot_processes).where(mine).values(values)).rowcount:
                return
        try:
            with transaction() as connection:
                connection.execute(
                    sa.insert(bot_processes).values(process=report.process, **values)
                )
        except Conflict:
            pass  # the same process, at the same moment: it has just been heard of

    def _expire_processes(self) -> dict[str, int]:
        """Free what silent processes hold; return the capacities of the others."""
        with transaction(read_only=True) as connection:
            rows = connection.execute(sa.select(bot_processes)).all()
        now = self.monotonic()  # after the beats were read: none of them is younger
        with self._lock:
            self._beats = {
                row.process: known
                if (known := self._beats.get(row.process)) and known[0] == row.beat
                else (row.beat, now)
                for row in rows
            }
            silent = now - self.lease_seconds * DEAD_AFTER
            dead = {name: beat for name, (beat, heard) in self._beats.items() if heard < silent}
        for name, beat in dead.items():
            _forget(name, beat)
        return {row.process: row.capacity for row in rows if row.process not in dead}


def _forget(process: str, beat: UUID | None = None) -> None:
    """Delete a process and free its agents; with a beat, unless it was heard of since."""
    condition = bot_processes.c.process == process
    if beat is not None:
        condition &= bot_processes.c.beat == beat
    with transaction() as connection:
        connection.execute(sa.delete(bot_processes).where(condition))


def _wanted(connection: sa.Connection, report: Report) -> dict[str, Row]:
    """Return the agents that should run, by name; the environment's has an empty row."""
    rows = connection.execute(sa.select(agents)).mappings().all()
    if not rows and report.environment:
        return {ENVIRONMENT_AGENT: {}}
    return {
        row["name"]: {
            **{key: row[key] for key in HANDED_OUT},
            "token": row["token_ref"] or row["token"],
        }
        for row in rows
        if row["enabled"]
    }


def _held(connection: sa.Connection, process: str) -> dict[str, Row]:
    query = sa.select(agent_leases).where(agent_leases.c.holder == process)
    return {row["agent"]: dict(row) for row in connection.execute(query).mappings()}


def _fair_share(agents_wanted: int, capacities: Mapping[str, int]) -> dict[str, int]:
    """Return how many agents each process may run, so that all do and nobody has two too many."""
    level = 0
    while level < agents_wanted and sum(min(c, level) for c in capacities.values()) < agents_wanted:
        level += 1
    return {process: min(capacity, level) for process, capacity in capacities.items()}


def _release(connection: sa.Connection, process: str, names: Collection[str]) -> None:
    if names:
        mine = (agent_leases.c.holder == process, agent_leases.c.agent.in_(names))
        connection.execute(sa.update(agent_leases).where(*mine).values(holder=None, **UNKNOWN))
        known = sa.select(agents.c.name).where(agents.c.name.in_(names))
        removed = {*names} - {*connection.execute(known).scalars()} - {ENVIRONMENT_AGENT}
        # It may have been added again since it was looked for, and must not lose its row then.
        there = sa.exists().where(agents.c.name == agent_leases.c.agent)
        gone = (agent_leases.c.agent.in_(removed), ~there)
        connection.execute(sa.delete(agent_leases).where(*gone))
        for name in removed:  # it may have answered somebody since it was
            memory.forget_agent(name)


def _claim(
    connection: sa.Connection, process: str, wanted: Collection[str], room: int
) -> list[str]:
    """Take up to so many free ones; those that another process is taking now are left to it."""
    if room <= 0 or not wanted:
        return []
    free = (
        sa.select(agent_leases.c.agent)
        .where(agent_leases.c.holder.is_(None), agent_leases.c.agent.in_(wanted))
        .order_by(agent_leases.c.agent)
        .limit(room)
        .with_for_update(skip_locked=True)
    )
    names = list(connection.execute(free).scalars())
    if names:
        taken = sa.update(agent_leases).where(agent_leases.c.agent.in_(names))
        connection.execute(taken.values(holder=process, **UNKNOWN))
        _return_deliveries(connection, names)
    return names


def _return_deliveries(connection: sa.Connection, names: Collection[str]) -> None:
    """Free the messages that whoever ran these agents before was sending: it has stopped, or died.

    Else they waited until their own leases end.
    """
    columns = deliveries.c
    left = (columns.state == "waiting") & columns.lease_id.is_not(None)
    left &= columns.sender.in_([bot_at((POOLED, name)) for name in names])
    free = {"lease_id": None, "leased_until": None, "next_attempt_at": utc_now()}
    connection.execute(sa.update(deliveries).where(left).values(free))


def _note(connection: sa.Connection, report: Report, held: Mapping[str, Row]) -> None:
    """Keep what has changed about the agents that the process holds."""
    for one in report.agents:
        status = {
            "state": one.state,
            "since": one.since,
            "guilds": one.guilds,
            "latency_ms": one.latency_ms,
            "error": one.error[:ERROR_LENGTH] if one.error else None,
            "revision": one.revision,
        }
        row = held.get(one.name)
        if row is not None and any(row[key] != value for key, value in status.items()):
            mine = (agent_leases.c.holder == report.process, agent_leases.c.agent == one.name)
            connection.execute(sa.update(agent_leases).where(*mine).values(status))


def _create_missing_leases(connection: sa.Connection, wanted: Collection[str]) -> None:
    """Make the row of every agent that has none, without which nobody could take it."""
    known = sa.select(agent_leases.c.agent).where(agent_leases.c.agent.in_(wanted))
    for name in {*wanted} - {*connection.execute(known).scalars()}:
        ensure_row(connection, name)


def ensure_row(connection: sa.Connection, name: str) -> None:
    """Make the row of an agent, which whoever runs it takes, where there is none."""
    known = sa.select(agent_leases.c.agent).where(agent_leases.c.agent == name)
    if connection.execute(known).one_or_none() is None:
        try:
            with transaction():
                connection.execute(sa.insert(agent_leases).values(agent=name))
        except Conflict:
            pass  # another process was first
