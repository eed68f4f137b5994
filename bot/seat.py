"""Where an agent's brain sits: it can be another one from one message to the next."""

import asyncio
import logging
import time
from collections.abc import Callable
from uuid import uuid4

from bot import metrics
from bot.brains import (
    Brain,
    Commanding,
    Remembering,
    Seeing,
    Services,
    Troubled,
    registry_of,
)
from bot.command_registry import Registry
from bot.messages import Address, Incoming, Outlet
from bot.pool import AgentRefused
from bot.suggestions import Suggesting
from bot.workshop import MAKING_SECONDS, Workshop
from config.logs import agent, request_id, where_raised

logger = logging.getLogger(__name__)

CLOSING_SECONDS = 2.0
"""How long a brain may take to go; one that blocks is left to itself, since it can't be ended."""
TOO_SLOW = f"its brain was not made within {MAKING_SECONDS:g} s"
STILL_BLOCKED = "its brain was not made in time, and can't be made again before that has ended"
FAILED = "Something went wrong on my side. Please try again in a moment."


class Place:
    """A brain at work, and how many messages it is answering."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.under_way = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def retire(self) -> None:
        """Close the brain when it has answered what it began."""
        await self.idle.wait()
        await self.workshop.close()


class Seat:
    """Hands messages to the brain of the moment; a brain that fails harms nothing else."""

    def __init__(self, agent: str, services: Services, on_failure: Callable[[str], None]) -> None:
        self._agent = agent
        self._services = services
        self._on_failure = on_failure
        self._place: Place | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._trouble, self._failed = "", False
        self._given_up: Workshop | None = None  # its brain was not made in time

    async def take(self, make: Callable[[Services], Brain]) -> None:
        """Seat a new brain; the one before answers what it began, and goes.

        Raises what `make` raises, and AgentRefused where that takes too long; leaves the one before
        where it was. While one that was given up still blocks its thread, no other is made.
        """
        if self._given_up is not None and not self._given_up.has_ended:
            raise AgentRefused(STILL_BLOCKED)
        self._given_up = workshop = Workshop(self._agent)
        try:
            await workshop.open(make, self._services)
        except TimeoutError:
            raise AgentRefused(TOO_SLOW) from None
        self._given_up = None
        brain = workshop.brain
        self._trouble = brain.trouble if isinstance(brain, Troubled) else ""
        self._failed = False
        self._on_failure(self._trouble)
        before, self._place = self._place, Place(workshop)
        logger.debug("the agent %s has another brain", self._agent)
        if before is not None:
            self._retire(before)

    async def handle(self, incoming: Incoming, outlet: Outlet) -> None:
        """Answer one message: the one catch-all around brains, which may be anybody's code."""
        place = self._at_work()
        began, failed = time.perf_counter(), False
        request_id.set(incoming.message_id or uuid4().hex)
        agent.set(self._agent)
        logger.info("a message came in")
        place.under_way += 1
        place.idle.clear()
        try:
            await place.workshop.handle(incoming, outlet)
        except Exception as error:
            failed = True
            logger.error("the brain of %s failed: %s", self._agent, where_raised(error))
            self._failed = True
            self._on_failure(f"its brain failed: {type(error).__name__}")
            await outlet.send(FAILED)
        else:
            if self._failed:
                self._failed = False
                self._on_failure(self._trouble)
        finally:
            seconds = time.perf_counter() - began
            metrics.answered(self._agent, seconds, failed=failed)
            logger.info("the message was answered in %.0f ms", seconds * 1000)
            place.under_way -= 1
            if not place.under_way:
                place.idle.set()

    async def find(
        self, address: Address, key: tuple[str, str], field: str, typed: str
    ) -> list[str]:
        """Return what a person may mean by what they have typed into a command's field."""
        workshop = self._at_work().workshop
        if not isinstance(workshop.brain, Commanding):
            return []
        return await workshop.do(workshop.brain.suggestions.find(address, key, field, typed))

    async def close(self) -> None:
        """Close the brain and those before it; return when they are, or don't come to an end."""
        if self._place is not None:
            self._retire(self._place)
            self._place = None
        if self._retiring:
            _, blocked = await asyncio.wait(self._retiring, timeout=CLOSING_SECONDS)
            if blocked:
                logger.warning("%d brains of %s don't end", len(blocked), self._agent)

    @property
    def registry(self) -> Registry:
        """What the brain can do."""
        return registry_of(self._at_work().workshop.brain)

    @property
    def suggestions(self) -> Suggesting:
        """What completes what people type."""
        return self

    @property
    def takes_images(self) -> bool:
        """Whether the brain is to be given pictures."""
        brain = self._at_work().workshop.brain
        return isinstance(brain, Seeing) and brain.takes_images

    @property
    def remembers(self) -> bool:
        """Whether the brain remembers people."""
        brain = self._at_work().workshop.brain
        return isinstance(brain, Remembering) and brain.remembers

    def _at_work(self) -> Place:
        assert self._place is not None  # noqa: S101 - an agent connects when it has a brain
        return self._place

    def _retire(self, place: Place) -> None:
        task = asyncio.create_task(place.retire(), name=f"old brain of {self._agent}")
        self._retiring.add(task)
        task.add_done_callback(self._has_retired)

    def _has_retired(self, task: "asyncio.Task[None]") -> None:
        self._retiring.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("the brain of %s did not close: %s", self._agent, where_raised(error))
