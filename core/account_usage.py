"""What language models cost for people who are not logged in, by their account on a platform.

Their limits are those of users. An account that is somebody's when they log in counts anew then.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from core.database import transaction
from core.errors import Conflict
from core.postgres import insert, select_one
from core.tables import account_usage
from core.usage import AMOUNTS, Limits, Reached, day_of, tokens_of_agent

KEPT = timedelta(days=31)
TOKENS = account_usage.c.prompt_tokens + account_usage.c.completion_tokens


class Account(NamedTuple):
    """A person on a platform."""

    platform: str
    account_id: str


class AccountSpent(NamedTuple):
    """What one account's requests to a model came to: tokens, and US dollars."""

    account: Account
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0
    requests: int = 0


def settle(
    agent: str,
    spent: Sequence[AccountSpent],
    wanted: Sequence[Account],
    limits: Limits,
    now: datetime,
) -> list[Reached | None]:
    """Note what was spent, then count one request for each in `wanted` who has room for it.

    Returns for each of `wanted` None, or the limit that they have reached.
    """
    day, answers = day_of(now), list[Reached | None]()
    everyone = {*wanted, *(one.account for one in spent)}
    rows = {account: _row_of(account, agent, now) for account in everyone}
    with transaction() as connection:
        # By their keys, in one order: then no two wait for each other, on MySQL neither.
        locked = sa.select(account_usage.c.id).where(account_usage.c.id.in_([*rows.values()]))
        connection.execute(locked.order_by(account_usage.c.id).with_for_update())
        for one in spent:
            _add(connection, rows[one.account], one)
        used = {Account(*row[:2]): row for row in connection.execute(_sums(day, everyone))}
        agent_tokens = tokens_of_agent(connection, agent, day)
        granted = Counter[Account]()
        for account in wanted:
            row = used.get(account)
            requests = granted[account] + int(row.requests if row else 0)
            reached = limits.reached(requests, int(row.tokens if row else 0), agent_tokens)
            granted[account] += reached is None
            answers.append(reached)
        for account, number in granted.items():
            if number:
                _add(connection, rows[account], AccountSpent(account, requests=number))
    return answers


def forget_old(now: datetime) -> None:
    """Delete what was counted more than a month ago."""
    with transaction() as connection:
        old = account_usage.c.day < day_of(now) - KEPT
        connection.execute(sa.delete(account_usage).where(old))


def _sums(day: date, everyone: Collection[Account]) -> sa.Select[Any]:
    """Ask what accounts have spent on a day, over all agents; each has a row then."""
    columns = account_usage.c
    who = (columns.platform, columns.account_id)
    return (
        sa.select(
            *who,
            sa.func.sum(columns.requests).label("requests"),
            sa.func.sum(TOKENS).label("tokens"),
        )
        .where(columns.day == day, sa.tuple_(*who).in_([*everyone]))
        .group_by(*who)
    )


def _row_of(account: Account, agent: str, now: datetime) -> UUID:
    """Return the key of a row, which is made where it is missing."""
    row = {**account._asdict(), "day": day_of(now), "agent": agent}
    found = select_one("account_usage", row)
    if found is None:
        try:
            found = insert("account_usage", row)
        except Conflict:  # another request has just made it
            found = select_one("account_usage", row)
    assert found is not None  # noqa: S101 - rows of today are not deleted
    key: UUID = found["id"]
    return key


def _add(connection: sa.Connection, row: UUID, spent: AccountSpent) -> None:
    """Add amounts to a row."""
    sums = {name: account_usage.c[name] + getattr(spent, name) for name in AMOUNTS}
    connection.execute(sa.update(account_usage).where(account_usage.c.id == row).values(sums))
