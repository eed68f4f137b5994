"""What language models cost, by user, agent and day (UTC), and who may ask them once more."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, NamedTuple, TypeVar
from uuid import UUID

import sqlalchemy as sa

from core.database import transaction
from core.tables import account_usage, model_usage, users
from core.tallies import add_up

Person = TypeVar("Person", bound=Hashable)
Reached = Literal["requests", "tokens", "agent"]
"""Which limit a user has reached: their requests, their tokens, or the agent's tokens."""

AMOUNTS = ("requests", "prompt_tokens", "completion_tokens", "cost")
KEY = ("user_uuid", "day", "agent")
USER = model_usage.c.user_uuid


@dataclass(frozen=True)
class Limits:
    """What may be spent in a day; 0 is no limit."""

    requests_per_user: int = 0
    tokens_per_user: int = 0
    tokens_per_agent: int = 0

    def bounded(self, agent_tokens: int) -> "Limits":
        """Return the limits with a lower one on the agent's tokens; 0 leaves them as they are."""
        some = [limit for limit in (self.tokens_per_agent, agent_tokens) if limit]
        return replace(self, tokens_per_agent=min(some, default=0))

    def reached(self, requests: int, tokens: int, agent_tokens: int) -> Reached | None:
        """Return the limit that leaves no room for another request, or None."""
        if 0 < self.requests_per_user <= requests:
            return "requests"
        if 0 < self.tokens_per_user <= tokens:
            return "tokens"
        return "agent" if 0 < self.tokens_per_agent <= agent_tokens else None


class Spent(NamedTuple):
    """What one user's requests to a model came to: tokens, and US dollars."""

    user_uuid: UUID
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0
    requests: int = 0


def settle(
    agent: str, spent: Sequence[Spent], wanted: Sequence[UUID], limits: Limits, now: datetime
) -> list[Reached | None]:
    """Note what was spent, then count one request for each in `wanted` who has room for it.

    Returns for each of `wanted` None, or the limit that they have reached. Users who are gone are
    passed over. The tokens of a request are known afterwards: the last one may go beyond a limit.
    """
    day = day_of(now)
    with transaction() as connection:
        known = _lock(connection, {*wanted, *(one.user_uuid for one in spent)})
        _add(connection, day, agent, [one for one in spent if one.user_uuid in known])
        if not wanted:
            return []
        of_users = sums(model_usage, day, USER).where(USER.in_([*known]))
        used = {row.user_uuid: row for row in connection.execute(of_users)}
        agent_tokens = tokens_of_agent(connection, agent, day)
        answers, granted = grant(wanted, used, limits, agent_tokens)
        counted = [Spent(user, requests=n) for user, n in granted.items() if user in known]
        _add(connection, day, agent, counted)
    return answers


def grant(
    wanted: Sequence[Person], used: Mapping[Person, Any], limits: Limits, agent_tokens: int
) -> tuple[list[Reached | None], Counter[Person]]:
    """Return for each of `wanted` None, or the limit that they have reached, and who gets how many.

    `used` are the rows of requests and tokens of those who have spent something.
    """
    answers: list[Reached | None] = []
    granted = Counter[Person]()
    for person in wanted:
        row = used.get(person)
        requests = granted[person] + int(row.requests if row else 0)
        reached = limits.reached(requests, int(row.tokens if row else 0), agent_tokens)
        if reached is None:
            granted[person] += 1
        answers.append(reached)
    return answers, granted


def used_on(user_uuid: UUID, now: datetime) -> dict[str, Any]:
    """Return what a user has spent today, over all agents, by the names of the columns."""
    sums = [sa.func.coalesce(sa.func.sum(model_usage.c[name]), 0).label(name) for name in AMOUNTS]
    query = sa.select(*sums).where(
        model_usage.c.user_uuid == user_uuid, model_usage.c.day == day_of(now)
    )
    with transaction() as connection:
        return dict(connection.execute(query).mappings().one())


def next_day(now: datetime) -> datetime:
    """Return when counting starts anew."""
    return datetime.combine(day_of(now) + timedelta(days=1), time(), UTC)


def day_of(now: datetime) -> date:
    """Return the day on which something is counted."""
    return now.astimezone(UTC).date()


def sums(table: sa.Table, day: date, *who: sa.Column[Any]) -> sa.Select[Any]:
    """Ask what has been spent on a day, over all agents, by those who are told apart by `who`."""
    columns = table.c
    tokens = columns.prompt_tokens + columns.completion_tokens
    return (
        sa.select(
            *who,
            sa.func.sum(columns.requests).label("requests"),
            sa.func.sum(tokens).label("tokens"),
        )
        .where(columns.day == day)
        .group_by(*who)
    )


def tokens_of_agent(connection: sa.Connection, agent: str, day: date) -> int:
    """Return what an agent has spent on a day, for users and for strangers."""
    sums = [
        sa.select(
            sa.func.coalesce(sa.func.sum(table.c.prompt_tokens + table.c.completion_tokens), 0)
        )
        .where(table.c.day == day, table.c.agent == agent)
        .scalar_subquery()
        for table in (model_usage, account_usage)
    ]
    return int(connection.execute(sa.select(sums[0] + sums[1])).scalar_one())


def _lock(connection: sa.Connection, wanted: Iterable[UUID]) -> set[UUID]:
    """Let nobody else count for these users until the end; return those who exist."""
    query = sa.select(users.c.id).where(users.c.id.in_([*wanted])).order_by(users.c.id)
    # What points at a user may be written meanwhile.
    return {*connection.execute(query.with_for_update(key_share=True)).scalars()}


def _add(connection: sa.Connection, day: date, agent: str, spent: Sequence[Spent]) -> None:
    """Add amounts to the users' rows of a day, which are made where they are missing."""
    rows = [{**one._asdict(), "day": day, "agent": agent} for one in spent]
    add_up(connection, model_usage, rows, KEY)
