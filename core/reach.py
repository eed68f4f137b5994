"""Where a user can be reached: the chats they write from, the channels they switched on."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, select

from core.notifications import DISCORD_WEBHOOK, NTFY
from core.tables import chat_accounts, notifications

CHAT = "chat"
Address = tuple[str, str]
"""A platform and the agent on it, such as ("discord", "default")."""
Way = tuple[str, UUID | None]
"""A channel and, where it is the chat, the chat account."""


def at(address: Address) -> ColumnElement[bool]:
    """Match the chat accounts at an address."""
    platform, agent = address
    return and_(chat_accounts.c.platform == platform, chat_accounts.c.agent == agent)


def not_taken() -> ColumnElement[bool]:
    """Match a chat where no other user is logged in: one user's reminders are not another's."""
    other = chat_accounts.alias()
    return ~(
        select(other.c.id)
        .where(
            other.c.platform == chat_accounts.c.platform,
            other.c.agent == chat_accounts.c.agent,
            other.c.account_id == chat_accounts.c.account_id,
            other.c.user_uuid != chat_accounts.c.user_uuid,
            other.c.logged_in,
        )
        .exists()
    )


class Ways:
    """The ways to some users, read once."""

    def __init__(self, connection: Connection, users: Collection[UUID]) -> None:
        found = connection.execute(
            select(chat_accounts)
            .where(chat_accounts.c.user_uuid.in_(users), not_taken())
            .order_by(chat_accounts.c.last_used_at.desc())
        )
        self._chats = found.mappings().all()
        self._channels = _switched_on(connection, users)

    def to(self, user_uuid: UUID, came_from: UUID | None) -> list[Way]:
        """Return a user's channels, and one chat: where the order came from, else the latest."""
        own = [chat for chat in self._chats if chat["user_uuid"] == user_uuid]
        chats = [chat["id"] for chat in own if chat["id"] == came_from]
        chats += [chat["id"] for chat in own if chat["logged_in"]]
        return [(CHAT, chat) for chat in chats[:1]] + [
            (channel, None) for channel in self._channels.get(user_uuid, {})
        ]


def targets(connection: Connection, rows: Sequence[RowMapping]) -> list[str | None]:
    """Return each delivery's account, webhook or topic; None where it has been removed."""
    accounts = connection.execute(
        select(chat_accounts.c.id, chat_accounts.c.account_id).where(
            chat_accounts.c.id.in_({row["chat_account_id"] for row in rows} - {None})
        )
    )
    chats: dict[UUID, str] = {row.id: row.account_id for row in accounts}
    channels = _switched_on(connection, {row["user_uuid"] for row in rows})
    return [
        chats.get(row["chat_account_id"])
        if row["channel"] == CHAT
        else channels.get(row["user_uuid"], {}).get(row["channel"])
        for row in rows
    ]


def _switched_on(
    connection: Connection, users: Collection[UUID]
) -> Mapping[UUID, Mapping[str, str]]:
    """Return the channels that users have switched on, with where they lead."""
    rows = connection.execute(select(notifications).where(notifications.c.user_uuid.in_(users)))
    return {row["user_uuid"]: _channels(row) for row in rows.mappings()}


def _channels(row: RowMapping) -> dict[str, str]:
    found = {}
    if row["discord_enabled"] and row["discord_webhook"]:
        found[DISCORD_WEBHOOK] = row["discord_webhook"]
    if row["ntfy_enabled"] and row["ntfy_topic"]:
        found[NTFY] = row["ntfy_topic"]
    return found
