"""Sends messages, many at once, and has them settled in batches.

Four threads share the work: the caller's claims, one with an event loop sends, one settles, and one
renews the leases of what is under way. They are short, so that what a daemon that was killed was
sending is soon sent by another. A message counts as under way until it is settled, so that a daemon
that is killed repeats few.
"""

import asyncio
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from core.db.compiled import Row
from core.deliveries import queue as outbox
from core.deliveries.channels import SEND_SECONDS, deliver
from core.deliveries.queue import Receiver, Settlement
from core.errors import Unavailable
from core.http_posts import HttpPosts
from core.notifications import Outcome
from runtime.clock import Clock
from runtime.logs import request_id
from scheduler import metrics

logger = logging.getLogger(__name__)

MAX_UNDER_WAY = 256
"""Messages that are claimed and not yet settled; a slow receiver holds on to few of them."""
FEWEST_CLAIMED = 64  # at once, while others are under way: small claims cost as much as large ones
LEASE_SECONDS = 15.0
RENEWAL_SECONDS = 3.0
"""How often leases are renewed that are half over: once in vain, and none is lost."""
LATEST_START = 35.0
"""Seconds after claiming by which a message is begun; later, it is given back."""
END_SECONDS = 3.0  # that noting what became of messages gets when the daemon ends
SETTLE_PAUSE = 0.5  # seconds between two tries to settle, while the database is away
GONE = Outcome("failed", "the user has switched this channel off")

RECEIVER = itemgetter("user_uuid", "channel")


