"""Erase what strangers have spent on models, when it no longer counts."""

from core.account_usage import forget_old
from scheduler.daemon import Daemon

INTERVAL = 3600.0  # seconds


def register(daemon: Daemon) -> None:
    """Look every hour."""

    def forget() -> None:
        forget_old(daemon.clock())

    daemon.add_job("usage", forget, INTERVAL)
