"""What agents remember: turns of talk, and a summary of the older ones.

It belongs to an agent and an account on a platform, wherever the two spoke. Where that account is a
user's, their rows go with them, and who logs in there next does not see them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from config.settings import get_settings
from core.agent_tables import agent_summaries, agent_turns, agents
from core.database import transaction
from core.tables import chat_accounts

Row = dict[str, Any]

MOST_TURNS = 500
"""Turns kept of one person with one agent; the oldest beyond are dropped."""


class Place(NamedTuple):
    """Which agent, and whom it speaks with."""

    agent: str
    platform: str
    account_id: str


class Turn(NamedTuple):
    """What one of the two said."""

    role: Literal["user", "assistant"]
    content: str


class Summary(NamedTuple):
    """What turns up to this id came to; it replaces them and the summary before."""

    content: str
    up_to: int


class Remembered(NamedTuple):
    """What an agent knows of a person: the turns, oldest first, come after the summary."""

    summary: str | None
    turns: list[Row]


class Erased(NamedTuple):
    """How much an agent has forgotten."""

    turns: int
    summaries: int


def read(place: Place, now: datetime, limit: int = 50, characters: int | None = None) -> Remembered:
    """Return the latest turns within both limits, each with `id`, `role`, `content` and `at`.

    A turn that does not fit within the characters ends the list; those before it are left out.
    """
    with transaction(read_only=True) as connection:
        person = _person(connection, place)
        since = _kept_since(connection, place.agent, now)
        latest = (
            sa.select(*(agent_turns.c[name] for name in ("id", "role", "content", "at")))
            .where(_theirs(agent_turns, place, person), _in_time(agent_turns, since))
            .order_by(agent_turns.c.id.desc())
            .limit(limit)
        )
        rows = [dict(row) for row in connection.execute(latest).mappings()]
        summary = connection.execute(
            sa.select(agent_summaries.c.content).where(
                _theirs(agent_summaries, place, person), _in_time(agent_summaries, since)
            )
        ).scalar()
    if characters is not None:
        rows = _fitting(rows, characters)
    return Remembered(summary, rows[::-1])


def append(
    place: Place, turns: Sequence[Turn], now: datetime, summary: Summary | None = None
) -> list[int]:
    """Add turns, and return their ids; drop what is summarised, too old or too much."""
    insert = sa.insert(agent_turns)
    with transaction() as connection:
        person = _person(connection, place)
        base = {**place._asdict(), "user_uuid": person, "at": now}
        ids = [
            connection.execute(insert, {**base, **turn._asdict()}).inserted_primary_key
            for turn in turns
        ]
        theirs = _theirs(agent_turns, place, person)
        if summary is not None:
            old = _theirs(agent_summaries, place, person)
            connection.execute(sa.delete(agent_summaries).where(old))
            kept = {**base, "content": summary.content}
            connection.execute(sa.insert(agent_summaries).values(kept))
            summarised = agent_turns.c.id <= summary.up_to
            connection.execute(sa.delete(agent_turns).where(theirs, summarised))
        _drop_old(connection, [place.agent], now)
        newest = sa.select(agent_turns.c.id).where(theirs).order_by(agent_turns.c.id.desc())
        newest_dropped = connection.execute(newest.offset(MOST_TURNS).limit(1)).scalar()
        if newest_dropped is not None:
            beyond = agent_turns.c.id <= newest_dropped
            connection.execute(sa.delete(agent_turns).where(theirs, beyond))
    return [int(key[0]) for key in ids if key is not None]


def forget(place: Place) -> Erased:
    """Erase what an agent knows of a person, and return how much it was."""
    with transaction() as connection:
        person = _person(connection, place)
        counts = [
            connection.execute(sa.delete(table).where(_theirs(table, place, person))).rowcount
            for table in (agent_turns, agent_summaries)
        ]
    return Erased(*counts)


def forget_agent(agent: str) -> None:
    """Erase all that an agent knows of anybody."""
    with transaction() as connection:
        for table in (agent_turns, agent_summaries):
            connection.execute(sa.delete(table).where(table.c.agent == agent))


def adopt(user_uuid: UUID, platform: str, account_id: str) -> None:
    """Make what agents remember of an account that was nobody's a user's."""
    with transaction() as connection:
        for table in (agent_turns, agent_summaries):
            connection.execute(
                sa.update(table)
                .where(
                    table.c.platform == platform,
                    table.c.account_id == account_id,
                    table.c.user_uuid.is_(None),
                )
                .values(user_uuid=user_uuid)
            )


def forget_old(now: datetime) -> None:
    """Erase what agents have remembered for longer than they may."""
    with transaction() as connection:
        names = sa.union(sa.select(agent_turns.c.agent), sa.select(agent_summaries.c.agent))
        _drop_old(connection, list(connection.execute(names).scalars()), now)


def _person(connection: sa.Connection, place: Place) -> UUID | None:
    """Return whose account this is: who logged in there last, with this agent if with any."""
    columns = chat_accounts.c
    query = (
        sa.select(columns.user_uuid)
        .where(columns.platform == place.platform, columns.account_id == place.account_id)
        .order_by(
            sa.case((columns.agent == place.agent, 0), else_=1),
            columns.logged_in.desc(),
            columns.last_used_at.desc(),
        )
        .limit(1)
    )
    person: UUID | None = connection.execute(query).scalar()
    return person


def _theirs(table: sa.Table, place: Place, person: UUID | None) -> sa.ColumnElement[bool]:
    """Match a person's rows, and those of the account from before it was anybody's."""
    whose: sa.ColumnElement[bool] = table.c.user_uuid.is_(None)
    if person is not None:
        whose |= table.c.user_uuid == person
    return sa.and_(
        table.c.agent == place.agent,
        table.c.platform == place.platform,
        table.c.account_id == place.account_id,
        whose,
    )


def _kept_since(connection: sa.Connection, agent: str, now: datetime) -> datetime | None:
    """Return the time before which an agent remembers nothing; None: it remembers all."""
    own = connection.execute(sa.select(agents.c.memory_days).where(agents.c.name == agent)).scalar()
    days = get_settings().memory_retention_days if own is None else own
    return now - timedelta(days=days) if days else None


def _in_time(table: sa.Table, since: datetime | None) -> sa.ColumnElement[bool]:
    return sa.true() if since is None else table.c.at >= since


def _drop_old(connection: sa.Connection, names: Sequence[str], now: datetime) -> None:
    for name in names:
        if (since := _kept_since(connection, name, now)) is not None:
            for table in (agent_turns, agent_summaries):
                old = (table.c.agent == name, table.c.at < since)
                connection.execute(sa.delete(table).where(*old))


def _fitting(newest_first: list[Row], characters: int) -> list[Row]:
    room = characters
    for number, row in enumerate(newest_first):
        room -= len(row["content"])
        if room < 0:
            return newest_first[:number]
    return newest_first
