"""What language models cost, by user, agent and day (UTC), and who may ask them once more."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import zip_longest
from typing import Any, Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from core import reservations
from core.db.engine import transaction
from core.reservations import Reservation
from core.tables import account_usage, chat_accounts, model_usage, users


def add_up(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    key: Sequence[str],
) -> None:
    """Add the amounts of each row to the row of the same key, or insert it where there is none.

    All columns that are not in the key, which has to be unique, are amounts. The rows are locked
    until the transaction ends, in the order of their keys: then no two wait for each other.
    """
    if not rows:
        return
    amounts = [name for name in rows[0] if name not in key]
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        place = tuple(row[name] for name in key)
        known = sums.setdefault(place, {**row, **dict.fromkeys(amounts, 0)})
        for name in amounts:
            known[name] += row[name]
    statement: sa.Insert
    if connection.dialect.name == "mysql":
        new = mysql.insert(table)
        statement = new.on_duplicate_key_update(
            {name: table.c[name] + new.inserted[name] for name in amounts}
        )
    else:
        is_postgres = connection.dialect.name == "postgresql"
        found = postgresql.insert(table) if is_postgres else sqlite.insert(table)
        statement = found.on_conflict_do_update(
            index_elements=key,
            set_={name: table.c[name] + found.excluded[name] for name in amounts},
        )
    connection.execute(statement, [row for _, row in sorted(sums.items())])


Person = TypeVar("Person", bound=Hashable)
AnySpent = TypeVar("AnySpent", bound="Spending")
Reached = Literal["requests", "tokens", "agent"]
"""Which limit a user has reached: their requests, their tokens, or the agent's tokens."""

AMOUNTS = ("requests", "prompt_tokens", "completion_tokens", "cost")
KEY = ("user_uuid", "day", "agent")
ACCOUNT_KEY = ("account_id", "platform", "day", "agent")
NOBODY = {"platform": "deleted", "account_id": ""}
"""Where the spending of deleted users is counted that belongs to no chat account any more."""


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
        """Return the limit that another request would exceed, or None."""
        if 0 < self.requests_per_user <= requests:
            return "requests"
        if 0 < self.tokens_per_user <= tokens:
            return "tokens"
        return "agent" if 0 < self.tokens_per_agent <= agent_tokens else None


class Spending(Protocol):
    """What requests to a model came to."""

    @property
    def reservation(self) -> UUID | None:
        """What was held back for it."""
        ...


class Spent(NamedTuple):
    """What one user's requests to a model came to: tokens, and US dollars."""

    user_uuid: UUID
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0
    requests: int = 0
    reservation: UUID | None = None


def settle(
    agent: str,
    spent: Sequence[Spent],
    wanted: Sequence[UUID],
    limits: Limits,
    now: datetime,
    reserve: Sequence[Reservation] = (),
) -> list[Reached | None]:
    """Note what was spent, then count one request for each in `wanted` whose limit allows it.

    Returns for each of `wanted` None, or the limit that they have reached. What deleted users have
    spent counts for the agent alone. The tokens of a request are known afterwards: until then those
    of `reserve` are held back for it. Only the last one may go beyond a limit. What names a
    reservation counts once, however often it is sent.
    """
    day = day_of(now)
    with transaction() as connection:
        spent = unsettled(connection, spent)
        known = _lock(connection, {*wanted, *(one.user_uuid for one in spent)})
        _add(connection, day, agent, [one for one in spent if one.user_uuid in known])
        _add_for_nobody(connection, day, agent, [s for s in spent if s.user_uuid not in known])
        if not wanted:
            return []
        used = spent_by(connection, known, day)
        agent_tokens = tokens_of_agent(connection, agent, day)
        answers, granted = grant(
            connection, agent, wanted, used, limits, agent_tokens, now, reserve
        )
        counted = [Spent(user, requests=n) for user, n in granted.items() if user in known]
        _add(connection, day, agent, counted)
    return answers


def grant(
    connection: sa.Connection,
    agent: str,
    wanted: Sequence[Person],
    used: Mapping[Person, Any],
    limits: Limits,
    agent_tokens: int,
    now: datetime,
    reserve: Sequence[Reservation],
) -> tuple[list[Reached | None], Counter[Person]]:
    """Return for each of `wanted` None, or the limit that they have reached, and who gets how many.

    `used` are the rows of requests and tokens of those who have spent something.
    """
    answers: list[Reached | None] = []
    granted = Counter[Person]()
    held, of_agent = reservations.held(connection, agent, map(_key, wanted), now)
    waiting, agent_tokens = Counter(held), agent_tokens + of_agent
    holds: list[tuple[str, Reservation]] = []
    for person, one in zip_longest(wanted, reserve):
        row, key = used.get(person), _key(person)
        requests = granted[person] + int(row.requests if row else 0)
        tokens = int(row.tokens if row else 0) + waiting[key]
        reached = limits.reached(requests, tokens, agent_tokens)
        if reached is None:
            granted[person] += 1
            if one is not None:
                waiting[key] += one.tokens
                agent_tokens += one.tokens
                holds.append((key, one))
        answers.append(reached)
    reservations.hold(connection, agent, holds, now)
    return answers, granted


def unsettled(connection: sa.Connection, spent: Sequence[AnySpent]) -> list[AnySpent]:
    """Release what was held back for these; return those that were not counted before."""
    named = [one.reservation for one in spent if one.reservation is not None]
    there = reservations.release(connection, named)
    left = []
    for one in spent:
        if one.reservation is None or one.reservation in there:
            there.discard(one.reservation)
            left.append(one)
    return left


def _key(person: Hashable) -> str:
    """Return what a person's reservations are kept under: a user's, or an account's."""
    return " ".join(person) if isinstance(person, tuple) else str(person)


def used_on(user_uuid: UUID, now: datetime) -> dict[str, Any]:
    """Return what counts for a user today, over all agents, by the names of the columns."""
    with transaction(read_only=True) as connection:
        row = spent_by(connection, [user_uuid], day_of(now)).get(user_uuid)
    return {name: getattr(row, name) if row else 0 for name in AMOUNTS}


def spent_by(connection: sa.Connection, people: Iterable[UUID], day: date) -> dict[UUID, Any]:
    """Return what counts for each user on a day: AMOUNTS, and `tokens` in all.

    That is what they spent, and what was spent from the chat accounts that they log in from: by
    nobody, or by another user. So neither logging in nor a new account brings a new budget.
    """
    mine, other = chat_accounts.alias(), chat_accounts.alias()
    people = [*people]
    same = sa.and_(*(mine.c[name] == other.c[name] for name in ("platform", "agent", "account_id")))
    spenders = sa.union(
        sa.select(users.c.id.label("person"), users.c.id.label("spender")).where(
            users.c.id.in_(people)
        ),
        sa.select(mine.c.user_uuid, other.c.user_uuid)
        .join_from(mine, other, same)
        .where(mine.c.user_uuid.in_(people)),
    ).subquery()
    accounts = sa.select(mine.c.user_uuid.label("person"), mine.c.platform, mine.c.account_id)
    accounts = accounts.where(mine.c.user_uuid.in_(people)).distinct()
    places = accounts.subquery()

    def amounts(table: sa.Table) -> list[sa.Column[Any]]:
        return [table.c[name] for name in AMOUNTS]

    rows = sa.union_all(
        sa.select(spenders.c.person, *amounts(model_usage))
        .join_from(spenders, model_usage, model_usage.c.user_uuid == spenders.c.spender)
        .where(model_usage.c.day == day),
        sa.select(places.c.person, *amounts(account_usage))
        .join_from(
            places,
            account_usage,
            (account_usage.c.account_id == places.c.account_id)
            & (account_usage.c.platform == places.c.platform),
        )
        .where(account_usage.c.day == day),
    ).subquery()
    totals = [sa.func.sum(rows.c[name]).label(name) for name in AMOUNTS]
    tokens = sa.func.sum(rows.c.prompt_tokens + rows.c.completion_tokens).label("tokens")
    query = sa.select(rows.c.person, *totals, tokens).group_by(rows.c.person)
    return {row.person: row for row in connection.execute(query)}


def keep_of_deleted(connection: sa.Connection, user_uuid: UUID, now: datetime) -> None:
    """Count what a user has spent on after their rows are deleted; `connection` deletes them next.

    What they spent today stays with their chat accounts, the one of each agent that was used last.
    """
    newest = sa.select(chat_accounts).where(chat_accounts.c.user_uuid == user_uuid)
    accounts = [*connection.execute(newest.order_by(chat_accounts.c.last_used_at)).mappings()]
    place_of = {one["agent"]: {name: one[name] for name in NOBODY} for one in accounts}
    anywhere = next(reversed(place_of.values()), NOBODY)
    spent = connection.execute(sa.select(model_usage).where(model_usage.c.user_uuid == user_uuid))
    rows = []
    for row in spent.mappings():
        today = row["day"] == day_of(now)
        place = place_of.get(row["agent"], anywhere) if today else NOBODY
        rows.append({**place, **{name: row[name] for name in ("day", "agent", *AMOUNTS)}})
    add_up(connection, account_usage, rows, ACCOUNT_KEY)


def next_day(now: datetime) -> datetime:
    """Return when counting starts over."""
    return datetime.combine(day_of(now) + timedelta(days=1), time(), UTC)


def day_of(now: datetime) -> date:
    """Return the day on which something is counted."""
    return now.astimezone(UTC).date()


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
    rows = [
        {"user_uuid": one.user_uuid, **_amounts(one), "day": day, "agent": agent} for one in spent
    ]
    add_up(connection, model_usage, rows, KEY)


def _add_for_nobody(
    connection: sa.Connection, day: date, agent: str, spent: Sequence[Spent]
) -> None:
    rows = [{**NOBODY, "day": day, "agent": agent, **_amounts(one)} for one in spent]
    add_up(connection, account_usage, rows, ACCOUNT_KEY)


def _amounts(one: Spent) -> dict[str, Any]:
    return {name: getattr(one, name) for name in AMOUNTS}
