"""Which chat accounts speak for which users."""

from typing import Any
from uuid import UUID

from sqlalchemy import update

from config.clock import utc_now
from core import memory, postgres
from core.database import transaction
from core.tables import chat_accounts

Row = dict[str, Any]

ADDRESS = ("platform", "agent", "account_id")


def link(user_uuid: UUID, platform: str, agent: str, account_id: str) -> Row:
    """Log a user in at a chat address, and whoever else was logged in there out; return the row."""
    address = {"platform": platform, "agent": agent, "account_id": account_id}
    with transaction():
        postgres.update("chat_accounts", {"logged_in": False}, address)
        memory.adopt(user_uuid, platform, account_id)
        return postgres.upsert(
            "chat_accounts",
            {**address, "user_uuid": user_uuid, "logged_in": True, "last_used_at": utc_now()},
            [*ADDRESS, "user_uuid"],
        )


def find(platform: str, agent: str, account_id: str) -> Row | None:
    """Return the row of the user who is logged in at a chat address, or None."""
    return postgres.select_one(
        "chat_accounts",
        {"platform": platform, "agent": agent, "account_id": account_id, "logged_in": True},
    )


def unlink(platform: str, agent: str, account_id: str) -> bool:
    """Log out whoever is logged in at a chat address; False where nobody is.

    The row stays: reminders that were set there still arrive there.
    """
    return bool(
        postgres.update(
            "chat_accounts",
            {"logged_in": False},
            {"platform": platform, "agent": agent, "account_id": account_id, "logged_in": True},
        )
    )


def log_out_all(user_uuid: UUID, keep: UUID | None = None) -> None:
    """Log a user out of every chat but one."""
    columns = chat_accounts.c
    others = update(chat_accounts).where(columns.user_uuid == user_uuid, columns.logged_in)
    if keep is not None:
        others = others.where(columns.id != keep)
    with transaction() as connection:
        connection.execute(others.values(logged_in=False))
