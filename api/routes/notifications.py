"""Where a user's notifications go beside the chat: a Discord webhook and an ntfy topic."""

import re
from typing import Annotated

from apiflask import APIBlueprint, APIFlask
from flask import current_app
from pydantic import AfterValidator, BaseModel, StrictBool, StringConstraints

from api.models import Change, optional
from api.security import caller
from core.database import transaction
from core.errors import InvalidInput
from core.notifications import TOPIC, get_notification_settings, set_notification_settings

WEBHOOK_TAIL = re.compile(r"[A-Za-z0-9_/-]{1,300}")  # an id and a token; no dots, query or host

CHANNELS = (
    ("discord_enabled", "discord_webhook", "Discord webhook"),
    ("ntfy_enabled", "ntfy_topic", "ntfy topic"),
)

routes = APIBlueprint("notifications", __name__, url_prefix="/api")


def _topic(name: str) -> str:
    if not TOPIC.fullmatch(name):
        raise ValueError("A topic is 1 to 64 letters, digits, hyphens and underscores.")
    return name


class NotificationsOut(BaseModel):
    """The channels. A webhook's address is a secret: only whether there is one is told."""

    discord_webhook: bool = False
    discord_enabled: bool = False
    ntfy_topic: str | None = None
    ntfy_enabled: bool = False


class NotificationsIn(Change):
    """What to change; null removes."""

    discord_webhook: Annotated[str, StringConstraints(max_length=500)] | None = None
    discord_enabled: StrictBool = optional()
    ntfy_topic: Annotated[str, AfterValidator(_topic)] | None = None
    ntfy_enabled: StrictBool = optional()


@routes.get("/notifications")
@routes.output(NotificationsOut)
def show_notifications() -> NotificationsOut:
    """Read your notification channels."""
    return _current()


def _current() -> NotificationsOut:
    row = get_notification_settings(caller().user_uuid) or {}
    known = {name: row[name] for name in NotificationsOut.model_fields if name in row}
    return NotificationsOut(**known | {"discord_webhook": bool(row.get("discord_webhook"))})


@routes.put("/notifications")
@routes.input(NotificationsIn, arg_name="body")
@routes.output(NotificationsOut)
def change_notifications(body: NotificationsIn) -> NotificationsOut:
    """Change the fields that you send. A channel can be enabled once its address is known."""
    changes = body.given()
    if body.discord_webhook is not None:
        _check_webhook(body.discord_webhook)
    with transaction():
        after = (get_notification_settings(caller().user_uuid) or {}) | changes
        for enabled, address, words in CHANNELS:
            if after.get(enabled) and not after.get(address):
                if enabled in changes:
                    raise InvalidInput(f"Set your {words} first.")
                changes[enabled] = False  # its address was removed
        set_notification_settings(caller().user_uuid, changes)
        return _current()


def _check_webhook(url: str) -> None:
    """Refuse every address that is not a webhook of Discord's: it is called from the inside."""
    base = current_app.extensions["settings"].discord_webhook_base_url
    if not url.startswith(base) or not WEBHOOK_TAIL.fullmatch(url.removeprefix(base)):
        raise InvalidInput(f"The address of a Discord webhook starts with {base}")


def register(app: APIFlask) -> None:
    """Add GET and PUT /api/notifications."""
    app.register_blueprint(routes)
