"""Runs an agent in a thread of its own; it can be replaced between two messages."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar
from uuid import uuid4

from bot import metrics
from bot.agent import Agent, Services
from bot.framework.raw_handlers import Loop, do_in
from bot.messages import Address, Button, Draft, Incoming, ReplyChannel
from bot.runtime.inbox import Inbox
from bot.runtime.supervisor import AgentRefused
from runtime.logs import agent, request_id, where_raised

logger = logging.getLogger(__name__)

MAKING_SECONDS = 30.0
"""How long an agent may take to be made."""
ENDING_SECONDS = 2.0
"""How long one that is given up is waited for; one that blocks is left to itself."""
AT_ONCE = 10
"""Messages handed to an agent in one turn of the loop: between turns the gateway's heart beats."""

Result = TypeVar("Result")


class AgentThread:
    """One agent object and the thread that it works in."""

    def __init__(self, name: str) -> None:
        self._home = asyncio.get_running_loop()
        self._loop: Future[Loop] = Future()
        self._door = asyncio.Semaphore(AT_ONCE)
        # An agent that never comes back must not keep the program from ending.
        self._agent: Agent | None = None
        self._thread = threading.Thread(target=self._work, name=f"agent {name}", daemon=True)
        self._thread.start()

    @property
    def agent(self) -> Agent:
        """The agent itself, for what can be read off it from any thread."""
        assert self._agent is not None  # noqa: S101 - it is opened before it is used
        return self._agent

    async def open(self, make: Callable[[Services], Agent], services: Services) -> None:
        """Make the agent. Raises what `make` raises, and TimeoutError where that takes too long.

        One that is made after all is closed at once.
        """
        self._api = services.api.another()

        async def work() -> None:
            its_own = replace(services, api=self._api)
            agent = make(its_own)
            if not isinstance(agent, Agent):
                raise AgentRefused(
                    f"its class {type(agent).__name__} is no subclass of bot.agent.Agent"
                )
            self._agent = agent
            self._inbox = Inbox(agent, its_own)

        try:
            async with asyncio.timeout(MAKING_SECONDS):
                await self.do(work())
        except BaseException:
            await asyncio.wait({asyncio.create_task(self.close())}, timeout=ENDING_SECONDS)
            raise

    @property
    def has_ended(self) -> bool:
        """Whether its thread is gone."""
        return not self._thread.is_alive()

    async def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run something in the agent's thread, and wait for the result."""
        return await do_in(await asyncio.wrap_future(self._loop), work)

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Have the agent answer one message."""
        async with self._door:
            await asyncio.sleep(0)
        answering = self._inbox.handle(incoming, ThreadsafeReplyChannel(reply_channel, self._home))
        await do_in(self._loop.result(), answering)

    async def close(self) -> None:
        """Close the agent, if it was made, and end its thread."""
        await self.do(self._end())

    def _work(self) -> None:
        asyncio.run(self._stay())

    async def _stay(self) -> None:
        self._over = asyncio.Event()
        self._loop.set_result(asyncio.get_running_loop())
        await self._over.wait()

    async def _end(self) -> None:
        try:
            if self._agent is not None:
                await self._agent.close()
        finally:
            await self._api.close()
            self._over.set()


class ThreadsafeReplyChannel:
    """The way back to where a message came from, for an agent in another thread."""

    def __init__(self, reply_channel: ReplyChannel, home: Loop) -> None:
        self._reply_channel = reply_channel
        self._home = home

    async def send(self, text: str, buttons: Sequence[Button] = (), question: str = "") -> None:
        """Send one reply."""
        await do_in(self._home, self._reply_channel.send(text, buttons, question))

    def expect_secret(self) -> bool:
        """Hide the person's next message where possible; it only sets a mark."""
        return self._reply_channel.expect_secret()

    @asynccontextmanager
    async def typing(self) -> AsyncIterator[None]:
        """Show that the bot is at work."""
        async with _held(self._reply_channel.typing(), self._home):
            yield

    @asynccontextmanager
    async def draft(self) -> AsyncIterator[Draft]:
        """Write a reply bit by bit."""
        async with _held(self._reply_channel.draft(), self._home) as draft:
            yield ThreadsafeDraft(draft, self._home)


class ThreadsafeDraft:
    """A reply that is being written, for an agent in another thread."""

    def __init__(self, draft: Draft, home: Loop) -> None:
        self._draft = draft
        self._home = home

    async def show(self, text: str) -> None:
        """Show the whole text so far."""
        await do_in(self._home, self._draft.show(text))


