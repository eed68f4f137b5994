"""One agent on Discord: its connection, and the deliveries that go out through it."""

import asyncio
from collections.abc import Callable

from bot.api_client import ApiClient
from bot.deliveries import DeliveryLoop
from bot.transports.discord_client import PLATFORM, DiscordClient
from bot.transports.discord_reception import Brain


class DiscordAgent:
    """What the pool runs: a new connection each time it is started."""

    def __init__(
        self,
        name: str,
        token: str,
        brain: Brain,
        api: ApiClient,
        *,
        wake_interval: float,
        on_invite: Callable[[str], None],
    ) -> None:
        self.name = name
        self._token = token
        self._brain = brain
        self._api = api
        self._wake_interval = wake_interval
        self._on_invite = on_invite
        self._client: DiscordClient | None = None
        self._deliveries: DeliveryLoop | None = None

    async def run(self) -> None:
        """Connect, answer and deliver until cancelled, or until one of them fails."""
        async with DiscordClient(self.name, self._brain, self._on_invite) as client:
            deliveries = DeliveryLoop(
                self._api, PLATFORM, self.name, client.deliver, wake_interval=self._wake_interval
            )
            self._client, self._deliveries = client, deliveries
            tasks = [
                asyncio.create_task(client.run_agent(self._token)),
                asyncio.create_task(_after_log_in(client, deliveries)),
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                self._client = self._deliveries = None
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def finish(self) -> None:
        """Take no more messages, and return when those under way are answered or sent."""
        if self._client is not None and self._deliveries is not None:
            await asyncio.gather(self._client.finish(), self._deliveries.finish())


async def _after_log_in(client: DiscordClient, deliveries: DeliveryLoop) -> None:
    await client.wait_until_ready()
    await deliveries.run()
    await asyncio.Event().wait()  # finished, and the connection stays for the answers under way
