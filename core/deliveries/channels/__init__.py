"""All ways to send a message: Discord's webhooks, ntfy, and what Apprise adds."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from core.deliveries.channels import apprise
from core.notifications import CHANNELS, Outcome, Progress

if TYPE_CHECKING:
    from core.http_posts import HttpPosts

SEND_SECONDS = 20.0
"""The most that sending one message may take, however slowly its receiver goes about it."""


async def deliver(
    channel: str, target: str, text: str, http: "HttpPosts", parts_sent: int = 0
) -> Outcome:
    """Send plain text through a channel; what comes of it is returned, never raised.

    parts_sent: of a text longer than the service takes at once, how many parts arrived before; the
    outcome says how many have then.
    """
    known, progress = CHANNELS.get(channel), Progress(parts_sent, SEND_SECONDS)
    if known is not None:
        outcome = await known.deliver(target, text, http, progress)
    else:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                outcome = await apprise.deliver(target, text, progress)
        except TimeoutError:
            outcome = Outcome("retry", "the receiver took too long")
    return replace(outcome, parts_sent=progress.parts)
