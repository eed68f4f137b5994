"""What is due in a chat: claimed from the API, sent by the transport, settled with the API."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from bot.api_client import ApiAway, ApiClient, ApiError
from bot.text import escape
from config.clock import Clock, utc_now

logger = logging.getLogger(__name__)

Send = Callable[[str, str], Awaitable[None]]
"""Sends a text (Markdown) to an account; raises Undeliverable where it can't."""

SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
"""How far the pauses grow while the API is away, in seconds."""


class Undeliverable(Exception):
    """A message could not be sent: for good, or worth another try after `retry_after` seconds."""

    def __init__(self, reason: str, *, permanent: bool, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.retry_after = retry_after


class DeliveryLoop:
    """Brings one agent's deliveries to their people for as long as `run()` runs.

    A message whose settling does not reach the API is settled later: it is not sent again, unless
    this process ends before.
    """

    def __init__(
        self,
        api: ApiClient,
        platform: str,
        agent: str,
        send: Send,
        *,
        wake_interval: float = 1,
        clock: Clock = utc_now,
    ) -> None:
        self._api = api
        self._where = {"platform": platform, "agent": agent}
        self._send = send
        self._wake_interval = wake_interval
        self._clock = clock
        self._stopping = asyncio.Event()
        self._working = asyncio.Lock()
        self._unsettled: list[tuple[str, dict[str, Any]]] = []

    async def finish(self) -> None:
        """End `run()`; return when the messages that are being sent are settled."""
        self._stopping.set()
        async with self._working:
            pass

    async def run(self, until: datetime | None = None) -> None:
        """Deliver until `finish()` is called, or until nothing more is due before `until`.

        The API being away costs time and loses nothing.
        """
        failures = idle = 0
        while not self._stopping.is_set() and (until is None or self._clock() < until):
            try:
                async with self._working:
                    sent, next_due_at = await self._round()
            except ApiError as error:
                if not failures:
                    logger.warning("deliveries wait, the API said: %s", error.message)
                failures += 1
                pause = min(self._wake_interval * 2**failures, LONGEST_PAUSE)
            else:
                failures = 0
                if until is not None and (next_due_at is None or next_due_at > until):
                    return
                idle = 0 if sent else idle + 1
                pause = self._pause(next_due_at, idle)
            await self._sleep(pause)

    async def _round(self) -> tuple[int, datetime | None]:
        """Deliver what is due now; return how many messages that were, and when more are due."""
        late, self._unsettled = self._unsettled, []
        for path, body in late:
            await self._settle(path, body)
        answer = await self._api.service("deliveries/claim", self._where)
        by_account: dict[str, list[dict[str, Any]]] = {}
        for delivery in answer["deliveries"]:
            by_account.setdefault(delivery["account_id"], []).append(delivery)
        await asyncio.gather(*map(self._deliver_in_order, by_account.values()))
        due = answer["next_due_at"]
        return len(answer["deliveries"]), datetime.fromisoformat(due) if due else None

    async def _deliver_in_order(self, deliveries: list[dict[str, Any]]) -> None:
        for delivery in deliveries:
            body = {"lease_id": delivery["lease_id"], "outcome": "sent"}
            try:
                await self._send(delivery["account_id"], escape(delivery["text"]))
            except Undeliverable as error:
                logger.info("delivery %s was not sent: %s", delivery["id"], error)
                body["outcome"] = "failed" if error.permanent else "retry"
                body["error"] = str(error)
                if error.retry_after is not None:
                    body["retry_after"] = error.retry_after
            await self._settle(f"deliveries/{delivery['id']}/settle", body)

    async def _settle(self, path: str, body: dict[str, Any]) -> None:
        try:
            await self._api.service(path, body)
        except ApiAway:
            self._unsettled.append((path, body))
        except ApiError as error:
            # The lease ran out, or the user is gone: it is no longer ours to settle.
            logger.warning("%s was refused: %s", path, error.message)

    def _pause(self, next_due_at: datetime | None, idle: int) -> float:
        """Return how long to sleep: until the next is due.

        While it is due and the scheduler has not come round to it, the looks grow rarer.
        """
        if next_due_at is None:
            return self._wake_interval
        left = (next_due_at - self._clock()).total_seconds()
        shortest = SHORTEST_PAUSE * 2 ** min(idle, 10) if idle else 0
        return min(max(left, shortest), self._wake_interval)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
