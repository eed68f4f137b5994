"""When a job is due: every so many seconds, or by a cron line in a zone. APScheduler counts."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

# Intervals count from here, so that all daemons mean the same moments.
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
# APScheduler counts weekdays from Monday, cron from Sunday: names leave no doubt.
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Trigger:
    """The due times of a job."""

    times: BaseTrigger
    names_times: bool = False  # as a cron line does, an interval doesn't
    names_hours: bool = False  # one that comes twice, as the clocks are set back, is meant once

    def after(self, moment: datetime) -> datetime | None:
        """Return the first due time after a moment, in UTC; None where there is none any more."""
        while True:
            later = moment + timedelta(microseconds=1)
            found: datetime | None = self.times.get_next_fire_time(None, later)
            if found is None:
                return None
            moment = found.astimezone(UTC)
            if not (self.names_hours and found.fold):
                return moment


def every(seconds: float) -> Trigger:
    """Return the trigger of an interval. Raises ValueError for one that is not positive."""
    if not seconds > 0:
        raise ValueError(f"an interval is more than 0 seconds, not {seconds:g}")
    return Trigger(IntervalTrigger(seconds=seconds, start_date=EPOCH, timezone=UTC))


def cron(line: str, zone: str) -> Trigger:
    """Return the trigger of a cron line: minute, hour, day, month, weekday (0 or 7 is Sunday).

    Raises ValueError for a line or a zone that can't be read.
    """
    try:
        minute, hour, day, month, weekday = line.split()
        weekday = re.sub(r"(?<![/\d])[0-7](?!\d)", lambda found: WEEKDAYS[int(found[0])], weekday)
        fields = f"{minute} {hour} {day} {month} {weekday}"
        times = CronTrigger.from_crontab(fields, ZoneInfo(zone))
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(f"{line!r} in {zone!r} is no cron line and zone: {error}") from error
    return Trigger(times, names_times=True, names_hours=not hour.startswith("*"))
