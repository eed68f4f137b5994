"""Turn reminders into deliveries at the second they fall due."""

from datetime import datetime

from core import reminders
from scheduler.daemon import Daemon


def register(daemon: Daemon) -> None:
    """Look for reminders that are due, at the latest every WAKE_INTERVAL seconds."""

    def fire() -> datetime | None:
        while not daemon.stopping and reminders.fire_due(daemon.clock()):
            daemon.wake("deliveries")
        return reminders.next_reminder(daemon.clock())

    daemon.add_loop("reminders", fire, daemon.settings.wake_interval)
