"""Forget the answers to requests that nobody sends again any more."""

from core.idempotency import forget_old
from scheduler.daemon import Daemon

INTERVAL = 3600.0  # seconds


def register(daemon: Daemon) -> None:
    """Look for answers that are a day old, every hour."""

    def forget() -> None:
        forget_old(daemon.clock())

    daemon.add_job("idempotency", forget, INTERVAL)
