"""The channels beside the chat: Discord webhooks and ntfy, and who has switched them on.

A webhook's address and a topic are secrets, for whoever knows them can write there: neither they
nor a message's text ever reach a log line or an error.
"""

import asyncio
import json
import math
import re
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol
from uuid import UUID

from sqlalchemy import select, update

from config.settings import get_settings
from core.db.engine import transaction
from core.db.types import as_uuid
from core.postgres import exists, select_one, upsert
from core.tables import notifications

if TYPE_CHECKING:  # aiohttp is imported where messages are sent, and nowhere else
    from core.http_posts import Answer, HttpPosts

DISCORD_WEBHOOK = "discord_webhook"
NTFY = "ntfy"
TIMEOUT_SECONDS = 10
DISCORD_LENGTH = 2000  # the most characters that Discord takes in one message
NTFY_BYTES = 4096  # of what is longer, ntfy makes a file: https://docs.ntfy.sh/publish/#limitations
# What Discord would not show as it is; addresses stay whole, and can be followed.
MARKDOWN = re.compile(r"(https?://\S+)|([\\*_~`|<\[\]]|^[#>+-])", re.MULTILINE)
GONE_WEBHOOK = (401, 403, 404, 410)
GONE_TOPIC = (403,)  # someone else's; 401 and 404 are about the server and its token
WEBHOOK_TAIL = re.compile(r"[A-Za-z0-9_/-]{1,300}")  # an id and a token; no dots, query or host
TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
JSON = {"Content-Type": "application/json"}
RECORDED_EVERY = timedelta(seconds=10)
"""How exactly it is kept when a user's last message went out: else each would write it again."""
SETTABLE = (
    *("discord_webhook", "discord_enabled", "ntfy_topic", "ntfy_enabled"),
    *("quiet_from", "quiet_to"),
)


@dataclass(frozen=True)
class Outcome:
    """How sending went: sent, to be tried again (`retry_after` in seconds), or failed for good.

    `off`: nothing will ever arrive there, so that the channel is turned off. `parts_sent`: how many
    parts of a long text have arrived.
    """

    state: Literal["sent", "retry", "failed"]
    error: str | None = None
    retry_after: float | None = None
    off: bool = False
    parts_sent: int = 0


SENT = Outcome("sent")


@dataclass
class Progress:
    """How many parts of a text have arrived: known even where sending the next is cut off.

    `seconds`: how long sending it may take, counted from now.
    """

    parts: int = 0
    seconds: float = math.inf
    began: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Return how long sending the next part may take, in seconds."""
        return min(TIMEOUT_SECONDS, self.began + self.seconds - time.monotonic())


class Channel(Protocol):
    """A way to reach a user."""

    async def deliver(
        self, target: str, text: str, http: "HttpPosts", progress: Progress
    ) -> Outcome:
        """Send one message of plain text, but for the parts that have arrived."""
        ...


class DiscordWebhook:
    """Messages to a Discord channel, through its webhook."""

    def send(self, webhook_url: str, message: str) -> bool:
        """Send Markdown of any length; return whether Discord took it. Mentions are inert."""
        return _at_once(partial(self._send, webhook_url, message))

    async def deliver(
        self, target: str, text: str, http: "HttpPosts", progress: Progress
    ) -> Outcome:
        """Send plain text, every character of it shown as it is."""
        return await self._send(target, _escape(text), http, progress)

    async def _send(self, url: str, text: str, http: "HttpPosts", progress: Progress) -> Outcome:
        if not is_webhook(url):
            return Outcome("failed", "the address is not a Discord webhook's", off=True)

        def post(part: str) -> Awaitable[Outcome]:
            body = json.dumps({"content": part, "allowed_mentions": {"parse": []}}).encode()
            return _post(http, url, GONE_WEBHOOK, body, JSON, progress.left())

        return await _in_turn(split(text, DISCORD_LENGTH), progress, post)


class Ntfy:
    """Messages to a topic of the ntfy server in the settings."""

    def send(self, topic: str, message: str) -> bool:
        """Send a message; return whether the server took it."""
        return _at_once(partial(self.deliver, topic, message))

    async def deliver(
        self, target: str, text: str, http: "HttpPosts", progress: Progress
    ) -> Outcome:
        """Send a message; each part of it is the body of a request."""
        if not TOPIC.fullmatch(target):
            return Outcome("failed", "the topic is not one that ntfy takes", off=True)
        settings = get_settings()
        headers = {}
        if settings.ntfy_token:
            headers["Authorization"] = f"Bearer {settings.ntfy_token.get_secret_value()}"
        url = f"{settings.ntfy_base_url.rstrip('/')}/{target}"

        def post(part: str) -> Awaitable[Outcome]:
            return _post(http, url, GONE_TOPIC, part.encode(), headers, progress.left())

        return await _in_turn(split(text, NTFY_BYTES, in_bytes=True), progress, post)


NAMES = {DISCORD_WEBHOOK: "your Discord webhook", NTFY: "your ntfy topic"}
discord = DiscordWebhook()
ntfy = Ntfy()
CHANNELS: Mapping[str, Channel] = {DISCORD_WEBHOOK: discord, NTFY: ntfy}


def name_of(channel: str) -> str:
    """Return what users call a channel of theirs."""
    return NAMES.get(channel, f"your {channel} address")


def is_webhook(url: str) -> bool:
    """Tell whether an address is a webhook's, on the server in the settings and nowhere else."""
    base = get_settings().discord_webhook_base_url
    return url.startswith(base) and bool(WEBHOOK_TAIL.fullmatch(url.removeprefix(base)))


