"""Delete, once an hour, what nobody asks for any more; what is too old is not shown meanwhile."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from core import idempotency, usage, web_chats
from core.agents import memory
from core.deliveries import queue
from core.web_chats import trials
from scheduler.daemon import Daemon

INTERVAL = 3600.0  # seconds


def register(daemon: Daemon) -> None:
    """Add a job for each kind of row that grows old."""

    def forget_sent(now: datetime) -> None:
        queue.forget_sent(now - timedelta(days=daemon.settings.sent_kept_days))

    def run(forget: Callable[[datetime], object]) -> None:
        forget(daemon.clock())

    for name, forget in (
        ("idempotency", idempotency.forget_old),
        ("memory", memory.forget_old),
        ("trials", trials.forget_old),
        ("usage", usage.forget_old),
        ("web chats", web_chats.forget_old),
        ("sent deliveries", forget_sent),
    ):
        daemon.add_job(name, partial(run, forget), INTERVAL)
