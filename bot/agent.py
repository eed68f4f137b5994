"""Agent types: what an agent is, what it is given, and where its file is found.

A new type is one file in bot/agents/ with a module-level `AGENT_TYPE`:

    class Settings(BaseModel):
        shout: bool = Field(False, description="Answer in capitals.")

    class Parrot(Agent):
        def __init__(self, config: AgentConfig[Settings], services: Services) -> None: ...
        async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None: ...

    AGENT_TYPE = AgentType("parrot", "Says again what it is told.", Settings, Parrot)
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from ai.commands import Catalogue
from bot.api.client import ApiClient
from bot.api.open_secrets import OpenSecrets
from bot.framework.registry import Registry
from bot.messages import Address, Incoming, Place, ReplyChannel
from bot.rules import Rules
from config.broken import file_of, load_folder, using
from config.settings import Settings
from runtime.clock import Clock, utc_now

OfType = TypeVar("OfType", bound=BaseModel)
"""The settings of one agent type."""


class AgentError(Exception):
    """An agent type, or one agent of it, can't be used; the message says why."""


class Agent(ABC):
    """What answers the messages of one agent, of many people in parallel.

    Its attributes are read from any thread, once it is made.
    """

    registry: Registry = Registry(Catalogue())
    """Its commands, offered as slash commands and under reminders; none by default."""
    reads_quotes = False  # can answer a message that is nothing but quoted
    takes_images: bool = False
    """Whether it is given images: whether a message without text is one that it can answer."""
    takes_voice: bool = False
    """Whether voice messages are written out for it, and it can answer them."""
    remembers: bool = False
    """Whether it remembers people, so that "forget me" and /forget mean something to it."""
    models: Sequence[str] = ()
    """The models that people may choose from, by /model."""
    trouble: str = ""
    """What is missing and how to add it, in a sentence; its status shows that too.

    It is looked at again after each message that is answered.
    """
    open_secrets: OpenSecrets | None = None
    """Where it notes that it asks people for secrets; None where it never does."""

    @abstractmethod
    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Answer one message. Raises what the reply channel raises, and nothing else."""

    async def suggest(
        self, address: Address, key: tuple[str, str], field: str, typed: str
    ) -> list[str]:
        """Return names for a field of a command, the likeliest first; none for a stranger."""
        return []

    def waits_for_secret(self, place: Place) -> bool:
        """Say whether the next message there is a secret that it still waits for."""
        return False

    async def give_up(self, place: Place, message_id: str) -> bool:
        """End the answer to a message that reads differently now; say whether it may start again.

        It may not once a command was carried out for it, or where another message is answered.
        """
        return False

    async def drop(self, place: Place) -> str:
        """Give up what is open there; return what is told of orders that were not carried out."""
        return ""

    async def close(self) -> None:  # noqa: B027 - most have nothing open
        """Close what is open; called when no message is being answered any more."""


@dataclass(frozen=True)
class AgentConfig(Generic[OfType]):
    """One agent's definition; `revision` grows with every change."""

    name: str
    type: str
    rules: Rules
    settings: OfType
    revision: int = 0


@dataclass(frozen=True)
class Services:
    """What all agents of a process share."""

    api: ApiClient
    settings: Settings
    clock: Clock = utc_now


@dataclass(frozen=True)
class AgentType(Generic[OfType]):
    """One agent type; `make` raises AgentError where an agent's settings can't work.

    `rules` are the values of Rules that this type has where an agent's own say nothing.
    """

    name: str
    description: str
    settings: type[OfType]
    make: Callable[[AgentConfig[OfType], Services], Agent]
    rules: Mapping[str, Any] = field(default_factory=dict)


def load_agent_types(package: str = "bot.agents") -> dict[str, AgentType[Any]]:
    """Import every file of the agents' folder and return the kinds in them, by name.

    Raises BrokenModule with the file's name where one is broken.
    """
    agent_types: dict[str, AgentType[Any]] = {}
    for module in load_folder(package):
        with using(file_of(module.__name__)):
            agent_type = getattr(module, "AGENT_TYPE", None)
            if not isinstance(agent_type, AgentType):
                raise AgentError("it has no AGENT_TYPE that is a AgentType")
            if agent_type.name in agent_types:
                raise AgentError(f"there is a {agent_type.name!r} already")
            agent_types[agent_type.name] = agent_type
    return agent_types
