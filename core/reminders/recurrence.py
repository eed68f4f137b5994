"""When a repeating reminder is due next: a bounded part of RFC 5545, on a person's wall clock.

Days count on the calendar of a time zone, so that "every day at 9" stays at 9 when the clocks
change: a time that they skip moves on by the skipped hour, of one that comes twice the first is
meant. Hours and minutes count on the clock. A day that a month lacks is left out, as the RFC says:
the 31st comes seven times a year, February 29th in leap years; -1 is the last day of a month.

The rule is a user's input and is followed in a loop that all users share. So it becomes a value
with bounds on every number, and looking for the next time takes MAX_STEPS at most. A library that
reads rules from text (dateutil) has no such limit: an impossible rule spins for seconds.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import count

from core.errors import InvalidInput

MAX_LENGTH = 255
MAX_INTERVAL = 1000
MAX_COUNT = 1000
LAST_YEAR = 9998  # no zone can push its last day over the edge of the calendar
MAX_STEPS = 1200
"""Periods in a row that may have no day of the rule: a century of months."""
MAX_YEARS = 100
"""The same for years: a leap day comes after eight of them, a fifth weekday of one after forty."""

ENDS = {"INTERVAL", "COUNT", "UNTIL"}
MONTH_DAYS = {"BYDAY", "BYMONTHDAY", "BYSETPOS"}
# No hours and minutes: they are those of the first time.
PARTS = {
    "MINUTELY": {"INTERVAL", "COUNT"},
    "HOURLY": {"INTERVAL", "COUNT"},
    "DAILY": ENDS,
    "WEEKLY": ENDS | {"BYDAY", "WKST"},
    "MONTHLY": ENDS | MONTH_DAYS,
    "YEARLY": ENDS | MONTH_DAYS | {"BYMONTH"},
}
CLOCK_UNITS = {"MINUTELY": timedelta(minutes=1), "HOURLY": timedelta(hours=1)}
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MAX_PLACE = 5  # of a weekday in a month
PART = re.compile(r"([A-Z]+)=([A-Z0-9,+-]+)")
NUMBER = re.compile(r"[+-]?[0-9]{1,4}")
DAY = re.compile(r"([+-]?[0-9])?([A-Z]{2})")
SHAPE = "A rule looks like FREQ=WEEKLY;BYDAY=MO,FR."


@dataclass(frozen=True)
class Rule:
    """A rule, every number of which is within its bounds. `until` is on the wall clock."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    week_start: int = 0  # 0 is Monday
    weekdays: tuple[tuple[int, int], ...] = ()  # the place in the month (0: each), the weekday
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()

    @property
    def ends(self) -> bool:
        """Whether it has a last time by intention."""
        return self.count is not None or self.until is not None

    def times(self, start: datetime, since: datetime) -> Iterator[datetime]:
        """Yield the times of a series that begins at `start`, those after `since`, in order.

        All are on one wall clock. The last is the last that there is, or that MAX_STEPS reach.
        """
        first = 0 if self.count else max(0, self._number_of(start.date(), since.date()))
        seen = empty = 0
        for number in count(first):
            days = self._days(start.date(), number)
            empty = 0 if days else empty + 1
            if days is None or empty > (MAX_YEARS if self.frequency == "YEARLY" else MAX_STEPS):
                return
            for day in days:
                time = datetime.combine(day, start.time())
                if time < start:
                    continue
                seen += 1
                if (self.count and seen > self.count) or (self.until and time > self.until):
                    return
                if time > since:
                    yield time

    def _number_of(self, start: date, day: date) -> int:
        """Return in which period, counted from the first, a day lies."""
        if self.frequency == "YEARLY":
            units = day.year - start.year
        elif self.frequency == "MONTHLY":
            units = 12 * (day.year - start.year) + day.month - start.month
        elif self.frequency == "WEEKLY":
            units = (self._week_of(day) - self._week_of(start)) // 7
        else:
            units = (day - start).days
        return units // self.interval

    def _days(self, start: date, number: int) -> list[date] | None:
        """Return the days of a period by its number, in order; None past the last year."""
        ahead = number * self.interval
        if self.frequency in ("DAILY", "WEEKLY"):
            weekly = self.frequency == "WEEKLY"
            first = self._week_of(start) + 7 * ahead if weekly else start.toordinal() + ahead
            if first + 6 > date(LAST_YEAR, 12, 31).toordinal():
                return None
            if not weekly:
                return [date.fromordinal(first)]
            named = {weekday for _, weekday in self.weekdays} or {start.weekday()}
            days = [date.fromordinal(first + number) for number in range(7)]
            return [day for day in days if day.weekday() in named]
        month = start.month - 1 + (ahead if self.frequency == "MONTHLY" else 0)
        year = start.year + (month // 12 if self.frequency == "MONTHLY" else ahead)
        if year > LAST_YEAR:
            return None
        months: tuple[int, ...] = (month % 12 + 1,)
        if self.frequency == "YEARLY" and (self.months or self.weekdays or self.month_days):
            months = self.months or tuple(range(1, 13))
        days = [day for one in months for day in self._days_in_month(start, year, one)]
        if not self.positions:
            return days
        chosen = (one - 1 if one > 0 else len(days) + one for one in self.positions)
        return sorted({days[index] for index in chosen if 0 <= index < len(days)})

    def _days_in_month(self, start: date, year: int, month: int) -> list[date]:
        first_weekday, length = monthrange(year, month)
        days = {one if one > 0 else length + 1 + one for one in self.month_days}
        if self.weekdays:
            named: set[int] = set()
            for place, weekday in self.weekdays:
                each = range(1 + (weekday - first_weekday) % 7, length + 1, 7)
                if place == 0:
                    named.update(each)
                elif abs(place) <= len(each):
                    named.add(each[place - 1 if place > 0 else place])
            days = days & named if self.month_days else named
        elif not self.month_days:
            days = {start.day}
        return [date(year, month, day) for day in sorted(days) if 1 <= day <= length]

    def _week_of(self, day: date) -> int:
        """Return the ordinal of the first day of a day's week."""
        return day.toordinal() - (day.weekday() - self.week_start) % 7


def check_rule(text: str) -> str:
    """Return a rule as it is stored, such as FREQ=WEEKLY;BYDAY=MO,FR.

    Raises InvalidInput, with what to change, for one that can't be followed.
    """
    rule = text.strip(" ")
    if len(rule) > MAX_LENGTH or not rule.isascii():
        raise InvalidInput(f"A rule has at most {MAX_LENGTH} characters, all of them ASCII.")
    rule = rule.upper().removeprefix("RRULE:")
    parse_rule(rule)
    return rule


@lru_cache(1024)
def parse_rule(rule: str) -> Rule:
    """Return a rule that is stored as a value. Raises InvalidInput, with what to change."""
    parts: dict[str, str] = {}
    for part in rule.split(";"):
        found = PART.fullmatch(part)
        if found is None or found[1] in parts:
            raise InvalidInput(SHAPE)
        parts[found[1]] = found[2]
    frequency = parts.pop("FREQ", "")
    if frequency not in PARTS:
        raise InvalidInput(f"A rule has a FREQ, which is one of {', '.join(PARTS)}.")
    if unknown := sorted(parts.keys() - PARTS[frequency]):
        raise InvalidInput(f"A rule with FREQ={frequency} can't have {', '.join(unknown)}.")
    week_start = parts.get("WKST", WEEKDAYS[0])
    if week_start not in WEEKDAYS:
        raise InvalidInput(f"WKST is one of {', '.join(WEEKDAYS)}.")
    weekdays = tuple(_weekday(one) for one in _values(parts, "BYDAY"))
    if any(place for place, _ in weekdays) and not (frequency == "MONTHLY" or "BYMONTH" in parts):
        raise InvalidInput("BYDAY counts weekdays, as in 2TU, within a month only.")
    return Rule(
        frequency,
        _number(parts.get("INTERVAL", "1"), "INTERVAL", MAX_INTERVAL),
        _number(parts["COUNT"], "COUNT", MAX_COUNT) if "COUNT" in parts else None,
        _until(parts["UNTIL"]) if "UNTIL" in parts else None,
        WEEKDAYS.index(week_start),
        weekdays,
        _numbers(parts, "BYMONTHDAY", 31),
        tuple(sorted(set(_numbers(parts, "BYMONTH", 12, signed=False)))),
        _numbers(parts, "BYSETPOS", 366),
    )


def first_time(due_at: datetime, rule: str, zone: tzinfo) -> str:
    """Return the time from which a rule is counted, as it is stored with it."""
    counted_in = UTC if parse_rule(rule).frequency in CLOCK_UNITS else zone
    return due_at.astimezone(counted_in).replace(tzinfo=None).isoformat()[:19]


def next_time(rule: str, starts: str, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first time of a rule after a moment, in UTC; None where it has come to its end.

    starts: what `first_time` returned. zone: the person's, as it is now.
    """
    parsed, start = parse_rule(rule), datetime.fromisoformat(starts)
    if unit := CLOCK_UNITS.get(parsed.frequency):
        step, begins = unit * parsed.interval, start.replace(tzinfo=UTC)
        number = max(0, (after - begins) // step + 1)
        found = begins + number * step
        is_over = parsed.count is not None and number >= parsed.count
        return None if is_over or found.year > LAST_YEAR else found
    # A day earlier, for the clocks may have been set back in between.
    since = after.astimezone(zone).replace(tzinfo=None) - timedelta(days=1)
    for time in parsed.times(start, max(start - timedelta(days=1), since)):
        moment = time.replace(tzinfo=zone).astimezone(UTC)
        if moment > after:
            return moment
    return None


def _values(parts: dict[str, str], name: str) -> list[str]:
    return parts[name].split(",") if name in parts else []


def _numbers(
    parts: dict[str, str], name: str, most: int, *, signed: bool = True
) -> tuple[int, ...]:
    return tuple(_number(one, name, most, signed=signed) for one in _values(parts, name))


def _number(text: str, name: str, most: int, *, signed: bool = False) -> int:
    number = int(text) if NUMBER.fullmatch(text) else 0
    if not 1 <= (abs(number) if signed else number) <= most:
        negative = f", or from -{most} to -1" if signed else ""
        raise InvalidInput(f"{name} is a whole number from 1 to {most}{negative}.")
    return number


def _weekday(text: str) -> tuple[int, int]:
    found = DAY.fullmatch(text)
    place = int(found[1] or 0) if found else MAX_PLACE + 1
    if found is None or found[2] not in WEEKDAYS or abs(place) > MAX_PLACE or found[1] == "0":
        raise InvalidInput(f"BYDAY is made of {', '.join(WEEKDAYS)}, in months also 2TU or -1FR.")
    return place, WEEKDAYS.index(found[2])


def _until(text: str) -> datetime:
    """Read an UNTIL; a day without a time is meant to its end."""
    whole = text if "T" in text else text + "T235959"
    found = None
    with suppress(ValueError):
        found = datetime.strptime(whole, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall clock's
    if found is None or len(whole) != 15 or not 1970 <= found.year <= LAST_YEAR:
        raise InvalidInput("UNTIL is a day, or a time on the person's own clock, such as 20301231.")
    return found
