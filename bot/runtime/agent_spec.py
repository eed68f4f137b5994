"""From what is wanted of an agent to what can be run: checked, with its token open."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from bot.agent import Agent, AgentConfig, AgentError, AgentType, Services
from bot.rules import Rules
from bot.runtime.supervisor import AgentRefused, DesiredAgent
from config.sealing import Sealer, SealError
from runtime.logs import where_raised

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """An agent that can be run."""

    agent_type: AgentType[Any]
    config: AgentConfig[Any]
    token: str = field(repr=False)

    def thinks_like(self, other: "Plan | None") -> bool:
        """Say whether another plan needs the same agent object."""
        if other is None:
            return False
        mine, others = self.config, other.config
        return (mine.type, mine.settings) == (others.type, others.settings)

    def make_agent(self, services: Services) -> Agent:
        """Make the agent. Raises AgentRefused where that fails."""
        try:
            return self.agent_type.make(self.config, services)
        except AgentError as error:
            raise AgentRefused(str(error)) from error
        except Exception as error:  # an agent type may be anybody's code
            logger.error("the agent %s can't be made: %s", self.config.name, where_raised(error))
            raise AgentRefused(f"it can't be made: {type(error).__name__}") from error


class Planner:
    """Makes plans for agents of the kinds that there are."""

    def __init__(self, agent_types: Mapping[str, AgentType[Any]], sealer: Sealer) -> None:
        self._agent_types = agent_types
        self._sealer = sealer

    def plan(self, desired: DesiredAgent) -> Plan:
        """Check what is wanted. Raises AgentRefused, which says what is wrong with it."""
        agent_type, config = self.configure(desired)
        try:
            return Plan(agent_type, config, self._sealer.open(desired.token))
        except SealError as error:
            raise AgentRefused(str(error)) from error

    def configure(self, desired: DesiredAgent) -> tuple[AgentType[Any], AgentConfig[Any]]:
        """Check everything but the token. Raises AgentRefused."""
        agent_type = self._agent_types.get(desired.type)
        if agent_type is None:
            known = ", ".join(self._agent_types)
            raise AgentRefused(f"there is no agent type {desired.type!r}; there are {known}")
        try:
            rules = Rules.model_validate({**agent_type.rules, **desired.answers})
            settings = agent_type.settings.model_validate(desired.settings)
        except ValidationError as error:
            raise AgentRefused(_explain(error)) from None
        return agent_type, AgentConfig(
            desired.name, desired.type, rules, settings, desired.revision
        )


def _explain(error: ValidationError) -> str:
    """Say what is wrong where, without the values."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )
