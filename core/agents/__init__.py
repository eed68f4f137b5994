"""Agents: what they are called, what they do, and what may be changed about them.

Every change is checked here, whoever makes it. No function returns a token: a row says where the
token is, `env:NAME` or `sealed`. Only core.agents.leases hands out the sealed token, to the bot.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from config.sealing import REFERENCE, Sealer, SealError
from config.settings import get_settings
from core.agents import memory
from core.agents.leases import ensure_row
from core.agents.tables import agent_leases, agents, bot_processes
from core.agents.validation import check_definition
from core.db.compiled import Row
from core.db.engine import transaction
from core.errors import Conflict, InvalidInput, NotFound
from runtime.clock import utc_now

DEFINED = ("type", "enabled", "answers", "settings", "memory_days")
"""What an agent's owner says of it, besides its name and its token."""
OFF = {"enabled": False}
SEALED = "sealed"
STATUS = ("state", "since", "guilds", "latency_ms", "error", "revision", "holder")


def add(name: str, token: str, definition: Mapping[str, Any]) -> Row:
    """Make an agent of its name, its token or `env:NAME`, and what else is said of it; return it.

    The definition has `type`, and may have the others of DEFINED. Raises InvalidInput for what is
    refused, Conflict where the name or the bot is another agent's.
    """
    whole = checked(name, definition)
    with transaction() as connection:
        if _row(connection, name) is not None:
            raise Conflict(f"There is an agent called {name} already.")
        values = {**whole, "name": name, **_token(connection, name, token)}
        connection.execute(sa.insert(agents).values(values))
        ensure_row(connection, name)
    return find(name)


def edit(
    name: str,
    changes: Mapping[str, Any],
    token: str | None = None,
    *,
    revision: int | None = None,
) -> Row:
    """Change what is named of DEFINED, and the token where one is given; return the agent.

    `answers` and `settings` are replaced as a whole. A change that changes nothing leaves the
    revision as it is. Raises NotFound, InvalidInput, Conflict; that where the agent is no longer at
    the `revision` that the change was made of, too.
    """
    with transaction() as connection:
        row = _row(connection, name, lock=True)
        if row is None:
            raise _absent(name)
        if revision not in (None, row["revision"]):
            raise Conflict(f"{name} was changed by somebody else meanwhile.")
        whole = {**{key: row[key] for key in DEFINED}, **changes}
        if changes != OFF:  # what can't run any more can still be turned off
            whole = checked(name, whole)
        changed = {key: value for key, value in whole.items() if value != row[key]}
        if token is not None and not _same_token(row, token):
            changed |= _token(connection, name, token)
        if changed:
            connection.execute(
                sa.update(agents)
                .where(agents.c.id == row["id"])
                .values(**changed, revision=agents.c.revision + 1, updated_at=utc_now())
            )
    return find(name)


def remove(name: str) -> None:
    """Delete an agent, and all that it remembers. Raises NotFound."""
    with transaction() as connection:
        if not connection.execute(sa.delete(agents).where(agents.c.name == name)).rowcount:
            raise _absent(name)
        memory.forget_agent(name)
        free = agent_leases.c.holder.is_(None)  # another one goes when its holder has stopped
        connection.execute(sa.delete(agent_leases).where(agent_leases.c.agent == name, free))


def reseal() -> int:
    """Seal every token again, with the first key; return how many there are.

    Raises InvalidInput, and changes nothing, where one was sealed with a key that is gone.
    """
    sealer = Sealer(get_settings())
    with transaction() as connection:
        query = sa.select(agents).where(agents.c.token.is_not(None)).order_by(agents.c.name)
        rows = connection.execute(query.with_for_update()).mappings().all()
        for row in rows:
            try:
                token = sealer.open(row["token"])
                values = {
                    "token": sealer.seal(token),
                    "token_fingerprint": sealer.fingerprints(token)[0],
                }
            except SealError as error:
                raise InvalidInput(f"{row['name']}: {error}.") from None
            connection.execute(sa.update(agents).where(agents.c.id == row["id"]).values(values))
    return len(rows)


def find(name: str) -> Row:
    """Return an agent and its status. Raises NotFound."""
    found = _select(agents.c.name == name)
    if not found:
        raise _absent(name)
    return found[0]


def list_all(*, after: str | None = None, limit: int | None = None) -> list[Row]:
    """Return the agents and their status, by name: every one, or those after a name."""
    return _select(sa.true() if after is None else agents.c.name > after, limit)


