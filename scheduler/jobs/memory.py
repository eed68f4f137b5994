"""Erase what agents have remembered for longer than they may."""

from core.agents.memory import forget_old
from scheduler.daemon import Daemon

INTERVAL = 3600.0  # seconds


def register(daemon: Daemon) -> None:
    """Look every hour; what is too old is never shown meanwhile."""

    def forget() -> None:
        forget_old(daemon.clock())

    daemon.add_job("memory", forget, INTERVAL)
