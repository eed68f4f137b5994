"""Conversations over the API: messages that wait for the bot, and what it says, as rows.

A message is answered at most once. One chat is answered by one process of the bot at a time, which
has what was said before in memory; when that process is gone, any other may go on.
"""

import base64
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

import sqlalchemy as sa

from config.settings import get_settings
from core import postgres
from core.accounts import chat_links
from core.agents.tables import DEFAULT_AGENT, UNREADABLE, WEB, agents
from core.db.compiled import Row
from core.db.engine import transaction
from core.db.notify import wake
from core.errors import NotFound, TooManyAttempts
from core.tables import (
    users,
    web_chat_events,
    web_chat_messages,
    web_chat_processes,
    web_chats,
)
from core.web_chats import trials

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

NO_TRIALS: Mapping[str, Row] = {}
MAX_WAITING = 5  # messages of one chat
MAX_EVENTS = 500  # that are kept of one chat
KEPT = timedelta(days=7)
WAITING_KEPT = timedelta(minutes=15)
"""How long a message waits for the bot: “in ten minutes” means something else much later."""
PROCESS_PATIENCE = timedelta(seconds=30)
"""After how long without a word a process of the bot counts as gone, or an answer as lost."""
NOTED_EVERY = PROCESS_PATIENCE / 6
PRUNED_EVERY = 50  # numbers of a chat
TYPING, REPLY, DONE, DELIVERY = "typing", "reply", "done", "delivery"
INTERRUPTED = (
    "I was interrupted while I answered your last message. Please look whether it was done, and "
    "send it again if not."
)
WAITED = "I was away for too long to answer your last message. Please send it again."
TRIAL_OVER = "This trial has ended. “Try it” below the agent's form begins another one."
TOO_FAST = "That is too fast for me. Please wait until I have answered, then tell me the rest."


class Event(NamedTuple):
    """Something that the bot said or did; a later one of the same key takes its place."""

    kind: str
    data: Mapping[str, Any]
    key: str | None = None


class State(NamedTuple):
    """How far a chat is, and which of the user's tokens are good."""

    last_number: int
    token_version: int


def open_agents() -> list[str]:
    """Return the names of the agents that every user may talk to, the default one first."""
    query = sa.select(agents.c.name, agents.c.enabled, agents.c.answers).order_by(agents.c.name)
    with transaction(read_only=True) as connection:
        rows = connection.execute(query).all()
    names = [row.name for row in rows if row.enabled and _open_to_all(row.answers)]
    return names if DEFAULT_AGENT in {row.name for row in rows} else [DEFAULT_AGENT, *names]


def find(user_uuid: UUID, agent: str, now: datetime) -> Row:
    """Return a user's chat with an agent, made where there is none. Raises NotFound: no agent."""
    if agent.startswith(trials.PREFIX):
        if not _is_own_trial(user_uuid, agent, now):
            raise NotFound(TRIAL_OVER)
    elif agent not in open_agents():
        raise NotFound(f"There is no agent called {agent} to talk to here.")
    where = {"user_uuid": user_uuid, "agent": agent}
    return postgres.select_one("web_chats", where) or postgres.upsert("web_chats", where, [*where])


def open_first(user_uuid: UUID, agent: str) -> None:
    """Have reminders come to the chat with an agent, for a user who has no other chat yet."""
    if not postgres.exists("chat_accounts", {"user_uuid": user_uuid, "logged_in": True}):
        _log_in(user_uuid, agent)


def post(user_uuid: UUID, agent: str, content: Mapping[str, Any], now: datetime) -> Row:
    """Leave a message to the bot; return its `id` and `number`, and log the user in there.

    Raises NotFound where there is no such agent, TooManyAttempts where MAX_WAITING wait already.
    """
    chat = find(user_uuid, agent, now)
    with transaction():
        number = _next_number(chat["id"])
        _log_in(user_uuid, agent)
        if postgres.count("web_chat_messages", {"chat_id": chat["id"]}) >= MAX_WAITING:
            raise TooManyAttempts(1, TOO_FAST)
        row = {"id": uuid4(), "chat_id": chat["id"], "number": number, "created_at": now}
        sealed = _sealer().encrypt(json.dumps(content).encode()).decode()
        postgres.insert("web_chat_messages", row | {"content": sealed})
        if agent.startswith(trials.PREFIX):
            trials.touch(user_uuid, now)
        wake("chat messages")
    return row


