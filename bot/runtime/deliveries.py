"""What is due in a chat: claimed from the API, sent by the transport, settled with the API."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from bot import metrics
from bot.api.client import NO_REQUEST, ApiAway, ApiClient, ApiError
from bot.api.sessions import unreached
from bot.framework.reminder_buttons import subject_at
from bot.markdown import escape
from bot.messages import Address
from runtime.clock import Clock, growing_pause, utc_now
from runtime.logs import request_id, where_raised

logger = logging.getLogger(__name__)

Send = Callable[[str, str, str], Awaitable[None]]
"""Sends a text (Markdown) to an account, with what it is about; raises Undeliverable."""
Senders = Callable[[], Mapping[str, Send]]
"""Names the agents that are there at the moment, and how each sends."""

Receiver = tuple[str, str]
"""An agent, and the account of who gets the message."""

LEASE_SECONDS = 50
"""How long after claiming a message may be sent: a little less than the lease."""
MAX_UNDER_WAY = 100
"""Messages to so many people are being sent at most; claiming more would outlast their leases."""
SHORTEST_PAUSE = 0.1
MAX_PAUSE = 30.0
"""How far the pauses grow while the API is away, in seconds."""


class Undeliverable(Exception):
    """A message could not be sent: for good, or worth another try after `retry_after` seconds."""

    def __init__(self, reason: str, *, permanent: bool, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.retry_after = retry_after


class Settlement(NamedTuple):
    """What the API is to hear of one message, and whom that was for."""

    path: str
    body: dict[str, Any]
    receiver: Address


class DeliveryLoop:
    """Brings the deliveries of agents to their people for as long as `run()` runs.

    Each goes out through the agent that the person talked to; one that is not among `senders` is
    another process's to deliver.

    A message whose settling does not reach the API is settled later: it is not sent again, unless
    this process ends before.
    """

    def __init__(
        self,
        api: ApiClient,
        platform: str,
        senders: Senders,
        *,
        wake_interval: float = 1,
        clock: Clock = utc_now,
    ) -> None:
        self._api = api
        self._platform = platform
        self._senders = senders
        self._wake_interval = wake_interval
        self._clock = clock
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()
        self._under_way: set[asyncio.Task[None]] = set()
        self._turns: WeakValueDictionary[Receiver, asyncio.Lock] = WeakValueDictionary()
        self._unsettled: list[Settlement] = []

    async def finish(self) -> None:
        """End `run()`; return when the messages that are being sent are settled."""
        self._stopping.set()
        await self._ended.wait()

    async def run(self, until: datetime | None = None) -> None:
        """Deliver until `finish()` is called, or until nothing more is due before `until`.

        The API being away costs time and loses nothing.
        """
        self._ended.clear()
        try:
            await self._go_on(until)
            while self._under_way:
                await asyncio.wait(self._under_way)
        finally:
            for task in self._under_way:
                task.cancel()
            self._ended.set()

    async def _go_on(self, until: datetime | None) -> None:
        failures = idle = 0
        while not self._stopping.is_set() and (until is None or self._clock() < until):
            try:
                claimed, next_due_at = await self._claim()
            except (ApiError, AttributeError, LookupError, TypeError, ValueError) as error:
                if not failures:
                    said = error.message if isinstance(error, ApiError) else where_raised(error)
                    logger.warning("deliveries wait, the API said: %s", said)
                failures += 1
                pause = growing_pause(self._wake_interval, failures, MAX_PAUSE)
            else:
                failures = 0
                if until is not None and (next_due_at is None or next_due_at > until):
                    return
                idle = 0 if claimed else idle + 1
                pause = self._pause(next_due_at, idle)
            await self._sleep(pause)

    async def _claim(self) -> tuple[int, datetime | None]:
        """Begin to send what is due; return how many messages that is, and when more are due."""
        while len(self._under_way) >= MAX_UNDER_WAY:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        late, self._unsettled = self._unsettled, []
        for settlement in late:
            await self._settle(settlement)
        senders = self._senders()
        if not senders:
            return 0, None
        where = {"platform": self._platform, "agents": list(senders)}
        answer = await self._api.service("deliveries/claim", where)
        by_receiver: dict[Receiver, list[dict[str, Any]]] = {}
        for delivery in answer["deliveries"]:
            receiver = delivery.get("agent"), str(delivery.get("account_id"))
            if receiver[0] not in senders:
                logger.error("a delivery for no agent of this process was passed over")
                continue
            by_receiver.setdefault(receiver, []).append(delivery)
        for receiver, deliveries in by_receiver.items():
            sending = self._deliver_in_order(receiver, senders[receiver[0]], deliveries)
            task = asyncio.create_task(sending)
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        due = answer["next_due_at"]
        return len(answer["deliveries"]), datetime.fromisoformat(due) if due else None

    async def _deliver_in_order(
        self, receiver: Receiver, send: Send, deliveries: list[dict[str, Any]]
    ) -> None:
        """Send messages to one person, after those that are on their way already."""
        loop = asyncio.get_running_loop()
        lease_ends = loop.time() + LEASE_SECONDS
        turn = self._turns.setdefault(receiver, asyncio.Lock())
        async with turn:
            for delivery in deliveries:
                if loop.time() >= lease_ends:
                    return  # they are claimed again, by whoever comes first
                try:
                    await self._deliver(delivery, send)
                except Exception as error:  # its lease runs out, and it is tried again
                    logger.error("a delivery failed: %s", where_raised(error))

    async def _deliver(self, delivery: dict[str, Any], send: Send) -> None:
        request_id.set(delivery["request_id"] or NO_REQUEST)
        body = {"lease_id": delivery["lease_id"], "outcome": "sent"}
        try:
            about = subject_at(delivery["subject"] or "", delivery["due_at"])
            await send(delivery["account_id"], escape(delivery["text"]), about)
        except Undeliverable as error:
            logger.info("delivery %s was not sent: %s", delivery["id"], error)
            body["outcome"] = "failed" if error.permanent else "retry"
            body["error"] = str(error)
            if error.retry_after is not None:
                body["retry_after"] = error.retry_after
        else:
            logger.info("delivery %s was sent", delivery["id"])
            late = self._clock() - datetime.fromisoformat(delivery["due_at"])
            metrics.LATENESS.labels(delivery["agent"]).observe(max(late.total_seconds(), 0))
        metrics.DELIVERIES.labels(delivery["agent"], body["outcome"]).inc()
        receiver = Address(self._platform, delivery["agent"], delivery["account_id"])
        await self._settle(Settlement(f"deliveries/{delivery['id']}/settle", body, receiver))

    async def _settle(self, settlement: Settlement) -> None:
        """Tell the API. Of who takes no messages it then has to hear when they write."""
        self._note(settlement)
        try:
            await self._api.service(settlement.path, settlement.body)
        except ApiAway:
            self._unsettled.append(settlement)
            return
        except ApiError as error:
            # The lease ran out, or the user is gone: it is no longer ours to settle.
            logger.warning("%s was refused: %s", settlement.path, error.message)
        self._note(settlement)  # again: while it was told, they may have written, and too early

    def _note(self, settlement: Settlement) -> None:
        if settlement.body["outcome"] == "failed":
            unreached.add(settlement.receiver)

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
