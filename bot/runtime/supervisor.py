"""The agents of this process: each one a supervised task that can't harm another."""

import asyncio
import logging
import random
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import TypeAdapter

from bot.agent import Agent
from bot.runtime.deliveries import Send
from runtime.clock import Clock, growing_pause, utc_now
from runtime.logs import where_raised

logger = logging.getLogger(__name__)

WAS_THERE = frozenset({"online", "reconnecting"})

FIRST_PAUSE = 1.0
MAX_PAUSE = 300.0
REFUSED_PAUSE = 60.0
"""Pauses in seconds between two starts of an agent. They double from the first to the longest.

An agent that was refused needs a person first; Discord resets a token that identifies itself more
than 1,000 times a day."""
HEALTHY_SECONDS = 60.0
"""An agent that ran this long starts again with the first pause."""

State = Literal["starting", "online", "reconnecting", "waiting", "refused", "stopping"]


class AgentRefused(Exception):
    """The agent can't work before someone sets something right; the message says what and where.

    `retry_after` is when it is worth another try at the earliest, in seconds.
    """

    def __init__(self, message: str, retry_after: float = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConnectionLost(Exception):
    """The agent can't connect, or is no longer connected; the message says why, with no secrets."""


class Status:
    """How an agent is doing; what has been overcome no longer counts as an error."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self.state: State = "starting"
        self.since: datetime = clock()
        self._connection: str | None = None  # why it is not online
        self._complaint: str | None = None  # what else is wrong
        self.guilds: int | None = None
        self.latency_ms: float | None = None

    @property
    def error(self) -> str | None:
        """What is wrong at the moment."""
        return self._connection or self._complaint

    def become(self, state: State, error: str | None = None) -> bool:
        """Note what it does now, and why where that is no good news; say whether that is new."""
        before = self.state
        if state != before:
            self.state, self.since = state, self._clock()
        if error is not None or state == "online":
            self._connection = error
        return state != before

    def complain(self, error: str) -> None:
        """Note what went wrong, in a sentence without anything that a person wrote; "": nothing."""
        self._complaint = error or None


@dataclass(frozen=True)
class DesiredAgent:
    """What is wanted of an agent, as the API says it; nothing of it is checked yet."""

    name: str
    type: str
    token: str  # sealed, or env:NAME
    answers: dict[str, Any]
    settings: dict[str, Any]
    revision: int = 0
    created_at: str = ""

    @classmethod
    def read(cls, told: object) -> "DesiredAgent":
        """Take in what the API says, which may be newer and say more. Raises pydantic's errors."""
        return _DESIRED.validate_python(told)


_DESIRED = TypeAdapter(DesiredAgent)


class RunningAgent(Protocol):
    """One agent, from when it is first wanted until it is no longer."""

    status: Status
    revision: int | None  # of the definition that it runs with

    @property
    def can_send(self) -> bool:
        """Whether it can bring messages to people, connected or not."""
        ...

    @property
    def worker(self) -> Agent | None:
        """What answers those who write to it elsewhere; None where not everybody may."""
        ...

    def look(self) -> None:
        """Note in the status what changes by itself."""
        ...

    def want(self, desired: DesiredAgent) -> None:
        """Remember what is wanted of it, for `prepare()`."""
        ...

    async def prepare(self) -> bool:
        """Apply what is newly wanted of it; return whether it has to reconnect.

        Raises AgentRefused where that can't be: it goes on as it was, if it was.
        """
        ...

    async def run(self) -> None:
        """Connect and answer until cancelled; raise where that is no longer possible."""
        ...

    async def deliver(self, account_id: str, text: str, subject: str) -> None:
        """Send a text to a person. Raises bot.runtime.deliveries.Undeliverable."""
        ...

    async def finish(self) -> None:
        """Take nothing new, and return when everything under way is done."""
        ...

    async def close(self) -> None:
        """Release all resources."""
        ...


class Supervised:
    """Runs one agent until it is told to stop, and restarts it after each failure."""

    def __init__(self, name: str, agent: RunningAgent, shutdown_timeout: float) -> None:
        self._name = name
        self._agent = agent
        self._shutdown_timeout = shutdown_timeout
        self._news = asyncio.Event()
        self._stop = asyncio.Event()
        self._change_refused = False
        self._told = ""  # in the log, why it is not there
        self._is_news = True
        self._task = asyncio.create_task(self._live(), name=f"agent {name}")

    def changed(self) -> None:
        """Have the agent take in what is newly wanted of it."""
        self._news.set()

    async def stop(self) -> None:
        """Finish what is being answered, within the time-out, and end the agent."""
        if not self._stop.is_set():
            self._stop.set()
            self._agent.status.become("stopping")
            self._news.set()
        await asyncio.wait([self._task])

    async def _live(self) -> None:
        failures = 0
        try:
            while not self._stop.is_set():
                began = asyncio.get_running_loop().time()
                pause = await self._try()
                if pause is None:
                    failures = 0
                    continue
                if asyncio.get_running_loop().time() - began > HEALTHY_SECONDS:
                    failures = 0
                failures += 1
                growing = growing_pause(FIRST_PAUSE, failures - 1, MAX_PAUSE)
                # A random part more, so that agents don't start in step.
                await self._wait(max(pause, growing) * random.uniform(1, 1.25))  # noqa: S311
        finally:
            await self._agent.close()

    async def _try(self) -> float | None:
        """Run the agent once; return the shortest pause in seconds, None where none is needed."""
        status = self._agent.status
        try:
            self._news.clear()
            status.become("starting")
            await self._take_in()
            if not self._stop.is_set():
                await self._run()
        except AgentRefused as error:
            self._tell(logging.ERROR, f"can't start: {error}")
            status.become("refused", str(error))
            return max(REFUSED_PAUSE, error.retry_after)
        except (ConnectionLost, OSError) as error:
            reason = error if isinstance(error, ConnectionLost) else type(error).__name__
            self._tell(logging.WARNING, f"can't connect: {reason}")
            status.become("waiting", f"it can't connect: {reason}")
            return 0
        except Exception as error:
            status.become("waiting", f"it crashed: {type(error).__name__}")
            self._told, self._is_news = "", True
            logger.error("the agent %s crashed: %s", self._name, where_raised(error))
            return 0
        return None

    def _tell(self, level: int, why: str) -> None:
        """Log why it is not there, once an outage."""
        self._is_news = why != self._told or self._agent.status.state in WAS_THERE
        self._told = why
        logger.log(level if self._is_news else logging.DEBUG, "the agent %s %s", self._name, why)

    async def _run(self) -> None:
        """Run the agent until it ends, is stopped, or has to reconnect."""
        running = asyncio.create_task(self._agent.run())
        try:
            while not await self._has_ended(running):
                self._news.clear()
                if await self._take_in() or self._stop.is_set():
                    await self._finish()
                    return
        finally:
            running.cancel()
            await asyncio.wait([running])
        running.result()
        raise ConnectionLost("Discord has ended the connection")

    async def _has_ended(self, running: "asyncio.Task[None]") -> bool:
        """Wait for the end of the agent's run, or for news; say whether it was the former."""
        news = asyncio.create_task(self._news.wait())
        try:
            await asyncio.wait([running, news], return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        return running.done()

    async def _take_in(self) -> bool:
        """Have the agent take in what is wanted; return whether it has to reconnect for that.

        One that can't goes on with what it took in before, where there is something. To stop it
        does not wait for that: its constructor may block.
        """
        if self._stop.is_set():
            return False
        preparing = asyncio.create_task(self._agent.prepare())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([preparing, stopped], return_when=asyncio.FIRST_COMPLETED)
            starts_new = preparing.done() and preparing.result()
            if self._change_refused and preparing.done():
                self._change_refused = False
                self._agent.status.complain("")
            return starts_new
        except AgentRefused as error:
            if self._agent.revision is None:
                raise
            self._change_refused = True
            self._agent.status.complain(f"a change has no effect: {error}")
            logger.error("a change of the agent %s has no effect: %s", self._name, error)
            return False
        finally:
            stopped.cancel()
            preparing.cancel()
            await asyncio.wait([preparing])

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(self._shutdown_timeout):
                await self._agent.finish()
        except TimeoutError:
            logger.warning(
                "the agent %s gave up answers under way after %g s",
                self._name,
                self._shutdown_timeout,
            )

    async def _wait(self, seconds: float) -> None:
        """Wait before the next start, or until there are news."""
        level = logging.INFO if self._is_news else logging.DEBUG
        logger.log(level, "the agent %s starts again in %.0f s", self._name, seconds)
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return


@dataclass
class Member:
    """An agent of the pool."""

    desired: DesiredAgent
    agent: RunningAgent
    supervised: Supervised
    leaving: "asyncio.Task[None] | None" = None


class Pool:
    """The agents that this process has to run, and runs."""

    def __init__(
        self, make: Callable[[DesiredAgent], RunningAgent], shutdown_timeout: float
    ) -> None:
        self._make = make
        self._shutdown_timeout = shutdown_timeout
        self._members: dict[str, Member] = {}

    def apply(
        self, desired_agents: Iterable[DesiredAgent], as_they_are: Collection[str] = ()
    ) -> None:
        """Start, change and stop agents, so that these run and no others.

        Those named in `as_they_are` go on unchanged where they run, and don't start.
        One that is still being stopped has to be asked for again afterwards.
        """
        wanted = {desired.name: desired for desired in desired_agents}
        for name, member in self._members.items():
            if name not in wanted and name not in as_they_are and member.leaving is None:
                logger.info("the agent %s stops", name)
                member.leaving = asyncio.create_task(self._remove(name, member))
        for name, desired in wanted.items():
            known = self._members.get(name)
            if known is None:
                agent = self._make(desired)
                supervised = Supervised(name, agent, self._shutdown_timeout)
                self._members[name] = Member(desired, agent, supervised)
            elif known.leaving is None and known.desired != desired:
                known.desired = desired
                known.agent.want(desired)
                known.supervised.changed()

    def senders(self) -> dict[str, Send]:
        """Return how agents bring messages to people, by name.

        They do so over REST, so one whose gateway connection can't be made goes on.
        """
        return {
            name: member.agent.deliver
            for name, member in self._members.items()
            if member.leaving is None and member.agent.can_send
        }

    def workers(self) -> dict[str, Agent]:
        """Return what answers those who don't write on Discord, by the names of the agents."""
        found = {
            name: member.agent.worker
            for name, member in self._members.items()
            if member.leaving is None
        }
        return {name: worker for name, worker in found.items() if worker is not None}

    def report(self) -> list[dict[str, Any]]:
        """Return how each agent is doing, as the API wants to know it."""
        for member in self._members.values():
            member.agent.look()
        return [
            {
                "name": name,
                "state": member.agent.status.state,
                "since": member.agent.status.since,
                "guilds": member.agent.status.guilds,
                "latency_ms": member.agent.status.latency_ms,
                "error": member.agent.status.error,
                "revision": member.agent.revision,
            }
            for name, member in self._members.items()
        ]

    async def close(self) -> None:
        """Stop every agent, all at the same time."""
        self.apply([])
        leaving = [member.leaving for member in self._members.values() if member.leaving]
        if leaving:
            await asyncio.wait(leaving)

    async def _remove(self, name: str, member: Member) -> None:
        await member.supervised.stop()
        del self._members[name]
