"""Whether the event loop turns: what the health check of the bot's process asks."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from runtime.metrics import heartbeat

BEAT_SECONDS = 1.0
MAX_PAUSE = 20.0
"""Seconds after which the loop counts as stuck. Discord drops a bot whose heartbeat, sent about
every 41 s, does not come; a restart should have begun by then."""


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Show for the length of the context that the event loop turns."""
    with heartbeat("bot", MAX_PAUSE) as watched:

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


STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def until_signalled(stop: asyncio.Event) -> Iterator[None]:
    """Set `stop` at the first signal, and end the process at the second."""
    loop = asyncio.get_running_loop()

    def handle(number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        loop.call_soon_threadsafe(stop.set)

    before = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