def claim(
    process: str,
    names: Collection[str],
    under_way: Collection[UUID],
    now: datetime,
    limit: int,
    *,
    default: bool = False,
    on_trial: Mapping[str, Row] = NO_TRIALS,
) -> list[Row]:
    """Take the next message of chats with these agents, for a process of the bot to answer.

    `under_way` are the messages that it is answering still; with `default` it answers for the
    default agent, too, and for those `on_trial`. Each row has `id`, `agent`, `user_uuid`,
    `username`, `display_name`, `content` and `trial`: what is tried, where the agent is on trial.
    """
    names = {*names, *on_trial}
    if default and not postgres.exists("agents", {"name": DEFAULT_AGENT}):
        names.add(DEFAULT_AGENT)
    if _note_process(process, now):
        _give_up(process, names, under_way, now)
    claimed = []
    with transaction() as connection:
        for chat in connection.execute(_free(process, names, now, limit)).mappings().all():
            row = _first(connection, chat["id"])
            if row is None:
                continue
            postgres.update("web_chat_messages", {"taken_at": now}, {"id": row["id"]})
            postgres.update("web_chats", {"process": process}, {"id": chat["id"]})
            content = _opened(row["content"])
            if content is None:  # sealed with another SERVICE_KEY
                _end(chat["id"], row["id"], now, INTERRUPTED)
                continue
            _note(chat["id"], [_typing(row["id"])], now)
            trial = on_trial.get(chat["agent"])
            claimed.append({**chat, "id": row["id"], "content": content, "trial": trial})
    return claimed


def say(user_uuid: UUID, agent: str, events: Sequence[Event], now: datetime) -> None:
    """Add what the bot says in a chat. Raises NotFound: no such user, or a trial that is over."""
    with transaction():
        where = {"user_uuid": user_uuid, "agent": agent}
        chat = postgres.select_one("web_chats", where)
        if chat is None and not postgres.exists("users", {"id": user_uuid}):
            raise NotFound
        if agent.startswith(trials.PREFIX) and not _is_of(chat, events):
            raise NotFound
        chat = chat or postgres.upsert("web_chats", where, [*where])
        _note(chat["id"], events, now)


def settle(message_id: UUID, now: datetime) -> bool:
    """Note that a message is answered; return whether another one waits in its chat.

    One that is unknown, or was given up, is no error.
    """
    with transaction():
        message = postgres.select_one("web_chat_messages", {"id": message_id})
        return message is not None and _end(message["chat_id"], message_id, now)


def leave(process: str) -> None:
    """Let others answer the chats of a process at once: it ends."""
    postgres.delete("web_chat_processes", {"process": process})


def states(chat_ids: Collection[UUID]) -> dict[UUID, State]:
    """Return how far chats are; those that are gone are left out."""
    query = (
        sa.select(web_chats.c.id, web_chats.c.last_number, users.c.token_version)
        .join(users, users.c.id == web_chats.c.user_uuid)
        .where(web_chats.c.id.in_(chat_ids))
    )
    with transaction(read_only=True) as connection:
        return {row[0]: State(*row[1:]) for row in connection.execute(query)}


def events_after(chat_id: UUID, number: int) -> list[Row]:
    """Return what was said in a chat after a number, in order: `number`, `kind` and `data`."""
    columns = web_chat_events.c
    query = (
        sa.select(columns.number, columns.kind, columns.data)
        .where(columns.chat_id == chat_id, columns.number > number)
        .order_by(columns.number)
    )
    with transaction(read_only=True) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def forget_old(now: datetime) -> None:
    """Erase what was said long ago, what nobody came to answer, and processes that are gone."""
    events, processes = web_chat_events.c, web_chat_processes.c
    with transaction() as connection:
        connection.execute(sa.delete(web_chat_events).where(events.created_at < now - KEPT))
        gone = processes.seen_at < now - KEPT
        connection.execute(sa.delete(web_chat_processes).where(gone))
        old = web_chat_messages.c.created_at < now - KEPT
        connection.execute(sa.delete(web_chat_messages).where(old))


