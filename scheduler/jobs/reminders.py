"""Turn reminders into deliveries at the second they fall due."""

from datetime import datetime

from core import reminders
from scheduler.daemon import Daemon


def register(daemon: Daemon) -> None:
    """Look for reminders that are due, woken by what becomes due earlier."""

    def fire() -> datetime | None:
        while not daemon.stopping and reminders.fire_due(daemon.clock()):
            daemon.wake("deliveries")
        return reminders.next_reminder(daemon.clock())

    daemon.add_loop("reminders", fire, daemon.longest_sleep)
