"""An agent that says again what it is told: no outside service, for trying things out."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bot.agent import Agent, AgentConfig, AgentType, Services
from bot.markdown import escape
from bot.messages import Incoming, ReplyChannel

SILENCE = "..."


class EchoSettings(BaseModel):
    """What stands around the words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: Annotated[str, Field(max_length=200, description="Said before the words.")] = ""
    suffix: Annotated[str, Field(max_length=200, description="Said after the words.")] = ""


class Echo(Agent):
    """Answers every message with itself."""

    def __init__(self, config: AgentConfig[EchoSettings], services: Services) -> None:
        self._settings = config.settings

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Say the words again; what the person wrote is shown letter by letter."""
        around, said = self._settings, incoming.text.strip() or SILENCE
        await reply_channel.send(f"{around.prefix}{escape(said)}{around.suffix}")


AGENT_TYPE = AgentType("echo", "Says again what it is told.", EchoSettings, Echo)
