"""Messages that nobody will send: they go another way to their user, or end with a reason."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, select, update

from core import postgres
from core.db.engine import transaction
from core.db.isolation import in_batch_or_apart
from core.db.notify import wake
from core.deliveries.routing import SCHEDULER, Routes, removed
from core.tables import deliveries
from runtime.logs import log_under

logger = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=10)
"""How long a message waits for an agent that is not there: it may be about to be added again."""
STATES = ("waiting", "held")


def end_stranded(now: datetime, limit: int = 500) -> int:
    """Send the messages of removed agents another way, or end them; return how many they were.

    In portions, each a transaction of its own. What is being sent at this moment is left alone.
    """
    ended = 0
    while True:

        def portion(only: UUID | None = None) -> int:
            return _end_some(now, limit, only)

        def some_stranded() -> dict[UUID, UUID]:
            with transaction() as connection:
                found = _stranded(connection, now, limit)
                return {row["id"]: row["user_uuid"] for row in found}

        aside = partial(_set_aside, now)
        done = sum(
            in_batch_or_apart(
                "end_stranded", portion, some_stranded, portion, aside, lambda _: None
            )
        )
        ended += done
        if done < limit:
            return ended


def _end_some(now: datetime, limit: int, only: UUID | None) -> int:
    with transaction(savepoint=False) as connection:
        rows = _stranded(connection, now, limit, only)
        changes = other_ways(connection, rows, now)
        for row in rows:
            change_one(connection, row, changes.get(row["id"]) or _end(row, now))
        if rows:
            wake("deliveries")
    for row in rows:
        what = "goes another way" if row["id"] in changes else "can't be sent"
        log_under(row["request_id"], logger, "delivery %s %s", row["id"], what)
    return len(rows)


def _set_aside(now: datetime, delivery_id: UUID, reason: str) -> None:
    dead = {"state": "dead", "settled_at": now, "last_error": f"it has no other way: {reason}"}
    postgres.update("deliveries", dead | {"lease_id": None}, {"id": delivery_id})


def other_ways(
    connection: Connection, rows: Sequence[RowMapping], now: datetime
) -> dict[UUID, dict[str, Any]]:
    """Return what to change about messages, by id, so that they go a way that leads to their user.

    That is their chat, else a channel, where the same message does not go already. What has no such
    way is held for a chat that the person has blocked; where there is none either, it is left out.
    """
    people = {row["user_uuid"] for row in rows}
    ways, gone_out = (
        Routes(connection, people, spare_when_no_agents=False),
        _gone_out(connection, rows),
    )
    changes = {}
    for row in rows:
        owner, sent_by = row["user_uuid"], gone_out.get(_message(row), set())
        state = "waiting"
        way = next((one for one in ways.to(owner, None) if one.channel not in sent_by), None)
        if way is None and not sent_by:
            way, state = ways.blocked(owner, None), "held"
        if way is not None:
            changes[row["id"]] = {**way._asdict(), **reset_for_retry(now), "state": state}
    return changes


def reset_for_retry(now: datetime) -> dict[str, Any]:
    """Return what changes about a message that is to be sent with all its tries."""
    fresh = {"state": "waiting", "attempts": 0, "parts_sent": 0, "next_attempt_at": now}
    return {**fresh, "settled_at": None, "lease_id": None, "leased_until": None}


def change_one(connection: Connection, row: RowMapping, values: dict[str, Any]) -> None:
    """Change one message."""
    connection.execute(update(deliveries).where(deliveries.c.id == row["id"]).values(values))


def _stranded(
    connection: Connection, now: datetime, limit: int, only: UUID | None = None
) -> Sequence[RowMapping]:
    """Return messages of removed agents that wait, and keep them from others."""
    columns = deliveries.c
    waiting = select(columns.sender).where(columns.state.in_(STATES), columns.sender != SCHEDULER)
    senders = removed(connection, set(connection.execute(waiting.distinct()).scalars()))
    if not senders:
        return []
    query = (
        select(deliveries)
        .where(columns.state.in_(STATES), columns.sender.in_(senders))
        .where(columns.next_attempt_at <= now - PATIENCE)  # which is not before its lease ends
        .order_by(columns.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if only is not None:
        query = query.where(columns.id == only)
    return connection.execute(query).mappings().all()


def _end(row: RowMapping, now: datetime) -> dict[str, Any]:
    agent = row["sender"].partition("/")[2]
    error = f"the agent {agent}, which was to send it, is not there any more"
    return {"state": "dead", "settled_at": now, "last_error": error, "lease_id": None}


def _message(row: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a row's
    """Return what the deliveries of one message have in common."""
    return row["user_uuid"], row["subject"], row["due_at"]


def _gone_out(
    connection: Connection, rows: Collection[RowMapping]
) -> dict[tuple[Any, ...], set[str]]:
    """Return the channels by which the same messages go, or went, to the same users."""
    columns = deliveries.c
    query = select(columns.user_uuid, columns.subject, columns.due_at, columns.channel).where(
        columns.user_uuid.in_({row["user_uuid"] for row in rows}),
        columns.due_at.in_({row["due_at"] for row in rows}),
        columns.id.not_in([row["id"] for row in rows]),
        columns.state != "dead",
    )
    found: dict[tuple[Any, ...], set[str]] = {}
    for row in connection.execute(query).mappings() if rows else ():
        found.setdefault(_message(row), set()).add(row["channel"])
    return found
