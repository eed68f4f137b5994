"""The bot's process as it is measured: with one more kind of agent, whose brain blocks."""

import asyncio
import sys
import time

from pydantic import BaseModel

from bot.bot import run_discord
from bot.brains import AgentConfig, BrainType, Services, load_brains
from bot.messages import Incoming, Outlet
from config.start import start


class Nothing(BaseModel):
    """No settings."""


class Blocking:
    """Answers when it has kept its thread to itself for as many seconds as it is told."""

    def __init__(self, config: AgentConfig[Nothing], services: Services) -> None:
        pass

    async def handle(self, incoming: Incoming, outlet: Outlet) -> None:
        """Sleep without giving way to anybody."""
        time.sleep(float(incoming.text))  # noqa: ASYNC251 - that is what is measured
        await outlet.send("done")

    async def close(self) -> None:
        """Do nothing."""


BLOCKING = BrainType("blocking", "Blocks.", Nothing, Blocking)

if __name__ == "__main__":
    kinds = load_brains() | {BLOCKING.name: BLOCKING}
    sys.exit(asyncio.run(run_discord(start(), kinds)))
