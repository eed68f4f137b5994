"""What language models cost for people who are not logged in, by their account on a platform.

Their limits are those of users. What was spent from an account goes on to count for the user who
logs in there, and what a user spent for the account, when the user is deleted.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from core import reservations
from core.db.engine import transaction
from core.reservations import Reservation
from core.tables import account_usage
from core.usage import (
    ACCOUNT_KEY,
    AMOUNTS,
    Limits,
    Reached,
    add_up,
    day_of,
    grant,
    tokens_of_agent,
    unsettled,
)

KEPT = timedelta(days=31)
WHO = (account_usage.c.platform, account_usage.c.account_id)


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
    reservation: UUID | None = None


def settle(
    agent: str,
    spent: Sequence[AccountSpent],
    wanted: Sequence[Account],
    limits: Limits,
    now: datetime,
    reserve: Sequence[Reservation] = (),
) -> list[Reached | None]:
    """Note what was spent, then count one request for each in `wanted` whose limit allows it.

    Returns for each of `wanted` None, or the limit that they have reached. `reserve` is as for
    users.
    """
    day, everyone = day_of(now), {*wanted, *(one.account for one in spent)}
    with transaction() as connection:
        spent = unsettled(connection, spent)
        # Everyone's row is made or locked before any is read.
        _add(connection, day, agent, [*spent, *map(AccountSpent, wanted)])
        used = _used(connection, everyone, day)
        agent_tokens = tokens_of_agent(connection, agent, day)
        answers, granted = grant(
            connection, agent, wanted, used, limits, agent_tokens, now, reserve
        )
        _add(connection, day, agent, [AccountSpent(who, requests=n) for who, n in granted.items()])
    return answers


def forget_old(now: datetime) -> None:
    """Delete what was counted more than a month ago, and reservations that nobody settled."""
    with transaction() as connection:
        old = account_usage.c.day < day_of(now) - KEPT
        connection.execute(sa.delete(account_usage).where(old))
        reservations.forget_old(connection, now)


def _used(connection: sa.Connection, people: set[Account], day: date) -> dict[Account, Any]:
    """Return the `requests` and `tokens` of each on a day, over all agents."""
    columns = account_usage.c
    query = (
        sa.select(
            *WHO,
            sa.func.sum(columns.requests).label("requests"),
            sa.func.sum(columns.prompt_tokens + columns.completion_tokens).label("tokens"),
        )
        .where(columns.day == day, sa.tuple_(*WHO).in_([*people]))
        .group_by(*WHO)
    )
    return {Account(*row[:2]): row for row in connection.execute(query)}


def _add(connection: sa.Connection, day: date, agent: str, spent: Sequence[AccountSpent]) -> None:
    """Add amounts to the accounts' rows of a day, which are made where they are missing."""
    where = {"day": day, "agent": agent}
    rows = [
        {**one.account._asdict(), **where, **{name: getattr(one, name) for name in AMOUNTS}}
        for one in spent
    ]
    add_up(connection, account_usage, rows, ACCOUNT_KEY)
