"""When a thing that comes again comes next: rules of RFC 5545, counted on a person's wall clock.

Days count on the calendar of a time zone, so that "every day at 9" stays at 9 when the clocks
change: a time that they skip moves on by the skipped hour, of one that comes twice the first is
meant. Hours and minutes count on the clock. A day that a month lacks is left out, as the RFC says:
the 31st comes seven times a year, February 29th in leap years; -1 is the last day of a month.
"""

from collections.abc import Iterator
from datetime import MAXYEAR, UTC, datetime, timedelta, tzinfo

from dateutil.rrule import rrulestr

from core.errors import InvalidInput

LONGEST = 255
LARGEST_INTERVAL = 1000
CYCLE = 400
"""Years after which the calendar repeats itself, weekdays and all."""

ENDS = {"INTERVAL", "COUNT", "UNTIL"}
MONTH_DAYS = {"BYDAY", "BYMONTHDAY", "BYSETPOS"}
# No hours and minutes: they are those of the first time. What is not here can be searched for ages.
PARTS = {
    "MINUTELY": {"INTERVAL"},
    "HOURLY": {"INTERVAL"},
    "DAILY": ENDS,
    "WEEKLY": ENDS | {"BYDAY", "WKST"},
    "MONTHLY": ENDS | MONTH_DAYS,
    "YEARLY": ENDS | MONTH_DAYS | {"BYMONTH"},
}
CLOCK_UNITS = {"MINUTELY": timedelta(minutes=1), "HOURLY": timedelta(hours=1)}


def check_rule(text: str) -> str:
    """Return a rule as it is stored, such as FREQ=WEEKLY;BYDAY=MO,FR.

    Raises InvalidInput, with what to change, for one that can't be followed or never comes.
    """
    rule = text.strip().upper().removeprefix("RRULE:")
    if len(rule) > LONGEST:
        raise InvalidInput(f"A rule has at most {LONGEST} characters.")
    parts = _parts(rule)
    allowed = PARTS.get(parts.get("FREQ", ""))
    if allowed is None:
        raise InvalidInput(f"A rule has a FREQ, which is one of {', '.join(PARTS)}.")
    if unknown := sorted(parts.keys() - allowed - {"FREQ"}):
        raise InvalidInput(f"A rule with FREQ={parts['FREQ']} can't have {', '.join(unknown)}.")
    if not 1 <= _number(parts.get("INTERVAL", "1")) <= LARGEST_INTERVAL:
        raise InvalidInput(f"INTERVAL is a whole number from 1 to {LARGEST_INTERVAL}.")
    if "UNTIL" in parts:
        _day(parts["UNTIL"])
    try:
        rrulestr(rule, dtstart=datetime(2000, 1, 1))  # noqa: DTZ001 - a wall clock's
    except ValueError as error:
        raise InvalidInput(f"The rule can't be read: {error}") from error
    return rule


def first_time(due_at: datetime, rule: str, zone: tzinfo) -> str:
    """Return the time from which a rule is counted, as it is stored with it."""
    return due_at.astimezone(_counted_in(rule, zone)).replace(tzinfo=None).isoformat()[:19]


def next_time(rule: str, starts: str, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first time of a rule after a moment, in UTC; None where it has come to its end.

    starts: what `first_time` returned. zone: the person's, as it is now.
    """
    start = datetime.fromisoformat(starts)
    if _parts(rule)["FREQ"] in CLOCK_UNITS:
        return _on_the_clock(rule, start.replace(tzinfo=UTC), after)
    # A day earlier, for the clocks may have been set back in between.
    since = after.astimezone(zone).replace(tzinfo=None) - timedelta(days=1)
    for day in _days(rule, start, max(start - timedelta(days=1), since)):
        moment = day.replace(tzinfo=zone).astimezone(UTC)
        if moment > after:
            return moment
    return None


def _days(rule: str, start: datetime, since: datetime) -> Iterator[datetime]:
    """Yield the times of a rule after `since`, all on a wall clock.

    The search for one goes on to the last year that there is. So it takes place in the last cycle
    of years, where a rule that never comes is found out soon.
    """
    parts = _parts(rule)
    until = parts.pop("UNTIL", None)
    last = _day(until) if until else None
    years = (MAXYEAR - start.year) // CYCLE * CYCLE
    endless = ";".join(f"{name}={value}" for name, value in parts.items())
    for day in rrulestr(endless, dtstart=_moved(start, years)).xafter(_moved(since, years)):
        found = _moved(day, -years)
        if last is not None and found > last:
            return
        yield found


def _moved(day: datetime, years: int) -> datetime:
    return day.replace(year=day.year + years)


def _day(until: str) -> datetime:
    """Read an UNTIL; a day without a time is meant to its end."""
    try:
        if "T" in until:
            return datetime.strptime(until, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall clock's
        return datetime.strptime(until + "235959", "%Y%m%d%H%M%S")  # noqa: DTZ007 - the same
    except ValueError as error:
        raise InvalidInput(
            "UNTIL is a day, or a time on the person's own clock, such as 20301231."
        ) from error


def _on_the_clock(rule: str, start: datetime, after: datetime) -> datetime:
    parts = _parts(rule)
    step = CLOCK_UNITS[parts["FREQ"]] * _number(parts.get("INTERVAL", "1"))
    return start + max(0, (after - start) // step + 1) * step


def _counted_in(rule: str, zone: tzinfo) -> tzinfo:
    return UTC if _parts(rule)["FREQ"] in CLOCK_UNITS else zone


def _parts(rule: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in rule.split(";")]
    parts = {name: value for name, _, value in pairs}
    if len(parts) < len(pairs) or not all(parts.values()):
        raise InvalidInput("A rule looks like FREQ=WEEKLY;BYDAY=MO,FR.")
    return parts


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