def get_notification_settings(userUUID: UUID | str) -> dict[str, Any] | Literal[False]:  # noqa: N803
    """Return a user's notification settings, or False where there are none."""
    user_uuid = as_uuid(userUUID)
    return (select_one("notifications", {"user_uuid": user_uuid}) if user_uuid else None) or False


def set_notification_settings(userUUID: UUID | str, data_dict: Mapping[str, Any]) -> bool:  # noqa: N803
    """Set some of a user's notification settings; keys that are not among SETTABLE are ignored.

    Returns False where there is nothing to set, or no such user.
    """
    changes = {name: value for name, value in data_dict.items() if name in SETTABLE}
    user_uuid = as_uuid(userUUID)
    if not changes or user_uuid is None or not exists("users", {"id": user_uuid}):
        return False
    upsert("notifications", {"user_uuid": user_uuid, **changes}, ["user_uuid"])
    return True


def record_results(people: Collection[UUID], sent: bool, now: datetime) -> None:
    """Write down, for the users to see, whether their last message went out.

    Of many messages within RECORDED_EVERY the first is written down. Where another sender is
    writing it down at this moment, that will do: nobody waits.
    """
    if not people:
        return
    changes: dict[str, Any] = {"current_notification_status": "active" if sent else "failed"}
    table = notifications.c
    news = table.current_notification_status.is_distinct_from(
        changes["current_notification_status"]
    )
    if sent:
        changes["last_message_sent"] = now
        before = table.last_message_sent
        news |= before.is_(None) | (before < now - RECORDED_EVERY)
    with transaction(savepoint=False) as connection:
        free = connection.execute(
            select(table.user_uuid)
            .where(table.user_uuid.in_(people), news)
            .with_for_update(skip_locked=True)
        )
        if found := free.scalars().all():
            connection.execute(
                update(notifications).where(table.user_uuid.in_(found)).values(changes)
            )


def _send_to_enabled_channels(settings: Mapping[str, Any] | Literal[False], message: str) -> bool:
    """Send a message to every channel that is switched on; return whether one took it.

    `settings` is what `get_notification_settings` returns, or a part of such a row.
    """
    row = settings or {}
    taken = []
    if row.get("discord_enabled") and row.get("discord_webhook"):
        taken.append(discord.send(row["discord_webhook"], message))
    if row.get("ntfy_enabled") and row.get("ntfy_topic"):
        taken.append(ntfy.send(row["ntfy_topic"], message))
    return any(taken)


def _at_once(
    deliver: Callable[["HttpPosts", Progress], Coroutine[Any, Any, Outcome]],
) -> bool:
    """Send by itself, wherever it is called from; return whether it was taken."""
    from core.http_posts import HttpPosts

    async def send() -> Outcome:
        async with HttpPosts() as http:
            return await deliver(http, Progress())

    with ThreadPoolExecutor(1) as own:  # the caller's thread may have an event loop already
        return own.submit(asyncio.run, send()).result().state == "sent"


async def _in_turn(
    parts: Sequence[str], progress: Progress, post: Callable[[str], Awaitable[Outcome]]
) -> Outcome:
    """Send the parts of a text that have not arrived; the first that is refused ends it."""
    if not parts:
        return Outcome("failed", "the message is empty")
    for part in parts[progress.parts :]:
        outcome = await post(part)
        if outcome.state != "sent":
            return outcome
        progress.parts += 1
    return SENT


async def _post(
    http: "HttpPosts",
    url: str,
    gone: Collection[int],
    body: bytes,
    headers: Mapping[str, str],
    seconds: float,
) -> Outcome:
    """Post, and say what the answer means. The errors name the kind of failure alone.

    gone: the statuses that mean that the address leads nowhere any more. No redirect is followed.
    """
    import aiohttp

    try:
        answer = await http.post(url, body, headers, seconds)
    except aiohttp.InvalidURL:
        return Outcome("failed", "the address is not one that can be called")
    except (aiohttp.ClientError, TimeoutError) as error:
        return Outcome("retry", f"the receiver can't be reached ({type(error).__name__})")
    status = answer.status
    if status in (200, 204):
        return SENT
    said = f"the receiver answered {status}"
    if status == 429 or status >= 500:
        return Outcome("retry", said, _retry_after(answer))
    return Outcome("failed", said, off=status in gone)


def _retry_after(answer: "Answer") -> float | None:
    """Return the pause in seconds that the receiver asks for; a date or nonsense counts as none."""
    try:
        seconds = float(answer.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _escape(text: str) -> str:
    """Return Markdown that shows a plain text letter by letter."""
    return MARKDOWN.sub(lambda found: found[1] or f"\\{found[2]}", text)


def split(text: str, limit: int, *, in_bytes: bool = False) -> list[str]:
    """Split a text where a limit falls, at a line or a word where there is one.

    limit: in characters, or in bytes of UTF-8.
    """
    parts = []
    text = text.strip()
    while text:
        head = text.encode()[:limit].decode(errors="ignore") if in_bytes else text[:limit]
        if len(head) < len(text):
            cut = max(head.rfind("\n"), head.rfind(" "))
            head = head[:cut] if cut > 0 else head
        parts.append(head.rstrip())
        text = text[len(head) :].lstrip()
    return parts


getNotificationSettings = get_notification_settings  # noqa: N816
setNotificationSettings = set_notification_settings  # noqa: N816
_sendToEnabledChannels = _send_to_enabled_channels  # noqa: N816
