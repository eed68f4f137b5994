"""What agents remember: turns of talk, and a summary of the older ones.

It belongs to an agent and an account on a platform, wherever the two spoke; what was said in direct
messages is marked, since it is not to be repeated where others read along. Where that account is a
user's, their rows go with them: they are seen while that user is logged in.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from config.settings import get_settings
from core.agents.tables import (
    ChatAddress,
    agent_forgets,
    agent_models,
    agent_summaries,
    agent_turns,
    agents,
)
from core.db.compiled import Row
from core.db.engine import transaction
from core.tables import chat_accounts, users
from core.usage import add_up

MAX_TURNS = 500
"""Turns kept of one person with one agent; the oldest beyond are dropped."""
FORGETS_KEPT = timedelta(days=1)
"""How long a person's being forgotten is remembered; no answer takes that long to write."""


class Turn(NamedTuple):
    """What one of the two said."""

    role: Literal["user", "assistant"]
    content: str


class Summary(NamedTuple):
    """What turns up to this id came to; it replaces them and the summary before."""

    content: str
    up_to: int


class Remembered(NamedTuple):
    """What an agent knows of a person: the turns, oldest first, come after the summary.

    `times_forgotten` is for `append`; `model` is the one that the person has chosen, or "".
    """

    summary: str | None
    turns: list[Row]
    times_forgotten: int = 0
    model: str = ""


class Erased(NamedTuple):
    """How much an agent has forgotten."""

    turns: int
    summaries: int


def read(
    address: ChatAddress,
    now: datetime,
    limit: int = 50,
    characters: int | None = None,
    direct: bool | None = None,
) -> Remembered:
    """Return the latest turns within both limits, each with `id`, `role`, `content` and `at`.

    A turn that does not fit within the characters ends the list; those before it are left out.
    `direct` is where they were said: in direct messages, in channels, or (None) in either.
    """
    with transaction(read_only=True) as connection:
        person = _person(connection, address)
        since = _kept_since(connection, address.agent, now)
        latest = (
            sa.select(*(agent_turns.c[name] for name in ("id", "role", "content", "at")))
            .where(_theirs(agent_turns, address, person, direct), _in_time(agent_turns, since))
            .order_by(agent_turns.c.id.desc())
            .limit(limit)
        )
        rows = [dict(row) for row in connection.execute(latest).mappings()]
        found = (
            sa.select(agent_summaries.c.content)
            .where(_theirs(agent_summaries, address, person, direct))
            .where(_in_time(agent_summaries, since))
            .order_by(agent_summaries.c.direct)
        )
        summaries = [*connection.execute(found).scalars()]
        times = _times_forgotten(connection, address)
        chosen = sa.select(agent_models.c.model).where(_is(address, agent_models))
        model = connection.execute(chosen).scalar() or ""
    if characters is not None:
        rows = _fitting(rows, characters)
    return Remembered("\n\n".join(summaries) or None, rows[::-1], times, model)


def append(
    address: ChatAddress,
    turns: Sequence[Turn],
    now: datetime,
    summary: Summary | None = None,
    *,
    direct: bool = True,
    times_forgotten: int | None = None,
) -> list[int]:
    """Add turns, and return their ids; drop what is summarised, too old or too much.

    `direct` is where they were said. Nothing is added where the person was forgotten since
    `times_forgotten` was read.
    """
    insert = sa.insert(agent_turns)
    with transaction() as connection:
        if times_forgotten is not None:
            _lock(connection, address)  # so that none of it is added while the person is forgotten
            if times_forgotten != _times_forgotten(connection, address):
                return []
        person = _person(connection, address)
        base = {**address._asdict(), "user_uuid": person, "direct": direct, "at": now}
        ids = [
            connection.execute(insert, {**base, **turn._asdict()}).inserted_primary_key
            for turn in turns
        ]
        theirs = _theirs(agent_turns, address, person)
        if summary is not None:
            old = _theirs(agent_summaries, address, person, direct)
            connection.execute(sa.delete(agent_summaries).where(old))
            kept = {**base, "content": summary.content}
            connection.execute(sa.insert(agent_summaries).values(kept))
            summarised = agent_turns.c.id <= summary.up_to
            same = agent_turns.c.direct.is_(direct)
            connection.execute(sa.delete(agent_turns).where(theirs, same, summarised))
        _drop_old(connection, [address.agent], now)
        newest = sa.select(agent_turns.c.id).where(theirs).order_by(agent_turns.c.id.desc())
        newest_dropped = connection.execute(newest.offset(MAX_TURNS).limit(1)).scalar()
        if newest_dropped is not None:
            beyond = agent_turns.c.id <= newest_dropped
            connection.execute(sa.delete(agent_turns).where(theirs, beyond))
    return [int(key[0]) for key in ids if key is not None]


def choose_model(address: ChatAddress, model: str) -> None:
    """Keep which model of an agent's a person wants; "": the agent's own."""
    with transaction() as connection:
        _lock(connection, address)
        connection.execute(sa.delete(agent_models).where(_is(address, agent_models)))
        if model:
            row = {**address._asdict(), "user_uuid": _person(connection, address), "model": model}
            connection.execute(sa.insert(agent_models).values(row))


def forget(address: ChatAddress, now: datetime) -> Erased:
    """Erase what an agent knows of a person, and return how much it was.

    Who has logged out since is forgotten too.
    """
    with transaction() as connection:
        _lock(connection, address, more=1)
        connection.execute(sa.update(agent_forgets).where(_is(address)).values(at=now))
        connection.execute(sa.delete(agent_models).where(_is(address, agent_models)))
        person = _person(connection, address, logged_out=True)
        counts = [
            connection.execute(sa.delete(table).where(_theirs(table, address, person))).rowcount
            for table in (agent_turns, agent_summaries)
        ]
    return Erased(*counts)


