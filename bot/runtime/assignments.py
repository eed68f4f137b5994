"""Which agents this process has to run: asked of the API every second, under a lease.

The API hands each agent to one process at a time. What it has not confirmed for as long as the
lease lasts may be another process's by now: then the agents stay connected and answer nobody, until
the API says whose they are.
"""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from bot.api.client import ApiClient, ApiError
from bot.runtime.supervisor import DesiredAgent, Pool
from config.settings import Settings
from runtime.metrics import heartbeat

logger = logging.getLogger(__name__)

ENVIRONMENT_AGENT = DesiredAgent("default", "commands", "env:DISCORD_BOT_TOKEN", {}, {})
"""The agent that DISCORD_BOT_TOKEN stands for, where the database has none."""
PATIENCE = 5.0  # seconds for one answer, so that one that is lost does not cost the lease
NO_AGENTS = (
    "There is no agent to run yet. Add one with `python manage.py agents add`, or set "
    "DISCORD_BOT_TOKEN in config/.env (README: Discord) and start again."
)


def time_since_start() -> float:
    """Return seconds by a clock that nobody sets and that goes on while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Lease:
    """How long this process may answer for its agents."""

    def __init__(self, now: Callable[[], float] = time_since_start) -> None:
        self.now = now
        self._until = 0.0

    def renew(self, asked_at: float, seconds: float) -> None:
        """Hold it for so long from when it was asked for."""
        self._until = asked_at + seconds

    def holds(self) -> bool:
        """Say whether no other process can have the agents."""
        return self.over_for() < 0

    def over_for(self) -> float:
        """Return for how many seconds it has been over; less than 0 while it holds."""
        return self.now() - self._until


def name_of_process() -> str:
    """Return a name that no other process has, nor this one after a restart."""
    return f"{socket.gethostname()[:64]}:{os.getpid()}:{secrets.token_hex(4)}"


class AssignmentSync:
    """Keeps a pool as the API says."""

    def __init__(self, api: ApiClient, pool: Pool, lease: Lease, settings: Settings) -> None:
        self._api = api
        self._pool = pool
        self._lease = lease
        self._interval = settings.agents_sync_interval
        self._about = {
            "process": name_of_process(),
            "capacity": settings.max_agents,
            "environment": settings.discord_bot_token is not None,
        }
        self._failures = 0
        self._told = False
        self._unreadable: set[str] = set()  # the agents of which the API's last word made no sense

    async def follow(self) -> None:
        """Ask and do what the answer says until cancelled. The API being away ends nothing."""
        with heartbeat("agents", self._interval + 2 * PATIENCE) as watched:
            while True:
                await self._ask()
                watched.beat()
                await asyncio.sleep(self._interval)

    async def leave(self) -> None:
        """Hand the agents back while they finish, and the last when they have stopped."""
        closing = asyncio.create_task(self._pool.close())
        while not closing.done():
            await self._ask(stopping=True)
            await asyncio.wait([closing], timeout=self._interval)
        await self._ask(stopping=True)
        closing.result()

    async def _ask(self, *, stopping: bool = False) -> None:
        asked_at = self._lease.now()
        report = {**self._about, "stopping": stopping, "agents": self._pool.report()}
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._api.service("agents/sync", report)
            if not stopping:
                seconds = float(answer["lease_seconds"])
                self._apply(answer)
        except (ApiError, TimeoutError, LookupError, TypeError, ValueError) as error:
            if not self._failures:
                logger.warning("the API does not say which agents to run: %s", _what(error))
            self._failures += 1
            return
        if self._failures:
            logger.info("the API says again which agents to run")
        self._failures = 0
        if stopping:
            return
        if self._told and (silent := self._lease.over_for()) > 0:
            logger.warning("the agents were silent for %.1f s: nobody knew whose they are", silent)
        self._lease.renew(asked_at, seconds)
        self._told = True

    def _apply(self, answer: dict[str, Any]) -> None:
        """Have the pool run what the API says, which may be older or newer than this process.

        An agent of which something is missing goes on as it is, if it runs. Raises LookupError,
        TypeError or ValueError where the whole answer makes no sense.
        """
        desired_agents, unreadable = [], set()
        for told in answer["agents"]:
            try:
                desired_agents.append(DesiredAgent.read(told))
            except ValidationError as error:
                unreadable.add(str(told["name"]))
                if told["name"] not in self._unreadable:
                    what = ", ".join(str(one["loc"][0]) for one in error.errors())
                    logger.error("of the agent %s the API says no usable %s", told["name"], what)
        self._unreadable = unreadable
        if answer.get("environment"):
            desired_agents.append(ENVIRONMENT_AGENT)
        self._pool.apply(desired_agents, unreadable)
        if not (desired_agents or unreadable or self._told or self._about["environment"]):
            if answer.get("wanted"):
                logger.info("other processes run all agents at the moment")
            else:
                logger.warning(NO_AGENTS)


def _what(error: Exception) -> str:
    match error:
        case ApiError():
            return error.message
        case TimeoutError():
            return "it did not answer in time"
    return f"its answer can't be used ({type(error).__name__})"
