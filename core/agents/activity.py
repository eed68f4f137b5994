"""What agents do: how much they answer, their last warnings and errors, what they cost today.

Processes of the bot tell it every few seconds. It is for people to look at; nothing goes by it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from core import usage
from core.agents.tables import agent_leases, agent_log, agents
from core.db.compiled import Row
from core.db.engine import transaction
from core.errors import NotFound

LINES_KEPT = 100  # of one agent
DAYS_KEPT = timedelta(days=31)
SHOWN = ("name", "answers", "settings")
TELLING = ("ERROR", "CRITICAL")


class Line(NamedTuple):
    """A line of a log; `agent` is "-" where it is about none."""

    agent: str
    at: datetime
    level: str
    message: str


def note(lines: Sequence[Line], answered: Mapping[str, int], now: datetime) -> None:
    """Keep lines of the log, and how many messages agents have answered in the last minute."""
    with transaction() as connection:
        for agent, messages in sorted(answered.items()):
            row = sa.update(agent_leases).where(agent_leases.c.agent == agent)
            connection.execute(row.values(messages_per_minute=messages))
        if lines:
            connection.execute(sa.insert(agent_log), [line._asdict() for line in lines])
        for agent in sorted({line.agent for line in lines}):
            theirs = agent_log.c.agent == agent
            newest = sa.select(agent_log.c.id).where(theirs).order_by(agent_log.c.id.desc())
            last = connection.execute(newest.offset(LINES_KEPT).limit(1)).scalar()
            old = agent_log.c.at < now - DAYS_KEPT
            beyond = old if last is None else old | (agent_log.c.id <= last)
            connection.execute(sa.delete(agent_log).where(theirs, beyond))


def log_of(agent: str | None, limit: int) -> list[Row]:
    """Return the latest lines of an agent, or of all, the latest first."""
    columns = (agent_log.c[name] for name in Line._fields)
    query = sa.select(*columns).order_by(agent_log.c.id.desc()).limit(limit)
    if agent is not None:
        query = query.where(agent_log.c.agent == agent)
    with transaction(read_only=True) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def list_all(now: datetime, limit: int, *, after: str | None = None) -> list[Row]:
    """Return how busy agents are, by name, those after a name.

    Each row has `name`, `answers`, `settings`, `messages_per_minute`, `last_error`,
    `last_error_at` and `tokens_today`.
    """
    return _look(sa.true() if after is None else agents.c.name > after, limit, now)


def find(name: str, now: datetime) -> Row:
    """Return how busy one agent is, as `list_all` does. Raises NotFound."""
    for row in _look(agents.c.name == name, 1, now):
        return row
    raise NotFound(f"There is no agent called {name}.")


def _look(condition: sa.ColumnElement[bool], limit: int, now: datetime) -> list[Row]:
    query = (
        sa.select(*(agents.c[name] for name in SHOWN), agent_leases.c.messages_per_minute)
        .join(agent_leases, agent_leases.c.agent == agents.c.name, isouter=True)
        .where(condition)
        .order_by(agents.c.name)
        .limit(limit)
    )
    with transaction(read_only=True) as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
        names = [row["name"] for row in rows]
        latest = (
            sa.select(sa.func.max(agent_log.c.id))
            .where(agent_log.c.agent.in_(names), agent_log.c.level.in_(TELLING))
            .group_by(agent_log.c.agent)
        )
        told = sa.select(agent_log).where(agent_log.c.id.in_(latest))
        errors = {row["agent"]: row for row in connection.execute(told).mappings()}
    tokens = usage.tokens_today(names, now)
    nothing = {"message": None, "at": None}
    for row in rows:
        error = errors.get(row["name"], nothing)
        row |= {"last_error": error["message"], "last_error_at": error["at"]}
        row["tokens_today"] = tokens.get(row["name"], 0)
    return rows