class Sender:
    """Takes rows as `outbox.claim` returns them; to be finished once."""

    def __init__(self, clock: Clock, on_free: Callable[[], None] = lambda: None) -> None:
        """Begin with nothing under way; `on_free` is called as receivers can get more."""
        self._clock = clock
        self._on_free = on_free
        self._under_way = 0
        self._receivers: Counter[Receiver] = Counter()
        self._leases: dict[UUID, UUID] = {}  # of what is under way
        self._ended = threading.Event()
        self._changed = threading.Condition()
        self._finishing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._results: queue.SimpleQueue[tuple[float, Row, Settlement | None] | None]
        self._results = queue.SimpleQueue()  # until when, what, and how it went: None if unsent
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._sending = threading.Thread(target=self._serve, name="sender", daemon=True)
        self._settling = threading.Thread(target=self._settle_all, name="settler", daemon=True)
        self._renewing = threading.Thread(target=self._renew_all, name="renewer", daemon=True)
        self._sending.start()
        self._settling.start()
        self._renewing.start()

    def room(self, patience: float = 0.5) -> int:
        """Return how many more messages can be sent at once, when that is enough for a claim."""
        with self._changed:
            enough = MAX_UNDER_WAY - FEWEST_CLAIMED
            self._changed.wait_for(lambda: self._under_way <= enough, patience)
            return MAX_UNDER_WAY - self._under_way

    def under_way(self) -> dict[Receiver, int]:
        """Return how many messages are under way to each receiver."""
        with self._changed:
            return {**self._receivers}

    def send(self, rows: list[Row]) -> None:
        """Begin to send messages that were just claimed."""
        with self._changed:
            self._under_way += len(rows)
            self._receivers.update(map(RECEIVER, rows))
            self._leases |= {row["id"]: row["lease_id"] for row in rows}
        loop, _ = self._ready.result()
        loop.call_soon_threadsafe(self._begin, rows, time.monotonic() + LATEST_START)

    def finish(self, patience: float) -> None:
        """Return when what is being sent is settled, or the patience (in seconds) is over.

        What is not sent by then is given back, so that others can send it at once.
        """
        self._finishing = True
        loop, stop = self._ready.result()
        with self._changed:
            if not self._changed.wait_for(lambda: not self._under_way, patience):
                loop.call_soon_threadsafe(self._cut)
                self._changed.wait_for(lambda: not self._under_way, END_SECONDS)
        self._results.put(None)
        self._settling.join(END_SECONDS)
        loop.call_soon_threadsafe(stop.set)
        self._ended.set()
        for thread in (self._sending, self._renewing):
            thread.join(END_SECONDS)

    def _cut(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _serve(self) -> None:
        asyncio.run(self._send_until_stopped())

    async def _send_until_stopped(self) -> None:
        stop = asyncio.Event()
        async with HttpPosts() as self._http:
            self._ready.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()

    def _begin(self, rows: list[Row], latest: float) -> None:
        # To one receiver one after the other: in order, and a slow one holds up nobody else.
        for _, of_one in groupby(sorted(rows, key=RECEIVER), key=RECEIVER):
            task = asyncio.get_running_loop().create_task(self._send_in_turn(list(of_one), latest))
            self._tasks.add(task)  # which keeps it alive
            task.add_done_callback(self._tasks.discard)

    async def _send_in_turn(self, rows: list[Row], latest: float) -> None:
        left = list(rows)
        outcome = Outcome("sent")
        try:
            while left:
                row = left[0]
                request_id.set(row["request_id"] or "-")
                if outcome.state == "retry":  # it need not be asked again now
                    outcome = replace(outcome, parts_sent=row["parts_sent"])
                elif time.monotonic() > latest or self._finishing:
                    return
                else:
                    outcome = await self._send(row)
                metrics.tried(row, outcome.state, self._clock())
                logger.info("delivery %s: %s, %s", row["id"], outcome.state, outcome.error or "-")
                said = _settlement(row, outcome)
                self._results.put((latest + SEND_SECONDS, left.pop(0), said))
        finally:
            for row in left:  # another sender may take it at once
                self._results.put((latest + SEND_SECONDS, row, None))

    async def _send(self, row: Row) -> Outcome:
        if row["target"] is None:
            return GONE
        try:
            return await deliver(
                row["channel"], row["target"], row["text"], self._http, row["parts_sent"]
            )
        except Exception:
            # A mistake of ours or of a library: this message is tried again, the others go on.
            logger.exception("delivery %s could not be sent", row["id"])
            return Outcome("retry", "something went wrong on our side")

    def _settle_all(self) -> None:
        """Settle what has come in since the last time, again and again."""
        going_on = True
        while going_on:
            batch = [self._results.get()]
            while not self._results.empty():
                batch.append(self._results.get())
            going_on = None not in batch
            if results := [result for result in batch if result is not None]:
                try:
                    self._settle(min(until for until, _, _ in results), results)
                except Exception:
                    logger.exception("%d deliveries could not be settled", len(results))
                self._done([row for _, row, _ in results])

    def _settle(self, until: float, results: list[tuple[float, Row, Settlement | None]]) -> None:
        """Settle a batch, trying on for as long as sending may take where the database is away."""
        told = False
        unsent = [row for _, row, said in results if said is None]
        while time.monotonic() < until:
            try:
                outbox.settle_all([said for _, _, said in results if said], self._clock())
                if unsent:
                    outbox.release(unsent, self._clock())
            except Unavailable:
                if not told:
                    logger.warning("deliveries wait to be settled: the database is away")
                told = True
                time.sleep(SETTLE_PAUSE)
            else:
                return

    def _renew_all(self) -> None:
        """Renew the leases of what is under way, again and again."""
        while not self._ended.wait(RENEWAL_SECONDS):
            with self._changed:
                leases = {**self._leases}
            try:
                if leases:
                    outbox.renew(leases, self._clock(), LEASE_SECONDS)
            except Unavailable:
                pass  # nobody can claim them either; who settles them says so
            except Exception:
                logger.exception("%d leases could not be renewed", len(leases))

    def _done(self, rows: list[Row]) -> None:
        with self._changed:
            before = outbox.busy(self._receivers)
            self._under_way -= len(rows)
            self._receivers -= Counter(map(RECEIVER, rows))
            for row in rows:
                if self._leases.get(row["id"]) == row["lease_id"]:
                    del self._leases[row["id"]]
            freed = before - outbox.busy(self._receivers)
            self._changed.notify_all()
        if freed:
            self._on_free()


def _settlement(row: Row, how: Outcome) -> Settlement:
    """Return how sending a row went, as it is settled."""
    more = (how.error, how.retry_after, how.off, how.parts_sent)
    return Settlement(row["id"], row["lease_id"], how.state, *more)