def known_of(user_uuid: UUID) -> list[Row]:
    """Return what agents know of a user: `agent`, `turns`, `summaries`, and `latest`, when."""
    found: dict[str, Row] = {}
    with transaction(read_only=True) as connection:
        for what, table in (("turns", agent_turns), ("summaries", agent_summaries)):
            columns = table.c
            query = (
                sa.select(columns.agent, sa.func.count(), sa.func.max(columns.at))
                .where(columns.user_uuid == user_uuid)
                .group_by(columns.agent)
            )
            for agent, count, latest in connection.execute(query):
                row = found.setdefault(agent, {"agent": agent, "turns": 0, "summaries": 0})
                row[what] = count
                row["latest"] = max(row.get("latest", latest), latest)
    return sorted(found.values(), key=lambda row: str(row["agent"]))


def people_of(agent: str, limit: int) -> list[Row]:
    """Return whom an agent remembers, who spoke last first; never what was said.

    Each row has `platform`, `account_id`, `user_uuid` and `username` (None of nobody's account),
    `turns`, `summaries` and `latest`.
    """
    known = sa.union_all(
        *(
            sa.select(
                *(table.c[name] for name in ("platform", "account_id", "user_uuid", "at")),
                sa.literal(int(table is agent_turns)).label("turns"),
                sa.literal(int(table is agent_summaries)).label("summaries"),
            ).where(table.c.agent == agent)
            for table in (agent_turns, agent_summaries)
        )
    ).subquery()
    who = (known.c.platform, known.c.account_id, known.c.user_uuid, users.c.username)
    latest = sa.func.max(known.c.at).label("latest")
    counts = [sa.func.sum(known.c[name]).label(name) for name in ("turns", "summaries")]
    query = (
        sa.select(*who, *counts, latest)
        .select_from(known.outerjoin(users, users.c.id == known.c.user_uuid))
        .group_by(*who)
        .order_by(latest.desc(), known.c.account_id)
        .limit(limit)
    )
    with transaction(read_only=True) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def forget_user(user_uuid: UUID, agent: str, now: datetime) -> Erased:
    """Erase what an agent knows of a user, on whatever account, and return how much it was."""
    with transaction() as connection:
        addresses = {
            ChatAddress(*row)
            for table in (agent_turns, agent_summaries)
            for row in connection.execute(
                sa.select(table.c.platform, table.c.agent, table.c.account_id)
                .where(table.c.user_uuid == user_uuid, table.c.agent == agent)
                .distinct()
            )
        }
        for address in sorted(addresses):  # so that no answer under way is remembered afterwards
            _lock(connection, address, more=1)
            connection.execute(sa.update(agent_forgets).where(_is(address)).values(at=now))
        chosen = agent_models.c
        own = sa.delete(agent_models).where(chosen.user_uuid == user_uuid, chosen.agent == agent)
        connection.execute(own)
        counts = [
            connection.execute(
                sa.delete(table).where(table.c.user_uuid == user_uuid, table.c.agent == agent)
            ).rowcount
            for table in (agent_turns, agent_summaries)
        ]
    return Erased(*counts)


def forget_agent(agent: str) -> None:
    """Erase all that an agent knows of anybody."""
    with transaction() as connection:
        for table in (agent_turns, agent_summaries, agent_models):
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
        old = agent_forgets.c.at < now - FORGETS_KEPT
        connection.execute(sa.delete(agent_forgets).where(old))


def _is(address: ChatAddress, table: sa.Table = agent_forgets) -> sa.ColumnElement[bool]:
    return sa.and_(*(table.c[name] == value for name, value in address._asdict().items()))


def _lock(connection: sa.Connection, address: ChatAddress, more: int = 0) -> None:
    """Make and lock the row that counts how often a person was forgotten, and add to it."""
    add_up(connection, agent_forgets, [{**address._asdict(), "times": more}], ChatAddress._fields)


def _times_forgotten(connection: sa.Connection, address: ChatAddress) -> int:
    query = sa.select(agent_forgets.c.times).where(_is(address))
    return connection.execute(query).scalar() or 0


def _person(
    connection: sa.Connection, address: ChatAddress, *, logged_out: bool = False
) -> UUID | None:
    """Return whose account this is: who logged in there last, with this agent if with any.

    Who has logged out of this agent since counts where they are asked for.
    """
    columns = chat_accounts.c
    query = (
        sa.select(columns.user_uuid, columns.logged_in, columns.agent)
        .where(columns.platform == address.platform, columns.account_id == address.account_id)
        .order_by(
            sa.case((columns.agent == address.agent, 0), else_=1),
            columns.logged_in.desc(),
            columns.last_used_at.desc(),
        )
        .limit(1)
    )
    found = connection.execute(query).one_or_none()
    if found is None or (found.agent == address.agent and not (found.logged_in or logged_out)):
        return None
    person: UUID = found.user_uuid
    return person


def _theirs(
    table: sa.Table, address: ChatAddress, person: UUID | None, direct: bool | None = None
) -> sa.ColumnElement[bool]:
    """Match a person's rows, and those of the account from before it was anybody's."""
    whose: sa.ColumnElement[bool] = table.c.user_uuid.is_(None)
    if person is not None:
        whose |= table.c.user_uuid == person
    return sa.and_(
        table.c.agent == address.agent,
        table.c.platform == address.platform,
        table.c.account_id == address.account_id,
        whose,
        sa.true() if direct is None else table.c.direct.is_(direct),
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
