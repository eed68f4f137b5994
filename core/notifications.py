"""The channels beside the chat: Discord webhooks and ntfy, and who has switched them on.

A webhook's address and a topic are secrets, for whoever knows them can write there: neither they
nor a message's text ever reach a log line or an error.
"""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

import httpx2

from config.settings import get_settings
from core.errors import InvalidInput
from core.postgres import exists, select, select_one, update, upsert

DISCORD_WEBHOOK = "discord_webhook"
NTFY = "ntfy"
TIMEOUT_SECONDS = 10
DISCORD_LENGTH = 2000  # the most characters that Discord takes in one message
# What Discord would not show as it is; addresses stay whole, and can be followed.
MARKDOWN = re.compile(r"(https?://\S+)|([\\*_~`|<\[\]]|^[#>+-])", re.MULTILINE)
GONE_WEBHOOK = (401, 403, 404, 410)
GONE_TOPIC = (403,)  # someone else's; 401 and 404 are about the server and its token
TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
SETTABLE = ("discord_webhook", "discord_enabled", "ntfy_topic", "ntfy_enabled")


@dataclass(frozen=True)
class Outcome:
    """How sending went: sent, to be tried again (`retry_after` in seconds), or failed for good.

    `off`: nothing will ever arrive there, so that the channel is turned off.
    """

    state: Literal["sent", "retry", "failed"]
    error: str | None = None
    retry_after: float | None = None
    off: bool = False


class Channel(Protocol):
    """A way to reach a user."""

    def deliver(self, target: str, text: str, client: httpx2.Client) -> Outcome:
        """Send one message of plain text."""
        ...


class DiscordWebhook:
    """Messages to a Discord channel, through its webhook."""

    def send(self, webhook_url: str, message: str) -> bool:
        """Send Markdown of any length; return whether Discord took it. Mentions are inert."""
        with new_client() as client:
            return self._send(webhook_url, message, client).state == "sent"

    def deliver(self, target: str, text: str, client: httpx2.Client) -> Outcome:
        """Send plain text, every character of it shown as it is."""
        return self._send(target, _escape(text), client)

    def _send(self, url: str, text: str, client: httpx2.Client) -> Outcome:
        """Send a text in as many parts as it needs; the first that is refused ends it."""
        if not url.startswith(get_settings().discord_webhook_base_url):
            return Outcome("failed", "the address is not a Discord webhook's")
        outcome = Outcome("failed", "the message is empty")
        for part in _parts(text):
            body = {"content": part, "allowed_mentions": {"parse": []}}
            outcome = _post(client, url, GONE_WEBHOOK, json=body)
            if outcome.state != "sent":
                break
        return outcome


class Ntfy:
    """Messages to a topic of the ntfy server in the settings."""

    def send(self, topic: str, message: str) -> bool:
        """Send a message; return whether the server took it."""
        with new_client() as client:
            return self.deliver(topic, message, client).state == "sent"

    def deliver(self, target: str, text: str, client: httpx2.Client) -> Outcome:
        """Send a message as the body of one request."""
        if not TOPIC.fullmatch(target):
            return Outcome("failed", "the topic is not one that ntfy takes")
        server = get_settings().ntfy_base_url.rstrip("/")
        token = get_settings().ntfy_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        url = f"{server}/{target}"
        return _post(client, url, GONE_TOPIC, content=text.encode(), headers=headers)


NAMES = {DISCORD_WEBHOOK: "your Discord webhook", NTFY: "your ntfy topic"}
discord = DiscordWebhook()
ntfy = Ntfy()
CHANNELS: Mapping[str, Channel] = {DISCORD_WEBHOOK: discord, NTFY: ntfy}


def name_of(channel: str) -> str:
    """Return what users call a channel of theirs."""
    return NAMES.get(channel, f"your {channel} address")


def new_client() -> httpx2.Client:
    """Return a client for `deliver`, to be closed by the caller. It follows no redirect."""
    return httpx2.Client(timeout=TIMEOUT_SECONDS)