def _note_process(process: str, now: datetime) -> bool:
    """Note now and then that a process is there; return whether it was time for that."""
    seen = postgres.select_one("web_chat_processes", {"process": process})
    if seen is not None and now - NOTED_EVERY < seen["seen_at"] <= now:
        return False
    postgres.upsert("web_chat_processes", {"process": process, "seen_at": now}, ["process"])
    return True


def _is_own_trial(user_uuid: UUID, agent: str, now: datetime) -> bool:
    return agent == trials.name_of(user_uuid) and agent in trials.going_on(now)


def _is_of(chat: Row | None, events: Sequence[Event]) -> bool:
    """Tell whether a chat is there, and what is answered was said in it, not in one before it."""
    answered = {event.data.get("message") for event in events} - {None}
    return chat is not None and all(
        postgres.exists("web_chat_messages", {"id": UUID(str(one)), "chat_id": chat["id"]})
        for one in answered
    )


def _open_to_all(answers: Mapping[str, Any]) -> bool:
    everyone = answers.get("direct_messages", "everyone") == "everyone"
    return everyone and UNREADABLE not in answers


def _log_in(user_uuid: UUID, agent: str) -> None:
    """Have the bot know the user there, by the token that they have shown to the API."""
    address = {"platform": WEB, "agent": agent, "account_id": str(user_uuid)}
    if not postgres.exists("chat_accounts", {**address, "logged_in": True}):
        chat_links.link(user_uuid, **address)


def _free(process: str, names: Collection[str], now: datetime, limit: int) -> sa.Select[Any]:
    """Find chats where a message waits, none is being answered, and this process may answer."""
    chats, messages = web_chats.c, web_chat_messages.c
    here = messages.chat_id == chats.id
    waiting = sa.select(sa.func.min(messages.created_at)).where(here, messages.taken_at.is_(None))
    taken = sa.select(messages.id).where(here, messages.taken_at.is_not(None)).exists()
    oldest = waiting.correlate(web_chats).scalar_subquery()
    return (
        sa.select(chats.id, chats.agent, chats.user_uuid, users.c.username, users.c.display_name)
        .join(users, users.c.id == chats.user_uuid)
        .where(
            chats.agent.in_(names),
            sa.or_(chats.process.is_(None), chats.process == process, _is_gone(now)),
            oldest.is_not(None),
            ~taken.correlate(web_chats),
        )
        .order_by(oldest)
        .limit(limit)
        .with_for_update(of=web_chats, skip_locked=True)
    )


def _is_gone(now: datetime) -> sa.ColumnElement[bool]:
    """Match chats whose process has not been heard of for a while."""
    processes = web_chat_processes.c
    alive = sa.select(processes.process).where(processes.seen_at > now - PROCESS_PATIENCE)
    return web_chats.c.process.not_in(alive)


def _first(connection: sa.Connection, chat_id: UUID) -> Row | None:
    """Return the next message of a chat that is locked, where none is being answered."""
    columns = web_chat_messages.c
    query = sa.select(web_chat_messages).where(columns.chat_id == chat_id).order_by(columns.number)
    row = connection.execute(query.limit(1)).mappings().one_or_none()
    return None if row is None or row["taken_at"] is not None else dict(row)


