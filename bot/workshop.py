"""Brains at work: each in a thread of its own, so that one that blocks holds up no other agent.

An agent's connection stays where it is: messages and the way back to them pass between the event
loops. A brain's requests to the API don't, for each pass takes a tenth of a millisecond of the
processor: it has connections of its own.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from bot.brains import Brain, Services
from bot.messages import Button, Draft, Incoming, Outlet
from bot.raw_handlers import Loop, do_in

MAKING_SECONDS = 30.0
"""How long a brain may take to be made."""
ENDING_SECONDS = 2.0
"""How long one that is given up is waited for; one that blocks is left to itself."""
AT_ONCE = 10
"""Messages handed to a brain in one turn of the loop: between turns the gateway's heart beats."""

Result = TypeVar("Result")


class Workshop:
    """One brain and the thread that it works in."""

    def __init__(self, name: str) -> None:
        self._home = asyncio.get_running_loop()
        self._loop: Future[Loop] = Future()
        self._door = asyncio.Semaphore(AT_ONCE)
        # A brain that never comes back must not keep the program from ending.
        self._brain: Brain | None = None
        self._thread = threading.Thread(target=self._work, name=f"brain of {name}", daemon=True)
        self._thread.start()

    @property
    def brain(self) -> Brain:
        """The brain itself, for what can be read off it from any thread."""
        assert self._brain is not None  # noqa: S101 - it is opened before it is used
        return self._brain

    async def open(self, make: Callable[[Services], Brain], services: Services) -> None:
        """Make the brain. Raises what `make` raises, and TimeoutError where that takes too long.

        One that is made after all is closed at once.
        """
        self._api = services.api.another()

        async def work() -> None:
            self._brain = make(replace(services, api=self._api))

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
        """Have the brain's thread do something, and wait for the result."""
        return await do_in(await asyncio.wrap_future(self._loop), work)

    async def handle(self, incoming: Incoming, outlet: Outlet) -> None:
        """Have the brain answer one message."""
        async with self._door:
            await asyncio.sleep(0)
        answering = self.brain.handle(incoming, OutletFromAfar(outlet, self._home))
        await do_in(self._loop.result(), answering)

    async def close(self) -> None:
        """Close the brain, if it was made, and end its thread."""
        await self.do(self._end())

    def _work(self) -> None:
        asyncio.run(self._stay())

    async def _stay(self) -> None:
        self._over = asyncio.Event()
        self._loop.set_result(asyncio.get_running_loop())
        await self._over.wait()

    async def _end(self) -> None:
        try:
            if self._brain is not None:
                await self._brain.close()
        finally:
            await self._api.close()
            self._over.set()


class OutletFromAfar:
    """The way back to where a message came from, for a brain in another thread."""

    def __init__(self, outlet: Outlet, home: Loop) -> None:
        self._outlet = outlet
        self._home = home

    async def send(self, text: str, buttons: Sequence[Button] = (), question: str = "") -> None:
        """Send one reply."""
        await do_in(self._home, self._outlet.send(text, buttons, question))

    def expect_secret(self) -> bool:
        """Hide the person's next message where possible; it only sets a mark."""
        return self._outlet.expect_secret()

    @asynccontextmanager
    async def typing(self) -> AsyncIterator[None]:
        """Show that the bot is at work."""
        async with _held(self._outlet.typing(), self._home):
            yield

    @asynccontextmanager
    async def draft(self) -> AsyncIterator[Draft]:
        """Write a reply bit by bit."""
        async with _held(self._outlet.draft(), self._home) as draft:
            yield DraftFromAfar(draft, self._home)


class DraftFromAfar:
    """A reply that is being written, for a brain in another thread."""

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