def deliver(channel: str, target: str, text: str, client: httpx2.Client) -> Outcome:
    """Send plain text through one of CHANNELS."""
    return CHANNELS[channel].deliver(target, text, client)


def get_notification_settings(userUUID: UUID | str) -> dict[str, Any] | Literal[False]:  # noqa: N803
    """Return a user's notification settings, or False where there are none."""
    return select_one("notifications", {"user_uuid": userUUID}) or False


def set_notification_settings(userUUID: UUID | str, data_dict: Mapping[str, Any]) -> bool:  # noqa: N803
    """Set some of a user's notification settings; return False where there is no such user.

    Raises InvalidInput for a name that is not among SETTABLE, or for none at all.
    """
    unknown = sorted(set(data_dict) - set(SETTABLE))
    if unknown or not data_dict:
        problem = (
            f"no such notification setting: {', '.join(unknown)}" if unknown else "nothing to set"
        )
        raise InvalidInput(f"{problem}; there are {', '.join(SETTABLE)}")
    if not exists("users", {"id": userUUID}):
        return False
    upsert("notifications", {"user_uuid": userUUID, **data_dict}, ["user_uuid"])
    return True


def record_results(people: Collection[UUID], sent: bool, now: datetime) -> None:
    """Write down, for the users to see, whether their last message went out.

    Where another sender is writing it down at this moment, that will do: nobody waits.
    """
    if not people:
        return
    changes: dict[str, Any] = {"current_notification_status": "active" if sent else "failed"}
    if sent:
        changes["last_message_sent"] = now
    where = {"user_uuid": ("IN", list(people))}
    free = select("notifications", where, columns=["user_uuid"], lock="skip locked")
    if free:
        update("notifications", changes, {"user_uuid": ("IN", [row["user_uuid"] for row in free])})


def _send_to_enabled_channels(settings: Mapping[str, Any], message: str) -> bool:
    """Send a message to every channel that is switched on; return whether one took it."""
    taken = []
    if settings["discord_enabled"] and settings["discord_webhook"]:
        taken.append(discord.send(settings["discord_webhook"], message))
    if settings["ntfy_enabled"] and settings["ntfy_topic"]:
        taken.append(ntfy.send(settings["ntfy_topic"], message))
    return any(taken)


def _post(
    client: httpx2.Client,
    url: str,
    gone: Collection[int],
    **body: Any,  # noqa: ANN401 - httpx's
) -> Outcome:
    """Post, and say what the answer means. The errors name the kind of failure alone.

    gone: the statuses that mean that the address leads nowhere any more.
    """
    try:
        response = client.post(url, **body)
    except httpx2.InvalidURL:
        return Outcome("failed", "the address is not one that can be called")
    except httpx2.TransportError as error:
        return Outcome("retry", f"the receiver can't be reached ({type(error).__name__})")
    status = response.status_code
    if status in (200, 204):
        return Outcome("sent")
    said = f"the receiver answered {status}"
    if status == 429 or status >= 500:
        return Outcome("retry", said, _retry_after(response))
    return Outcome("failed", said, off=status in gone)


def _retry_after(response: httpx2.Response) -> float | None:
    """Return the pause in seconds that the receiver asks for; a date or nonsense counts as none."""
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _escape(text: str) -> str:
    """Return Markdown that shows a plain text letter by letter."""
    return MARKDOWN.sub(lambda found: found[1] or f"\\{found[2]}", text)


def _parts(text: str) -> list[str]:
    """Split a text where Discord's limit falls, at a line or a word where there is one."""
    parts = []
    text = text.strip()
    while len(text) > DISCORD_LENGTH:
        head = text[:DISCORD_LENGTH]
        cut = max(head.rfind("\n"), head.rfind(" "))
        parts.append(text[: cut if cut > 0 else DISCORD_LENGTH])
        text = text[len(parts[-1]) :].lstrip()
    return [*parts, text] if text else parts


getNotificationSettings = get_notification_settings  # noqa: N816
setNotificationSettings = set_notification_settings  # noqa: N816
_sendToEnabledChannels = _send_to_enabled_channels  # noqa: N816
