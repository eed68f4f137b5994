"""The bot's process as it is measured: with one more agent type, which blocks."""

import asyncio
import sys
import time

from pydantic import BaseModel

from bot.agent import Agent, AgentConfig, AgentType, Services, load_agent_types
from bot.bot import run_discord
from bot.messages import Incoming, ReplyChannel
from runtime.start import start


class Nothing(BaseModel):
    """No settings."""


class Blocking(Agent):
    """Answers when it has kept its thread to itself for as many seconds as it is told."""

    def __init__(self, config: AgentConfig[Nothing], services: Services) -> None:
        pass

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Sleep without giving way to anybody."""
        time.sleep(float(incoming.text))  # noqa: ASYNC251 - that is what is measured
        await reply_channel.send("done")

    async def close(self) -> None:
        """Do nothing."""


BLOCKING = AgentType("blocking", "Blocks.", Nothing, Blocking)

if __name__ == "__main__":
    kinds = load_agent_types() | {BLOCKING.name: BLOCKING}
    sys.exit(asyncio.run(run_discord(start(), kinds)))
