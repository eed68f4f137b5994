"""Whether the event loop turns: what the health check of the bot's process asks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from config.metrics import pulse

BEAT_SECONDS = 1.0
LONGEST_PAUSE = 20.0
"""Seconds after which the loop counts as stuck. Discord drops a bot whose heartbeat, sent about
every 41 s, does not come; a restart should have begun by then."""


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Show for the length of the context that the event loop turns."""
    with pulse("bot", LONGEST_PAUSE) as watched:

        async def beat() -> None:
            while True:
                watched.beat()
                await asyncio.sleep(BEAT_SECONDS)

        task = asyncio.create_task(beat())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
