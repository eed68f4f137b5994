"""What requests to models that are under way may still cost: held back until they are settled.

So many requests of one person at the same moment can't all be let in by the same few tokens that
are left. What a process that died has reserved lapses.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from core.tables import usage_reservations

HELD = timedelta(minutes=15)
"""How long a request is taken to be under way; the longest time-out of a model is ten minutes."""
KEPT = timedelta(days=1)
"""How long a reservation can be settled: whether its row is there tells what was counted before."""
ROW = usage_reservations.c


class Reservation(NamedTuple):
    """The tokens that one request may come to."""

    id: UUID
    tokens: int


def held(
    connection: sa.Connection, agent: str, people: Iterable[str], now: datetime
) -> tuple[Mapping[str, int], int]:
    """Return what is held back for each person over all agents, and for everybody by the agent."""
    total = sa.func.sum(ROW.tokens)
    lives = ROW.expires_at > now
    theirs = sa.select(ROW.person, total).where(ROW.person.in_([*people]), lives)
    found = connection.execute(theirs.group_by(ROW.person)).all()
    of_agent = connection.execute(sa.select(total).where(ROW.agent == agent, lives)).scalar()
    return {person: int(tokens) for person, tokens in found}, int(of_agent or 0)


def hold(
    connection: sa.Connection,
    agent: str,
    granted: Iterable[tuple[str, Reservation]],
    now: datetime,
) -> None:
    """Hold back what was granted to people."""
    until = {"agent": agent, "expires_at": now + HELD}
    rows = [{"person": person, **until, **one._asdict()} for person, one in granted]
    if rows:
        connection.execute(sa.insert(usage_reservations), rows)


def release(connection: sa.Connection, ids: Collection[UUID]) -> set[UUID]:
    """Hold nothing back for these any more; return those that were not released before."""
    if not ids:
        return set()
    there = {*connection.execute(sa.select(ROW.id).where(ROW.id.in_(ids))).scalars()}
    connection.execute(sa.delete(usage_reservations).where(ROW.id.in_(there)))
    return there


def forget_old(connection: sa.Connection, now: datetime) -> None:
    """Delete what nobody has settled."""
    old = ROW.expires_at < now - KEPT
    connection.execute(sa.delete(usage_reservations).where(old))
