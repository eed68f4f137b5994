"""Which chat accounts speak for which users."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, tuple_, update

from core import postgres
from core.agents import memory
from core.agents.tables import ChatAddress
from core.db.compiled import Row
from core.db.engine import transaction
from core.tables import chat_accounts, identities, users
from runtime.clock import utc_now


def link(user_uuid: UUID, platform: str, agent: str, account_id: str) -> Row:
    """Log a user in at a chat address, and whoever else was logged in there out; return the row."""
    address = ChatAddress(platform, agent, account_id)._asdict()
    with transaction():
        postgres.update("chat_accounts", {"logged_in": False}, address)
        memory.adopt(user_uuid, platform, account_id)
        return postgres.upsert(
            "chat_accounts",
            {**address, "user_uuid": user_uuid, "logged_in": True, "last_used_at": utc_now()},
            [*address, "user_uuid"],
        )


def find_users(addresses: Sequence[ChatAddress]) -> dict[ChatAddress, Row]:
    """Return the users who are logged in at these addresses, by address.

    Their rows also have `chat_id` and `chat_blocked_at`, the chat's own.
    """
    columns = chat_accounts.c
    address = [columns[name] for name in ChatAddress._fields]
    query = (
        select(
            *address,
            columns.id.label("chat_id"),
            columns.blocked_at.label("chat_blocked_at"),
            users,
        )
        .join(users, users.c.id == columns.user_uuid)
        .where(columns.logged_in, tuple_(*address).in_(addresses))
    )
    with transaction(read_only=True) as connection:
        rows = connection.execute(query).mappings().all()
    return {ChatAddress(*(row[name] for name in ChatAddress._fields)): dict(row) for row in rows}


def unlink(platform: str, agent: str, account_id: str) -> bool:
    """Log out whoever is logged in at a chat address; False where nobody is.

    The row stays: reminders that were set there still arrive there.
    """
    return bool(
        postgres.update(
            "chat_accounts",
            {"logged_in": False},
            {**ChatAddress(platform, agent, account_id)._asdict(), "logged_in": True},
        )
    )


def log_out_all(user_uuid: UUID, keep: UUID | None = None) -> None:
    """Log a user out of every chat but one, and end what other accounts were linked to them."""
    columns = chat_accounts.c
    others = update(chat_accounts).where(columns.user_uuid == user_uuid, columns.logged_in)
    if keep is not None:
        others = others.where(columns.id != keep)
    linked = update(identities).where(identities.c.linked_uuid == user_uuid)
    if keep is not None:
        here = select(columns.platform, columns.account_id).where(columns.id == keep)
        account = tuple_(identities.c.platform, identities.c.account_id)
        linked = linked.where(account.not_in(here))
    with transaction() as connection:
        connection.execute(others.values(logged_in=False))
        connection.execute(linked.values(linked_uuid=None))