@asynccontextmanager
async def _held(there: AbstractAsyncContextManager[Result], home: Loop) -> AsyncIterator[Result]:
    """Open a context in another loop, and close it there with what happened here."""
    entered = await do_in(home, there.__aenter__())
    try:
        yield entered
    except BaseException as error:
        if not await do_in(home, there.__aexit__(type(error), error, error.__traceback__)):
            raise
    else:
        await do_in(home, there.__aexit__(None, None, None))


CLOSING_SECONDS = 2.0
"""How long an agent may take to close; one that blocks can't be ended, and is left."""
TOO_SLOW = f"it was not made within {MAKING_SECONDS:g} s"
STILL_BLOCKED = "it was not made in time, and can't be made again before that has ended"
FAILED = "Something went wrong on my side. Please try again in a moment."


class Place:
    """An agent at work, and how many messages it is answering."""

    def __init__(self, thread: AgentThread) -> None:
        self.thread = thread
        self.under_way = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def retire(self) -> None:
        """Close the agent when it has answered what it began."""
        await self.idle.wait()
        await self.thread.close()


class AgentWorker(Agent):
    """Hands messages to the current agent object; one that fails harms nothing else."""

    def __init__(self, agent: str, services: Services, on_failure: Callable[[str], None]) -> None:
        self._name = agent
        self._services = services
        self._on_failure = on_failure
        self._place: Place | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._failed = False
        self._given_up: AgentThread | None = None  # it was not made in time

    async def take(self, make: Callable[[Services], Agent]) -> None:
        """Install a new agent object; the one before answers what it began, and is closed.

        Raises what `make` raises, and AgentRefused where that takes too long; leaves the one before
        where it was. While one that was given up still blocks its thread, no other is made.
        """
        if self._given_up is not None and not self._given_up.has_ended:
            raise AgentRefused(STILL_BLOCKED)
        self._given_up = thread = AgentThread(self._name)
        try:
            await thread.open(make, self._services)
        except TimeoutError:
            raise AgentRefused(TOO_SLOW) from None
        self._given_up = None
        agent = thread.agent
        self.registry, self.trouble = agent.registry, agent.trouble
        self.takes_images, self.remembers = agent.takes_images, agent.remembers
        self.takes_voice = agent.takes_voice
        self.models = agent.models
        self._failed = False
        self._on_failure(self.trouble)
        before, self._place = self._place, Place(thread)
        logger.debug("the agent %s has been replaced", self._name)
        if before is not None:
            self._retire(before)

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Answer one message: the one catch-all around agents, which may be anybody's code."""
        place = self._at_work()
        began, failed = time.perf_counter(), False
        request_id.set(incoming.message_id or uuid4().hex)
        agent.set(self._name)
        logger.info("a message came in")
        place.under_way += 1
        place.idle.clear()
        try:
            await place.thread.handle(incoming, reply_channel)
        except Exception as error:
            failed = True
            logger.error("the agent %s failed: %s", self._name, where_raised(error))
            self._failed = True
            self._on_failure(f"it failed: {type(error).__name__}")
            await reply_channel.send(FAILED)
        else:
            trouble = place.thread.agent.trouble
            if place is self._place and (self._failed or trouble != self.trouble):
                self._failed, self.trouble = False, trouble
                self._on_failure(trouble)
        finally:
            seconds = time.perf_counter() - began
            metrics.answered(self._name, seconds, failed=failed)
            logger.info("the message was answered in %.0f ms", seconds * 1000)
            place.under_way -= 1
            if not place.under_way:
                place.idle.set()

    async def suggest(
        self, address: Address, key: tuple[str, str], field: str, typed: str
    ) -> list[str]:
        """Return what a person may mean by what they have typed into a command's field."""
        thread = self._at_work().thread
        return await thread.do(thread.agent.suggest(address, key, field, typed))

    async def close(self) -> None:
        """Close the agent and those before it; return when they have ended, or don't end."""
        if self._place is not None:
            self._retire(self._place)
            self._place = None
        if self._retiring:
            _, blocked = await asyncio.wait(self._retiring, timeout=CLOSING_SECONDS)
            if blocked:
                logger.warning("%d threads of %s don't end", len(blocked), self._name)

    def _at_work(self) -> Place:
        assert self._place is not None  # noqa: S101 - it connects after an agent was made
        return self._place

    def _retire(self, place: Place) -> None:
        task = asyncio.create_task(place.retire(), name=f"old agent of {self._name}")
        self._retiring.add(task)
        task.add_done_callback(self._has_retired)

    def _has_retired(self, task: "asyncio.Task[None]") -> None:
        self._retiring.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("the agent %s did not close: %s", self._name, where_raised(error))
