"""All ways to send a message: Discord's webhooks, ntfy, and what Apprise adds."""

import aiohttp

from core import push
from core.notifications import CHANNELS, Outcome


async def deliver(channel: str, target: str, text: str, http: aiohttp.ClientSession) -> Outcome:
    """Send plain text through a channel; what comes of it is returned, never raised."""
    known = CHANNELS.get(channel)
    if known is not None:
        return await known.deliver(target, text, http)
    return await push.deliver(target, text)