def _give_up(
    process: str, names: Collection[str], under_way: Collection[UUID], now: datetime
) -> None:
    """End the messages whose answer was lost with a process, or that have waited for too long."""
    messages, chats = web_chat_messages.c, web_chats.c
    lost = sa.and_(
        messages.taken_at < now - PROCESS_PATIENCE,
        sa.or_(_is_gone(now), sa.and_(chats.process == process, messages.id.not_in([*under_way]))),
    )
    late = sa.and_(messages.taken_at.is_(None), messages.created_at < now - WAITING_KEPT)
    query = (
        sa.select(messages.id, messages.chat_id, messages.taken_at)
        .join(web_chats, chats.id == messages.chat_id)
        .where(chats.agent.in_(names), sa.or_(lost, late))
        .limit(MAX_EVENTS)
    )
    with transaction(read_only=True) as connection:
        rows = connection.execute(query).all()
    for row in rows:
        with transaction():
            _end(row.chat_id, row.id, now, INTERRUPTED if row.taken_at else WAITED)


def _end(chat_id: UUID, message_id: UUID, now: datetime, words: str | None = None) -> bool:
    """Delete a message, and say so, with words where it was not answered; see `settle`."""
    events = [Event(DONE, {"message": str(message_id)}, key=_typing(message_id).key)]
    if words is not None:
        said = {"id": str(uuid4()), "message": str(message_id), "text": words, "complete": True}
        events.insert(0, Event(REPLY, said))
    number = _next_number(chat_id, len(events))
    if not postgres.delete("web_chat_messages", {"id": message_id}):
        return False  # it was settled meanwhile
    _insert(chat_id, number, events, now)
    if more := postgres.exists("web_chat_messages", {"chat_id": chat_id}):
        wake("chat messages")
    return more


def _typing(message_id: UUID) -> Event:
    return Event(TYPING, {"message": str(message_id)}, key=f"message {message_id.hex}")


def _note(chat_id: UUID, events: Sequence[Event], now: datetime) -> None:
    _insert(chat_id, _next_number(chat_id, len(events)), events, now)


def _insert(chat_id: UUID, last: int, events: Sequence[Event], now: datetime) -> None:
    """Add events, the last of which gets a number; the chat is locked."""
    if keys := [event.key for event in events if event.key is not None]:
        postgres.delete("web_chat_events", {"chat_id": chat_id, "key": ("IN", keys)})
    first = last - len(events) + 1
    for number, event in enumerate(events, first):
        row = {"chat_id": chat_id, "number": number, "kind": event.kind, "key": event.key}
        postgres.insert(
            "web_chat_events", row | {"data": json.dumps(event.data), "created_at": now}
        )
    if last // PRUNED_EVERY != (first - 1) // PRUNED_EVERY:
        _prune(chat_id)
    wake("chat events")


def _prune(chat_id: UUID) -> None:
    """Delete the oldest events of a chat that has too many."""
    kept = postgres.select(
        "web_chat_events",
        {"chat_id": chat_id},
        "number DESC",
        limit=1,
        offset=MAX_EVENTS,
        columns=["number"],
    )
    if kept:
        postgres.delete(
            "web_chat_events", {"chat_id": chat_id, "number": ("<=", kept[0]["number"])}
        )


def _next_number(chat_id: UUID, amount: int = 1) -> int:
    """Count on in a chat, and lock it until the transaction ends. Raises NotFound: it is gone."""
    columns = web_chats.c
    counted = sa.update(web_chats).where(columns.id == chat_id)
    with transaction(savepoint=False) as connection:
        counted = counted.values(last_number=columns.last_number + amount)
        if not connection.execute(counted).rowcount:
            raise NotFound
        query = sa.select(columns.last_number).where(columns.id == chat_id)
        return int(connection.execute(query).scalar_one())


def _sealer() -> "Fernet":
    from cryptography.fernet import Fernet  # here, for the scheduler needs it for nothing

    key = get_settings().service_key.get_secret_value().encode()
    return Fernet(base64.urlsafe_b64encode(hmac.digest(key, b"waiting messages", "sha256")))


def _opened(sealed: str) -> dict[str, Any] | None:
    from cryptography.fernet import InvalidToken

    try:
        content: dict[str, Any] = json.loads(_sealer().decrypt(sealed.encode()))
    except (InvalidToken, ValueError):
        return None
    return content
