"""One agent on Discord: what its settings made of it, and a new connection at each start."""

import asyncio
import math
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bot.agent import Agent, Services
from bot.discord.client import DiscordClient, MoreShards, ShardedClient
from bot.discord.start_limits import Starts
from bot.runtime.agent_spec import Plan, Planner
from bot.runtime.deliveries import Undeliverable
from bot.runtime.supervisor import AgentRefused, ConnectionLost, DesiredAgent, Status
from bot.runtime.worker import AgentWorker

START_SECONDS = 60.0
SHARD_SECONDS = 10.0
"""How long a start may take: that, and so much for each shard."""
LOG_IN_SECONDS = 20.0


@dataclass(frozen=True)
class SharedServices:
    """What the agents of a process share."""

    planner: Planner
    services: Services
    starts: Starts
    may_answer: Callable[[], bool]
    on_invite: Callable[[str], None]


class DiscordAgent:
    """What the pool runs: the agent object stays, the connection is new each time."""

    def __init__(self, desired: DesiredAgent, around: SharedServices) -> None:
        self.status = Status(around.services.clock)
        self.revision: int | None = None
        self._name = desired.name
        self._desired = desired
        self._around = around
        self._plan: Plan | None = None
        self._worker = AgentWorker(desired.name, around.services, self.status.complain)
        self._client: DiscordClient | None = None
        self._sender: DiscordClient | None = None  # without a connection, between two tries

    @property
    def can_send(self) -> bool:
        """Whether it can bring messages to people: the REST interface has let it in."""
        return self._sending is not None

    @property
    def _sending(self) -> DiscordClient | None:
        clients = (self._client, self._sender)
        return next((one for one in clients if one is not None and one.can_send), None)

    @property
    def worker(self) -> Agent | None:
        """What answers those who write to it elsewhere; None where not everybody may."""
        plan = self._plan
        open_to_all = plan is not None and plan.config.rules.direct_messages == "everyone"
        return self._worker if open_to_all else None

    def want(self, desired: DesiredAgent) -> None:
        """Remember what is wanted of it."""
        self._desired = desired

    async def prepare(self) -> bool:
        """Apply what is wanted: another agent object or other rules take effect at once.

        Returns whether it has to reconnect. Raises AgentRefused where it can't be; it goes on
        with what it has.
        """
        desired, before = self._desired, self._plan
        plan = self._around.planner.plan(desired)
        changes_token = before is not None and before.token != plan.token
        if not plan.thinks_like(before):
            await self._worker.take(plan.make_agent)
        self._plan, self.revision = plan, desired.revision
        if self._client is not None:
            self._client.rules = plan.config.rules
            if not plan.thinks_like(before):
                await self._client.tell_commands()
        if changes_token:
            await self._close_sender()
        return changes_token

    async def run(self) -> None:
        """Connect and answer until cancelled, or until that fails."""
        shards = None
        while True:
            try:
                await self._stay_connected(shards)
            except MoreShards as wanted:
                shards = wanted.count
            except (ConnectionLost, OSError):
                await self._log_in_to_send()
                raise
            except AgentRefused:
                await self._close_sender()
                raise
            else:
                return

    async def finish(self) -> None:
        """Take no more messages, and return when those under way are answered."""
        if self._client is not None:
            await self._client.finish()

    async def close(self) -> None:
        """Close the agent."""
        await self._close_sender()
        await self._worker.close()

    async def deliver(self, account_id: str, text: str, subject: str) -> None:
        """Send a text to a person. Raises Undeliverable."""
        client = self._sending
        if client is None:
            raise Undeliverable("the agent is not on Discord", permanent=False)
        await client.deliver(account_id, text, subject)

    def look(self) -> None:
        """Note in the status what the connection says of itself."""
        client = self._client
        online = client is not None and self.status.state == "online"
        latency = client.latency if client and online else math.nan
        self.status.guilds = len(client.guilds) if client and online else None
        self.status.latency_ms = round(latency * 1000, 1) if math.isfinite(latency) else None

    async def _log_in_to_send(self) -> None:
        """Have a client that sends messages until there is a connection, where that is possible."""
        if self._sender is not None or self._plan is None:
            return
        self._sender = client = self._make_client(None)
        try:
            async with asyncio.timeout(LOG_IN_SECONDS):
                await client.log_in(self._plan.token)
        except (AgentRefused, ConnectionLost, OSError):
            await self._close_sender()  # why it is not there, the try to connect has told
        except BaseException:
            await self._close_sender()
            raise

    async def _close_sender(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            await sender.close()

    def _make_client(self, shards: int | None) -> DiscordClient:
        assert self._plan is not None  # noqa: S101 - it is prepared before it is run
        kind = ShardedClient if shards else DiscordClient
        return kind(
            self._name,
            self._worker,
            self._around.on_invite,
            rules=self._plan.config.rules,
            may_answer=self._around.may_answer,
            starts=self._around.starts,
            most_waiting=self._around.services.settings.most_waiting_messages,
            status=self.status,
            shard_count=shards,
        )

    async def _stay_connected(self, shards: int | None) -> None:
        assert self._plan is not None  # noqa: S101 - it is prepared before it is run
        client = self._make_client(shards)
        async with client, AsyncExitStack() as turn:
            await turn.enter_async_context(self._around.starts.turn)
            self._client = client
            running = asyncio.create_task(client.run_agent(self._plan.token))
            try:
                seconds = START_SECONDS + SHARD_SECONDS * (shards or 0)
                await self._start(client, running, turn, seconds)
                await self._close_sender()
                await running
            finally:
                self._client = None
                running.cancel()
                await asyncio.wait([running])

    async def _start(
        self,
        client: DiscordClient,
        running: "asyncio.Task[None]",
        turn: AsyncExitStack,
        seconds: float,
    ) -> None:
        """Wait until the agent is online; raise where it is not in time.

        Its turn ends with the last that takes much work: discord.py then waits for half a second.
        """

        async def come_online() -> None:
            await client.most_is_known.wait()
            await turn.aclose()
            await client.wait_until_ready()

        ready = asyncio.create_task(come_online())
        try:
            done, _ = await asyncio.wait(
                [running, ready], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ready.cancel()
        if not done:
            raise TimeoutError(f"it was not online after {seconds:g} s")
