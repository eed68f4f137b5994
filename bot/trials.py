"""Agents that administrators try before they save them: made for a message, closed when over."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bot.agent import Agent, Services, load_agent_types
from bot.runtime.agent_spec import Plan, Planner
from bot.runtime.supervisor import AgentRefused, DesiredAgent
from bot.runtime.worker import AgentWorker
from config.sealing import Sealer

MAX_TRIALS = 10
"""Agents of one process. When one more is wanted, the one that waits longest is closed; its next
message makes it again."""
OVER = "the trial has ended meanwhile"


@dataclass
class _Trial:
    worker: AgentWorker
    desired: DesiredAgent | None = None  # what it was made of; None: it could not be


class Trials:
    """The agents on trial that this process has made, by name."""

    def __init__(self, services: Services) -> None:
        self.names: frozenset[str] = frozenset()
        """Those that go on, as the API said last, whichever process answers for them."""
        self._services = services
        self._made: dict[str, _Trial] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def agent(self, name: str, told: Mapping[str, Any]) -> Agent:
        """Return the agent that is to be tried. Raises AgentRefused, which says why it can't be."""
        definition = {key: told[key] for key in ("type", "answers", "settings")}
        desired = DesiredAgent(name, token="", created_at=str(told["begun_at"]), **definition)
        trial = self._made.pop(name, None)
        trial = trial or _Trial(AgentWorker(name, self._services, lambda _: None))
        self._made[name] = trial  # at the end: it is used now
        self._close_all_but(MAX_TRIALS)
        if trial.desired != desired:
            trial.desired = None
            planner = Planner(load_agent_types(), Sealer(self._services.settings))
            kind, config = planner.configure(desired)
            await trial.worker.take(Plan(kind, config, token="").make_agent)
            if self._made.get(name) is not trial:  # it ended while it was made
                self._close(trial)
                raise AgentRefused(OVER)
            trial.desired = desired
        return trial.worker

    def made(self, name: str) -> Agent | None:
        """Return the agent, where it is there."""
        trial = self._made.get(name)
        return None if trial is None or trial.desired is None else trial.worker

    def keep(self, names: Collection[str]) -> None:
        """Note which go on, and close the others."""
        self.names = frozenset(names)
        for name in self._made.keys() - self.names:
            self._close(self._made.pop(name))

    async def close(self) -> None:
        """Close all of them."""
        self._close_all_but(0)
        if self._closing:
            await asyncio.wait(self._closing)

    def _close_all_but(self, kept: int) -> None:
        """Close those that were used longest ago, until so many are left."""
        while len(self._made) > kept:
            self._close(self._made.pop(next(iter(self._made))))

    def _close(self, trial: _Trial) -> None:
        """Close one beside what goes on: it may be answering still, or never end."""
        task = asyncio.create_task(trial.worker.close(), name="old trial")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
