"""What language models cost, by person, agent and day (UTC), and who may ask them once more.

A person is a user, or somebody who is not logged in, by their account on a platform: the limits are
the same. What was spent from an account goes on to count for the user who logs in there, and what a
user spent for the account, when the user is deleted.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import zip_longest
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from core.db.compiled import Row
from core.db.engine import transaction
from core.tables import account_usage, chat_accounts, model_costs, model_usage, users
from core.usage import reservations
from core.usage.reservations import Reservation


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
        if is_postgres:  # only with an answer does SQLAlchemy send many rows as one statement
            statement = statement.returning(*table.primary_key)
    connection.execute(statement, [row for _, row in sorted(sums.items())])


Reached = Literal["requests", "tokens", "agent"]
"""Which limit a person has reached: their requests, their tokens, or the agent's tokens."""

AMOUNTS = ("requests", "prompt_tokens", "completion_tokens", "cost")
KEY = ("user_uuid", "day", "agent")
ACCOUNT_KEY = ("account_id", "platform", "day", "agent")
NOBODY = {"platform": "deleted", "account_id": ""}
"""Where the spending of deleted users is counted that belongs to no chat account any more."""
KEPT = timedelta(days=31)
MAX_BY_DAY = 1000  # rows of days and agents, the latest
WHO = (account_usage.c.platform, account_usage.c.account_id)


class Account(NamedTuple):
    """A person on a platform."""

    platform: str
    account_id: str


Person = UUID | Account


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


class Spent(NamedTuple):
    """What one person's requests to a model came to: tokens, and US dollars."""

    person: Person
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0
    requests: int = 0
    reservation: UUID | None = None


