"""Send what is due on the channels that need no connection of the bot's: webhooks and ntfy."""

import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any

from core import notifications, outbox
from core.errors import Unavailable
from core.reach import SCHEDULER
from scheduler.daemon import Daemon

logger = logging.getLogger(__name__)

SENDERS = 8
"""Messages on their way at once; each takes at most the channels' time-out."""


class Sender:
    """Claims, sends and settles, a few messages at once; a slow receiver holds up no other."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._clock = daemon.clock
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="sender")
        self._client = notifications.new_client()
        self._under_way: set[Future[None]] = set()

    def send_due(self) -> datetime | None:
        """Start sending all that is due; return when the next message is."""
        while not self._daemon.stopping and (rows := self._claim()):
            self._under_way |= {self._pool.submit(self._send, row) for row in rows}
        return outbox.next_delivery([SCHEDULER], self._clock())

    def finish(self) -> None:
        """Wait for what is under way, and let go of the connections."""
        self._pool.shutdown(wait=True)
        self._client.close()

    def _claim(self) -> list[dict[str, Any]]:
        """Claim no more than can be sent at once, so that no lease runs out in a queue."""
        patience = 0 if len(self._under_way) < SENDERS else None
        done, self._under_way = wait(self._under_way, patience, FIRST_COMPLETED)
        for future in done:
            future.result()  # what went wrong there is the job's error
        free = SENDERS - len(self._under_way)
        return outbox.claim([SCHEDULER], self._clock(), limit=free)

    def _send(self, row: dict[str, Any]) -> None:
        if row["target"] is None:
            outcome = notifications.Outcome("failed", "the user has switched this channel off")
        else:
            outcome = notifications.deliver(
                row["channel"], row["target"], row["text"], self._client
            )
        try:
            outbox.settle(
                row["id"],
                row["lease_id"],
                outcome.state,
                outcome.error,
                outcome.retry_after,
                off=outcome.off,
                now=self._clock(),
            )
        except Unavailable:
            # Its lease runs out, and it is claimed and sent again.
            logger.warning("delivery %s was not settled: the database is away", row["id"])
            return
        if outcome.state != "sent":
            logger.info("delivery %s: %s, %s", row["id"], outcome.state, outcome.error)


def register(daemon: Daemon) -> None:
    """Look for messages that are due, at the latest every WAKE_INTERVAL seconds."""
    sender = Sender(daemon)
    daemon.on_stop(sender.finish)
    daemon.add_loop("deliveries", sender.send_due, daemon.settings.wake_interval)
