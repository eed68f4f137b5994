"""What language models cost for people who are not logged in, by their account on a platform.

Their limits are those of users. An account that is somebody's when they log in counts anew then.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from core.database import transaction
from core.postgres import upsert
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
    with transaction() as connection:
        old = sa.delete(account_usage).where(account_usage.c.day < day - KEPT)
        connection.execute(old)
        # In one order for everyone, so that no two wait for each other.
        for account in sorted({*wanted, *(one.account for one in spent)}):
            row = {**account._asdict(), "day": day, "agent": agent}
            upsert("account_usage", row, [*row])  # makes it, or locks it
        for one in spent:
            _add(connection, agent, now, one)
        agent_tokens = tokens_of_agent(connection, agent, day)
        for account in wanted:
            query = sa.select(
                sa.func.coalesce(sa.func.sum(account_usage.c.requests), 0),
                sa.func.coalesce(sa.func.sum(TOKENS), 0),
            ).where(
                account_usage.c.day == day,
                account_usage.c.account_id == account.account_id,
                account_usage.c.platform == account.platform,
            )
            requests, tokens = connection.execute(query).one()
            reached = limits.reached(int(requests), int(tokens), agent_tokens)
            if reached is None:
                _add(connection, agent, now, AccountSpent(account, requests=1))
            answers.append(reached)
    return answers


def _add(connection: sa.Connection, agent: str, now: datetime, spent: AccountSpent) -> None:
    """Add amounts to a row that is there."""
    columns = account_usage.c
    connection.execute(
        sa.update(account_usage)
        .where(
            columns.day == day_of(now),
            columns.account_id == spent.account.account_id,
            columns.platform == spent.account.platform,
            columns.agent == agent,
        )
        .values({name: columns[name] + getattr(spent, name) for name in AMOUNTS})
    )
