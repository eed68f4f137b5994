"""When sessions may begin: Discord counts each bot's, and resets the token of one with too many."""

import asyncio
import gc
from typing import TypedDict

from cachetools import LRUCache

from bot.runtime.supervisor import AgentRefused

WINDOW = 6.0
"""Seconds in which a bot begins `max_concurrency` sessions. Discord's documentation ("Session Start
Limit Object") says five; the way there takes now longer, now shorter."""
AT_ONCE = 8
"""Agents that connect at the same time; the others wait their turn."""
BOTS_REMEMBERED = 1000
COLLECT_AFTER = 1.0
"""Seconds from when an agent has connected to the garbage collector's look at everything."""


class Limit(TypedDict):
    """What Discord says of a bot's sessions; `reset_after` is in milliseconds."""

    total: int
    remaining: int
    reset_after: int
    max_concurrency: int


class Starts:
    """Spaces the sessions of all agents of a process, whatever clients they come and go with."""

    def __init__(self) -> None:
        self.turn = asyncio.Semaphore(AT_ONCE)
        self._next: LRUCache[tuple[int, int], float] = LRUCache(BOTS_REMEMBERED)
        self._collection: asyncio.TimerHandle | None = None

    @staticmethod
    def check(limit: Limit, needed: int) -> None:
        """Raise AgentRefused where a bot has fewer sessions left than it needs."""
        if limit["remaining"] < needed:
            wait = limit["reset_after"] / 1000
            raise AgentRefused(
                f"it has connected too often: of {limit['total']} times a day "
                f"{limit['remaining']} are left. Discord allows more in {wait / 60:.0f} minutes.",
                retry_after=wait,
            )

    async def wait(self, bot: int, shard_id: int, max_concurrency: int) -> None:
        """Return when a session of this bot may begin, and count it."""
        key = (bot, shard_id % max_concurrency)
        now = asyncio.get_running_loop().time()
        at = max(now, self._next.get(key, now))
        self._next[key] = at + WINDOW
        await asyncio.sleep(at - now)

    def collect_garbage(self) -> None:
        """Free, once for all agents that connect about now, what their last sessions had in memory.

        discord.py's servers and channels refer to each other, so only the garbage collector can
        free those of a session that ended: for 3,000 servers within 0.1 s, and 20 MB.
        """
        if self._collection is None:
            loop = asyncio.get_running_loop()
            self._collection = loop.call_later(COLLECT_AFTER, self._collect)

    def _collect(self) -> None:
        self._collection = None
        gc.collect()
