"""Send what is due on the channels that need no connection of the bot's: webhooks, ntfy, Apprise's.

And have what waits for agents that were removed go another way.
"""

from datetime import datetime

from core.deliveries import queue, rerouting
from core.deliveries.routing import SCHEDULER
from scheduler.daemon import Daemon
from scheduler.sender import LEASE_SECONDS, Sender

STRANDED = 300.0  # seconds
LOOP = "deliveries"


def register(daemon: Daemon) -> None:
    """Look for messages that are due, woken by what becomes due earlier."""
    sender = Sender(daemon.clock, lambda: daemon.wake(LOOP))

    def send_due() -> datetime | None:
        while not daemon.stopping:
            room = sender.room()
            if room:
                now = daemon.clock()
                rows = queue.claim([SCHEDULER], now, LEASE_SECONDS, room, sender.under_way())
                if not rows:
                    break
                sender.send(rows)
        return queue.next_delivery([SCHEDULER], daemon.clock(), sender.under_way())

    def end_stranded() -> None:
        rerouting.end_stranded(daemon.clock())

    daemon.on_stop(lambda: sender.finish(daemon.settings.shutdown_timeout))
    daemon.add_loop(LOOP, send_due, daemon.longest_sleep)
    daemon.add_job("stranded deliveries", end_stranded, STRANDED)
