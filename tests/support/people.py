"""Users, their chats and what is due to them, as rows that tests start from."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from core import notifications
from core.db.notify import wake
from core.deliveries.routing import SCHEDULER, bot_at
from core.postgres import insert, select, select_one

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
DISCORD = ("discord", "default")
CONSOLE = ("console", "default")


def user(name: str | None = None, **columns: object) -> UUID:
    """Make a user who can't log in, and return the id."""
    row = {"username": name or f"user-{uuid4().hex}", "password_hashed": b"-", **columns}
    found: UUID = insert("users", row)["id"]
    return found


def chat(
    user_uuid: UUID,
    account_id: str = "100",
    address: tuple[str, str] = DISCORD,
    *,
    logged_in: bool = True,
    last_used_at: datetime = NOW,
) -> UUID:
    """Link a user to a chat, and return the link's id."""
    platform, agent = address
    row = {
        "user_uuid": user_uuid,
        "platform": platform,
        "agent": agent,
        "account_id": account_id,
        "logged_in": logged_in,
        "last_used_at": last_used_at,
    }
    found: UUID = insert("chat_accounts", row)["id"]
    return found


def channels(user_uuid: UUID, webhook: str | None = None, topic: str | None = None) -> None:
    """Switch a user's webhook and ntfy topic on."""
    notifications.set_notification_settings(
        user_uuid,
        {
            "discord_webhook": webhook,
            "discord_enabled": webhook is not None,
            "ntfy_topic": topic,
            "ntfy_enabled": topic is not None,
        },
    )


def waiting(user_uuid: UUID, channel: str = "ntfy", **columns: object) -> UUID:
    """Make a delivery that is due at NOW, and return its id."""
    home = columns.get("chat_account_id")
    account = select_one("chat_accounts", {"id": home}) if home else None
    row = {
        "sender": bot_at((account["platform"], account["agent"])) if account else SCHEDULER,
        "user_uuid": user_uuid,
        "channel": channel,
        "text": "Reminder: tea",
        "due_at": NOW,
        "next_attempt_at": NOW,
        **columns,
    }
    found: UUID = insert("deliveries", row)["id"]
    wake("deliveries")
    return found


def deliveries(**where: object) -> list[dict[str, Any]]:
    """Return what is in the outbox, by channel."""
    return select("deliveries", where, order_by="channel")


def later(seconds: float) -> datetime:
    """Return NOW and some seconds."""
    return NOW + timedelta(seconds=seconds)
