"""The agents of this process: each one a supervised task that can't harm another."""

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Protocol

logger = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
REFUSED_PAUSE = 60.0
"""Pauses in seconds between two starts of an agent. They double from the first to the longest.

An agent that was refused needs a person first; Discord resets a token that identifies itself more
than 1,000 times a day."""
HEALTHY_SECONDS = 60.0
"""An agent that ran this long starts again with the first pause."""


class AgentRefused(Exception):
    """The agent can't work before someone sets something right; the message says what and where."""


class Agent(Protocol):
    """One bot: connects, answers, and can be started again after it has failed."""

    @property
    def name(self) -> str:
        """What the agent is called in the log."""
        ...

    async def run(self) -> None:
        """Work until cancelled; raise where that is no longer possible."""
        ...

    async def finish(self) -> None:
        """Take nothing new, and return when everything under way is done."""
        ...


class Pool:
    """Runs agents, and starts anew those that fail."""

    def __init__(self, agents: Sequence[Agent], shutdown_timeout: float) -> None:
        self._agents = agents
        self._shutdown_timeout = shutdown_timeout

    async def run(self, stop: asyncio.Event) -> None:
        """Run every agent until `stop` is set; then let them finish, within the time-out."""
        tasks = [
            asyncio.create_task(supervise(agent), name=f"agent {agent.name}")
            for agent in self._agents
        ]
        try:
            await stop.wait()
            async with asyncio.timeout(self._shutdown_timeout):
                await asyncio.gather(*(agent.finish() for agent in self._agents))
        except TimeoutError:
            logger.warning("answers under way were given up after %g s", self._shutdown_timeout)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def supervise(agent: Agent) -> None:
    """Run one agent for ever, with growing pauses between its failures."""
    failures = 0
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        shortest = 0.0
        try:
            await agent.run()
            logger.warning("the agent %s lost its connection", agent.name)
        except AgentRefused as error:
            logger.error("the agent %s can't start: %s", agent.name, error)
            shortest = REFUSED_PAUSE
        except OSError as error:
            logger.warning("the agent %s can't connect: %s", agent.name, type(error).__name__)
        except Exception:
            logger.exception("the agent %s crashed", agent.name)
        failures = 1 if loop.time() - began > HEALTHY_SECONDS else failures + 1
        pause = max(shortest, min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE))
        pause *= random.uniform(1, 1.25)  # noqa: S311 - so that agents don't start in step
        logger.info("the agent %s starts again in %.0f s", agent.name, pause)
        await asyncio.sleep(pause)
