"""Agents on trial: settings that an administrator has not saved, to be talked to over the API.

Each administrator has one at most. It has no bot on Discord, and nothing of it stays: what it
remembers goes with it. What it does for its owner, such as a task that it adds, is theirs.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from core import agents, postgres
from core.accounts import chat_links
from core.agents import memory
from core.agents.tables import DEFAULT_AGENT, WEB, ChatAddress, agent_trials, bot_at
from core.db.compiled import Row
from core.db.engine import transaction
from core.errors import TooManyAttempts
from core.tables import users

PREFIX = "trial:"
"""No agent that is saved has a colon in its name."""
KEPT = timedelta(hours=1)
"""How long one is kept after it was begun or talked to last."""
MAX_TRIALS = 20
TOO_MANY = f"{MAX_TRIALS} administrators try agents already. One of them has to end first."


def name_of(user_uuid: UUID) -> str:
    """Return the name of a user's trial, under which it is talked to."""
    return f"{PREFIX}{user_uuid.hex}"


def begin(user_uuid: UUID, definition: Mapping[str, Any], now: datetime) -> str:
    """Have an administrator try `type`, `answers` and `settings`; return the trial's name.

    What they said to another trial of theirs is forgotten. Raises InvalidInput for what could not
    be saved either, TooManyAttempts where MAX_TRIALS others go on.
    """
    whole = agents.checked("trial", definition)
    kept = {key: whole[key] for key in ("type", "answers", "settings")}
    with transaction() as connection:
        postgres.select("users", {"id": user_uuid}, columns=["id"], lock="update")  # one at a time
        others = _going_on(now).where(agent_trials.c.user_uuid != user_uuid)
        if len(connection.execute(others).all()) >= MAX_TRIALS:
            raise TooManyAttempts(KEPT.seconds, TOO_MANY)
        end(user_uuid, now)
        row = {"user_uuid": user_uuid, **kept, "begun_at": now, "used_at": now}
        connection.execute(sa.insert(agent_trials).values(row))
    return name_of(user_uuid)


def going_on(now: datetime) -> dict[str, Row]:
    """Return the trials that go on, by their names: `type`, `answers`, `settings`, `begun_at`."""
    with transaction(read_only=True) as connection:
        rows = connection.execute(_going_on(now)).mappings().all()
    return {name_of(row["user_uuid"]): dict(row) for row in rows}


def touch(user_uuid: UUID, now: datetime) -> None:
    """Note that a trial is talked to."""
    postgres.update("agent_trials", {"used_at": now}, {"user_uuid": user_uuid})


def end(user_uuid: UUID, now: datetime) -> None:
    """End a user's trial, and erase what it and they have said; that there is none is no error."""
    name = name_of(user_uuid)
    with transaction():
        if not postgres.delete("agent_trials", {"user_uuid": user_uuid}):
            return
        memory.forget(ChatAddress(WEB, name, str(user_uuid)), now)
        postgres.delete("web_chats", {"user_uuid": user_uuid, "agent": name})
        gone = postgres.delete("chat_accounts", {"platform": WEB, "agent": name})
        waiting = {"sender": bot_at((WEB, name)), "state": ("IN", ["waiting", "held"])}
        if postgres.exists("deliveries", waiting) or (
            any(chat["logged_in"] for chat in gone)
            and not postgres.exists("chat_accounts", {"user_uuid": user_uuid, "logged_in": True})
        ):  # what is due now or later comes to the chat that stays
            chat = chat_links.link(user_uuid, WEB, DEFAULT_AGENT, str(user_uuid))
            way = {"sender": bot_at((WEB, DEFAULT_AGENT)), "chat_account_id": chat["id"]}
            postgres.update("deliveries", way, waiting)


def forget_old(now: datetime) -> None:
    """End the trials that nobody talks to any more, and those of who is no administrator now."""
    alive = {row["user_uuid"] for row in going_on(now).values()}
    for row in postgres.select("agent_trials", columns=["user_uuid"]):
        if row["user_uuid"] not in alive:
            end(row["user_uuid"], now)


def _going_on(now: datetime) -> sa.Select[Any]:
    return (
        sa.select(agent_trials)
        .join(users, users.c.id == agent_trials.c.user_uuid)
        .where(agent_trials.c.used_at > now - KEPT, users.c.role == "admin")
    )
