"""Time in tests: a clock that stands still, and waiting for what no event tells of."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ai.times.resolve import resolve

NOW = datetime(2030, 3, 4, 12, 0, tzinfo=UTC)  # a Monday
PATIENCE = 20  # seconds, so that a test ends where what it waits for never comes


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move_to(self, words: str, zone: str = "UTC") -> None:
        """Go to a time in the future, in a person's words."""
        self.now = resolve(words, ZoneInfo(zone), self.now)

    def forward(self, **by: float) -> None:
        """Go on by some minutes, hours, ..."""
        self.now += timedelta(**by)


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for it in a thread. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come true within {seconds} s")
        time.sleep(0.02)


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for it in a loop. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