def _select(condition: sa.ColumnElement[bool], limit: int | None = None) -> list[Row]:
    joined = agents.outerjoin(agent_leases, agent_leases.c.agent == agents.c.name).outerjoin(
        bot_processes, bot_processes.c.process == agent_leases.c.holder
    )
    status = [
        *(agent_leases.c[name].label(f"status_{name}") for name in STATUS),
        bot_processes.c.seen_at.label("status_seen_at"),
    ]
    query = sa.select(agents, *status).select_from(joined).where(condition)
    query = query.order_by(agents.c.name).limit(limit)
    with transaction(read_only=True) as connection:
        return [
            _shown({str(key): value for key, value in row.items()})
            for row in connection.execute(query).mappings()
        ]


def _shown(row: Row) -> Row:
    """Return what everyone may see of an agent: where its token is, not the token."""
    status = {name: row.pop(f"status_{name}") for name in STATUS}
    status["process"] = status.pop("holder")
    seen_at = row.pop("status_seen_at")
    if status["process"] is None:
        status["state"] = "unassigned" if row["enabled"] else "disabled"
    elif utc_now() - seen_at > timedelta(seconds=get_settings().agent_lease_seconds):
        status |= {"state": "lost", "since": seen_at}
    elif not row["enabled"]:
        status["state"] = "stopping"
    else:
        status["state"] = status["state"] or "starting"
    reference = row.pop("token_ref")
    del row["id"], row["token_fingerprint"]
    return {**row, "token": reference or SEALED, "status": status}


def _row(connection: sa.Connection, name: str, lock: bool = False) -> Row | None:
    query = sa.select(agents).where(agents.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return dict(row) if row else None


def _absent(name: str) -> NotFound:
    return NotFound(f"There is no agent called {name}.")


def checked(name: str, definition: Mapping[str, Any]) -> Row:
    """Return a definition with everything that was left out. Raises InvalidInput."""
    if unknown := sorted(set(definition) - set(DEFINED)):
        raise InvalidInput(f"{', '.join(unknown)}: an agent has {', '.join(DEFINED)} and a token.")
    left_out: Row = {"enabled": True, "answers": {}, "settings": {}, "memory_days": None}
    whole = {**left_out, **definition}
    check_definition(name, whole)
    sealer, settings = Sealer(get_settings()), whole["settings"]
    for key, value in settings.items():
        if isinstance(value, str) and value.startswith(REFERENCE):
            try:
                sealer.check_key(value, settings.get("base_url"))
            except SealError as error:
                raise InvalidInput(f"settings.{key}: {error}.") from None
    return whole


def _token(connection: sa.Connection, name: str, given: str) -> Row:
    """Return the columns that keep a token. Raises InvalidInput; Conflict where it is in use."""
    sealer = Sealer(get_settings())
    try:
        given = sealer.check(given)
        refers = given.startswith(REFERENCE)
        sealed = None if refers else sealer.seal(given)
        prints = _fingerprints(sealer, given)
    except SealError as error:
        raise InvalidInput(f"token: {error}.") from None
    others = connection.execute(sa.select(agents).where(agents.c.name != name)).mappings().all()
    for other in others:
        same = other["token_ref"] is not None and other["token_ref"] == given
        theirs = other["token_fingerprint"]
        if theirs is None and other["token_ref"]:
            theirs = next(iter(_fingerprints(sealer, other["token_ref"])), None)
        if same or theirs in prints:
            raise Conflict(
                f"token: the agent {other['name']} has this bot already; every agent needs a bot "
                "of its own."
            )
    return {
        "token": sealed,
        "token_ref": given if refers else None,
        "token_fingerprint": prints[0] if prints else None,
    }


def _fingerprints(sealer: Sealer, given: str) -> list[str]:
    """Return the fingerprints of a token or reference; [] where it can't be looked up here."""
    try:
        return sealer.fingerprints(sealer.open(given) if given.startswith(REFERENCE) else given)
    except SealError:
        return []


def _same_token(row: Row, given: str) -> bool:
    """Tell whether this is the token that the row has, to the letter."""
    given = given.strip()
    if row["token_ref"] or given.startswith(REFERENCE):
        return bool(row["token_ref"] == given)
    try:
        return Sealer(get_settings()).open(row["token"]) == given
    except SealError:
        return False
