"""Where a user's notifications go beside the chat, and when they would rather have quiet."""

from datetime import datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID

from apiflask import APIBlueprint, APIFlask
from flask import current_app
from pydantic import AfterValidator, BaseModel, StrictBool, StringConstraints

from api.http.context import time_now
from api.http.security import caller
from api.models import Body, Change, Success, Text, optional
from core.db.engine import transaction
from core.deliveries.channels import apprise
from core.deliveries.quiet_hours import TIME_OF_DAY, zone_of_user
from core.errors import InvalidInput, NotFound
from core.notifications import (
    TOPIC,
    get_notification_settings,
    is_webhook,
    set_notification_settings,
)
from core.postgres import select_one
from core.reminders import cancel_reminder, set_reminder
from core.reminders.digest import DAILY, DIGEST, TITLE
from core.reminders.recurrence import next_time

CHANNELS = (
    ("discord_enabled", "discord_webhook", "Discord webhook"),
    ("ntfy_enabled", "ntfy_topic", "ntfy topic"),
)

TEST = "notifications:test"
TEST_TEXT = "This is a test of your notifications: this channel works."

routes = APIBlueprint("notifications", __name__, url_prefix="/api")


def _topic(name: str) -> str:
    if not TOPIC.fullmatch(name):
        raise ValueError("An ntfy topic is 1 to 64 letters, digits, hyphens and underscores.")
    return name


TimeOfDay = Annotated[str, StringConstraints(pattern=f"^{TIME_OF_DAY.pattern}$")]
"""A time on the user's own clock, such as 07:30."""


class AddressOut(BaseModel):
    """An address of another service. It is a secret: only of which kind it is is told."""

    scheme: str
    enabled: bool


class NotificationsOut(BaseModel):
    """The channels. A webhook's address is a secret: only whether there is one is told."""

    discord_webhook: bool = False
    discord_enabled: bool = False
    ntfy_topic: str | None = None
    ntfy_enabled: bool = False
    quiet_from: str | None = None
    quiet_to: str | None = None
    digest_at: str | None = None
    addresses: list[AddressOut] = []


class NotificationsIn(Change):
    """What to change; null removes. Times of day are on the user's own clock, such as 22:00."""

    discord_webhook: Annotated[str, StringConstraints(max_length=500)] | None = None
    discord_enabled: StrictBool = optional()
    ntfy_topic: Annotated[str, AfterValidator(_topic)] | None = None
    ntfy_enabled: StrictBool = optional()
    quiet_from: TimeOfDay | None = None
    quiet_to: TimeOfDay | None = None
    digest_at: TimeOfDay | None = None


class AddressIn(Body):
    """An address in Apprise's spelling, such as tgram://bot-token/chat-id."""

    url: Text


class AddressChange(Body):
    """Whether messages go to an address."""

    enabled: StrictBool


@routes.get("/notifications")
@routes.output(NotificationsOut)
def show_notifications() -> NotificationsOut:
    """Read your notification channels, your quiet hours and the time of your digest."""
    return _current()


@routes.put("/notifications")
@routes.input(NotificationsIn, arg_name="body")
@routes.output(NotificationsOut)
def change_notifications(body: NotificationsIn) -> NotificationsOut:
    """Change the fields that you send. A channel can be enabled once its address is known."""
    changes = body.given()
    if body.discord_webhook is not None and not is_webhook(body.discord_webhook):
        base = current_app.extensions["settings"].discord_webhook_base_url
        raise InvalidInput(f"The address of a Discord webhook starts with {base}")
    with transaction():
        if "digest_at" in changes:
            _set_digest(changes.pop("digest_at"))
        after = (get_notification_settings(caller().user_uuid) or {}) | changes
        begins, ends = after.get("quiet_from"), after.get("quiet_to")
        if bool(begins) != bool(ends) or (begins and begins == ends):
            raise InvalidInput("Quiet hours have two different ends: quiet_from and quiet_to.")
        for enabled, address, words in CHANNELS:
            if after.get(enabled) and not after.get(address):
                if enabled in changes:
                    raise InvalidInput(f"Set your {words} first.")
                changes[enabled] = False  # its address was removed
        if changes:
            set_notification_settings(caller().user_uuid, changes)
        return _current()


@routes.post("/notifications/test")
@routes.output(Success, 202)
def send_test() -> Success:
    """Send yourself a message, to your chat and every channel that is on, whatever the hour."""
    now = time_now()
    set_reminder(caller().user_uuid, TEST, TEST_TEXT, now, caller().chat_account_id)
    return Success()


@routes.post("/notifications/addresses")
@routes.input(AddressIn, arg_name="body")
@routes.output(AddressOut, 201)
def add_address(body: AddressIn) -> AddressOut:
    """Add an address of another service, in place of one of the same kind."""
    return AddressOut(scheme=apprise.set_address(caller().user_uuid, body.url), enabled=True)


@routes.put("/notifications/addresses/<scheme>")
@routes.input(AddressChange, arg_name="body")
@routes.output(AddressOut)
def switch_address(scheme: str, body: AddressChange) -> AddressOut:
    """Turn an address on or off."""
    if not apprise.switch(caller().user_uuid, scheme, body.enabled):
        raise NotFound(f"You have no address that begins with {scheme!r}.")
    return AddressOut(scheme=scheme, enabled=body.enabled)


@routes.delete("/notifications/addresses/<scheme>")
@routes.output(Success)
def remove_address(scheme: str) -> Success:
    """Forget an address."""
    if not apprise.remove_address(caller().user_uuid, scheme):
        raise NotFound(f"You have no address that begins with {scheme!r}.")
    return Success()


def _current() -> NotificationsOut:
    user_uuid = caller().user_uuid
    row = get_notification_settings(user_uuid) or {}
    known: dict[str, Any] = {
        name: row[name] for name in NotificationsOut.model_fields if name in row
    }
    known["discord_webhook"] = bool(row.get("discord_webhook"))
    known["addresses"] = apprise.addresses_of(user_uuid)
    known["digest_at"] = _digest_at(user_uuid)
    return NotificationsOut(**known)


def _digest_at(user_uuid: UUID) -> str | None:
    row = select_one("reminders", {"user_uuid": user_uuid, "subject": DIGEST})
    return row["starts"][11:16] if row else None


def _set_digest(at: str | None) -> None:
    """Have the digest come each day, from the next such time on; or no longer."""
    user_uuid = caller().user_uuid
    if at is None:
        cancel_reminder(user_uuid, DIGEST)
        return
    now = time_now()
    zone = zone_of_user(user_uuid)
    yesterday = now.astimezone(zone).date() - timedelta(days=1)
    starts = datetime.combine(yesterday, time.fromisoformat(at)).isoformat()
    first = next_time(DAILY, starts, zone, now)
    assert first is not None  # noqa: S101 - for mypy; it comes every day
    home = caller().chat_account_id
    set_reminder(user_uuid, DIGEST, TITLE, first, home, rule=DAILY, starts=starts)


def register(app: APIFlask) -> None:
    """Add the routes below /api/notifications."""
    app.register_blueprint(routes)