def settle(
    agent: str,
    spent: Sequence[Spent],
    wanted: Sequence[Person],
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
        spent = _unsettled(connection, spent)
        people = {*wanted, *(one.person for one in spent)}
        accounts = {one for one in people if isinstance(one, Account)}
        known = _lock(connection, {one for one in people if isinstance(one, UUID)})
        # Everyone's row is made or locked before any is read.
        _add(connection, day, agent, [*spent, *map(Spent, accounts)], known)
        if not wanted:
            return []
        used = {**spent_by(connection, known, day), **_spent_from(connection, accounts, day)}
        agent_tokens = _tokens_of_agent(connection, agent, day)
        answers, granted = _grant(
            connection, agent, wanted, used, limits, agent_tokens, now, reserve
        )
        counted = [
            Spent(person, requests=number)
            for person, number in granted.items()
            if person in known or isinstance(person, Account)
        ]
        _add(connection, day, agent, counted, known)
    return answers


def forget_old(now: datetime) -> None:
    """Delete what accounts spent more than a month ago, and reservations that nobody settled."""
    with transaction() as connection:
        old = account_usage.c.day < day_of(now) - KEPT
        connection.execute(sa.delete(account_usage).where(old))
        reservations.forget_old(connection, now)


def _grant(
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


def _unsettled(connection: sa.Connection, spent: Sequence[Spent]) -> list[Spent]:
    """Release what was held back for these; return those that were not counted before."""
    named = [one.reservation for one in spent if one.reservation is not None]
    there = reservations.release(connection, named)
    left = []
    for one in spent:
        if one.reservation is None or one.reservation in there:
            there.discard(one.reservation)
            left.append(one)
    return left


def _key(person: Person) -> str:
    """Return what a person's reservations are kept under: a user's, or an account's."""
    return " ".join(person) if isinstance(person, Account) else str(person)


def used_on(user_uuid: UUID, now: datetime) -> dict[str, Any]:
    """Return what counts for a user today, over all agents, by the names of the columns."""
    with transaction(read_only=True) as connection:
        row = spent_by(connection, [user_uuid], day_of(now)).get(user_uuid)
    return {name: getattr(row, name) if row else 0 for name in AMOUNTS}


def spent_by(connection: sa.Connection, people: Iterable[UUID], day: date) -> dict[Person, Any]:
    """Return what counts for each user on a day: AMOUNTS, and `tokens` in all.

    That is what they spent, and what was spent from the chat accounts that they log in from: by
    nobody, or by another user. So neither logging in nor a new account brings a new budget.
    """
    people = [*people]
    if not people:
        return {}
    mine, other = chat_accounts.alias(), chat_accounts.alias()
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


def by_day(now: datetime, days: int) -> list[dict[str, Any]]:
    """Return what models have cost on each of the last days, by agent, the latest day first."""
    spent = sa.union_all(
        *(
            sa.select(
                *(table.c[name] for name in ("day", "agent", "requests", "cost")),
                (table.c.prompt_tokens + table.c.completion_tokens).label("tokens"),
            ).where(table.c.day > day_of(now) - timedelta(days=days))
            for table in (model_usage, account_usage)
        )
    ).subquery()
    sums = [sa.func.sum(spent.c[name]).label(name) for name in ("requests", "tokens", "cost")]
    query = (
        sa.select(spent.c.day, spent.c.agent, *sums)
        .group_by(spent.c.day, spent.c.agent)
        .order_by(spent.c.day.desc(), spent.c.agent)
        .limit(MAX_BY_DAY)
    )
    with transaction(read_only=True) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def note_models(spent: Sequence[Row], now: datetime) -> None:
    """Count what was spent on models: each row has `model` and AMOUNTS."""
    rows = [{"day": day_of(now), **row} for row in spent]
    with transaction() as connection:
        add_up(connection, model_costs, rows, ("day", "model"))


def totals(now: datetime, days: int, by: Literal["day", "agent", "model"], limit: int) -> list[Row]:
    """Return what models have cost in the last days: `name`, `requests`, `tokens`, `cost`.

    By day, the latest first; or by agent or model, what took most tokens first.
    """
    tables = (model_costs,) if by == "model" else (model_usage, account_usage)
    spent = sa.union_all(
        *(
            sa.select(
                table.c[by].label("name"),
                *(table.c[name] for name in ("requests", "cost")),
                (table.c.prompt_tokens + table.c.completion_tokens).label("tokens"),
            ).where(table.c.day > day_of(now) - timedelta(days=days))
            for table in tables
        )
    ).subquery()
    sums = [sa.func.sum(spent.c[name]).label(name) for name in ("requests", "tokens", "cost")]
    query = sa.select(spent.c.name, *sums).group_by(spent.c.name).limit(limit)
    query = query.order_by(spent.c.name.desc() if by == "day" else sums[1].desc(), spent.c.name)
    with transaction(read_only=True) as connection:
        return [{**row, "name": str(row["name"])} for row in connection.execute(query).mappings()]


def tokens_today(agents: Collection[str], now: datetime) -> dict[str, int]:
    """Return what each of these agents has spent today, for users and for strangers."""
    spent = sa.union_all(
        *(
            sa.select(
                table.c.agent, (table.c.prompt_tokens + table.c.completion_tokens).label("tokens")
            ).where(table.c.day == day_of(now), table.c.agent.in_([*agents]))
            for table in (model_usage, account_usage)
        )
    ).subquery()
    query = sa.select(spent.c.agent, sa.func.sum(spent.c.tokens)).group_by(spent.c.agent)
    with transaction(read_only=True) as connection:
        return {agent: int(tokens) for agent, tokens in connection.execute(query)}


def next_day(now: datetime) -> datetime:
    """Return when counting starts over."""
    return datetime.combine(day_of(now) + timedelta(days=1), time(), UTC)


def day_of(now: datetime) -> date:
    """Return the day on which something is counted."""
    return now.astimezone(UTC).date()


def _tokens_of_agent(connection: sa.Connection, agent: str, day: date) -> int:
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


def _lock(connection: sa.Connection, wanted: Collection[UUID]) -> set[UUID]:
    """Let nobody else count for these users until the end; return those who exist."""
    if not wanted:
        return set()
    query = sa.select(users.c.id).where(users.c.id.in_([*wanted])).order_by(users.c.id)
    # What points at a user may be written meanwhile.
    return {*connection.execute(query.with_for_update(key_share=True)).scalars()}


def _spent_from(
    connection: sa.Connection, accounts: Collection[Account], day: date
) -> dict[Person, Any]:
    """Return the `requests` and `tokens` of each account on a day, over all agents."""
    if not accounts:
        return {}
    columns = account_usage.c
    query = (
        sa.select(
            *WHO,
            sa.func.sum(columns.requests).label("requests"),
            sa.func.sum(columns.prompt_tokens + columns.completion_tokens).label("tokens"),
        )
        .where(columns.day == day, sa.tuple_(*WHO).in_([*accounts]))
        .group_by(*WHO)
    )
    return {Account(*row[:2]): row for row in connection.execute(query)}


def _add(
    connection: sa.Connection,
    day: date,
    agent: str,
    spent: Sequence[Spent],
    known: Collection[UUID],
) -> None:
    """Add amounts to the people's rows of a day, which are made where they are missing.

    What a user has spent who is not `known` is nobody's.
    """
    of_users, of_accounts = [], []
    for one in spent:
        row = {"day": day, "agent": agent, **{name: getattr(one, name) for name in AMOUNTS}}
        if isinstance(one.person, Account):
            of_accounts.append({**one.person._asdict(), **row})
        elif one.person in known:
            of_users.append({"user_uuid": one.person, **row})
        else:
            of_accounts.append({**NOBODY, **row})
    add_up(connection, model_usage, of_users, KEY)
    add_up(connection, account_usage, of_accounts, ACCOUNT_KEY)
