"""A time that comes again, in a person's own words: a rule of RFC 5545 and the first such time.

As in ai/times/resolve.py, and besides:

- the rule counts days on the calendar of the person's zone, so that "every day at 9" stays at 9
  when the clocks change; hours and minutes count on the clock;
- "every 2 hours" starts so long from now, anything else at the first such time that comes;
- "every 10 minutes until I say done" has a COUNT, as nobody is reminded for ever; one that is done
  before comes no more;
- a week, month or year needs its day: without one the person is asked, and so they are where a
  month may lack the day.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from ai.times.grammar.phrases import read
from ai.times.grammar.reading import Every, Reading
from ai.times.resolve import (
    DAY_STARTS,
    MAX_LENGTH,
    MIDNIGHT,
    PARTS,
    UnclearTime,
    attach,
    end_of_series,
    hour_of_part,
    likely_hour,
    read_whole,
)

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
UNITS = {
    "MINUTELY": timedelta(minutes=1),
    "HOURLY": timedelta(hours=1),
}
EXAMPLES = "“every weekday at 7:30”, “every other monday” or “on the 1st of every month”"
UNCLEAR = f"How often, and when? For example {EXAMPLES}."
WHICH_DAY = f"On which day? For example {EXAMPLES}."
NOT_EVERY_MONTH = (
    "Not every month has that day. Shall it be “on the last day of every month”, or another day?"
)
NOT_EVERY_YEAR = "Not every year has that day. Which day shall it be?"
TOO_RARE = "That is too rare for me. How often shall it be?"
ENDS_FIRST = "That ends before it begins. Until when shall it come?"
ONE_AT_A_TIME = "Please tell me each time of day on its own."
ONLY_SHORT = "I can do that every few minutes or hours. How often shall it be?"
LARGEST_INTERVAL = 1000
UNTIL_DONE_TIMES = 50  # at most, where it comes until it is done
SAID = {"every", "day", "weekday", "time", "part", "until"}  # what may be said beside the rule
SHORT_MONTHS = {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}


@dataclass(frozen=True)
class Resolved:
    """The first time, in the person's zone, and the rule by which it comes again.

    `starts` is the first time as it was said, on the wall clock: on a day on which the clocks skip
    it, `at` is another. None where the rule counts hours or minutes.
    """

    at: datetime
    rule: str
    starts: str | None = None


def is_recurring(words: str) -> bool:
    """Say whether words name a time that comes again."""
    text = " ".join(words.split())
    found = read(text) if len(text) <= MAX_LENGTH else None
    return found is not None and found[0].every is not None


def resolve_recurring(
    words: str, zone: ZoneInfo, now: datetime, *, early: bool = False
) -> Resolved:
    """Return the rule that the words name, and the first time after `now` (aware).

    `early` says that an hour without am or pm is one of the morning, as an alarm's is.
    Raises UnclearTime with a question where the words name none, or leave open when.
    """
    reading = read_whole(words)
    every = reading.every
    if every is None or not every.is_whole or reading.slots - SAID:
        raise UnclearTime(UNCLEAR)
    if every.interval > LARGEST_INTERVAL:
        raise UnclearTime(TOO_RARE)
    if reading.clocks:
        raise UnclearTime(ONE_AT_A_TIME)
    local = now.astimezone(zone)
    if every.frequency in UNITS:
        if reading.slots & {"time", "part"} or reading.until:
            raise UnclearTime(UNCLEAR)
        first = now.astimezone(UTC).replace(microsecond=0)
        first += every.interval * UNITS[every.frequency]
        times: dict[str, str | int] = {"COUNT": UNTIL_DONE_TIMES} if reading.until_done else {}
        return Resolved(first.astimezone(zone), _rule(every.frequency, every.interval, **times))
    if reading.until_done:
        raise UnclearTime(ONLY_SHORT)
    parts = _day_parts(every, reading)
    starts = datetime.combine(local.date(), _time(reading, every, early=early))
    once_each = rrulestr(_rule(every.frequency, 1, **parts), dtstart=starts)
    day = next(day for day in once_each if attach(day, zone) > now)
    if reading.until:
        last = end_of_series(reading.until, day.date(), zone, now)
        if last < day.date():
            raise UnclearTime(ENDS_FIRST)
        parts["UNTIL"] = f"{last:%Y%m%d}"
    rule = _rule(every.frequency, every.interval, **parts)
    return Resolved(attach(day, zone), rule, day.isoformat())


def _day_parts(every: Every, reading: Reading) -> dict[str, str | int]:
    """Return the parts of the rule that say on which days it comes."""
    weekdays, month, month_day = every.weekdays, every.month, every.month_day
    if reading.weekday is not None and not weekdays:
        weekdays = (reading.weekday,)
    if reading.month_day is not None:
        month_day = reading.month_day
    if reading.date is not None:
        year, month, month_day = reading.date
        if year:
            raise UnclearTime(UNCLEAR)
    named: dict[str, str | int] = {}
    if every.frequency == "WEEKLY":
        if not weekdays or month_day:
            raise UnclearTime(WHICH_DAY)
        named["BYDAY"] = ",".join(WEEKDAYS[day] for day in weekdays)
    elif every.frequency == "MONTHLY":
        if month or not (month_day or every.place):
            raise UnclearTime(WHICH_DAY)
        if month_day > 28:
            raise UnclearTime(NOT_EVERY_MONTH)
        if every.place:
            named["BYDAY"] = f"{every.place}{WEEKDAYS[weekdays[0]]}"
        else:
            named["BYMONTHDAY"] = month_day
    elif every.frequency == "YEARLY":
        if not (month and month_day):
            raise UnclearTime(WHICH_DAY)
        if not 1 <= month <= 12 or not 1 <= month_day <= SHORT_MONTHS.get(month, 31):
            raise UnclearTime(NOT_EVERY_YEAR)
        named |= {"BYMONTH": month, "BYMONTHDAY": month_day}
    return named


def _time(reading: Reading, every: Every, *, early: bool) -> time:
    """Return the time of day; an hour without am or pm is the one that people are awake at."""
    hour, part = reading.hour, reading.part
    if hour is None:
        return PARTS[part] if part else DAY_STARTS
    if part:
        hour, _ = hour_of_part(reading, hour, part)
    elif reading.half:
        hour = hour % 12 + (12 if reading.half == "pm" else 0)
    elif not reading.is_exact:
        hour = likely_hour(hour, early=early)
    if every.frequency != "DAILY" and hour == 0 and not reading.minute:
        raise UnclearTime(MIDNIGHT)
    return time(hour, reading.minute, reading.second)


def _rule(frequency: str, interval: int, **parts: str | int) -> str:
    counted = {"INTERVAL": interval} if interval > 1 else {}
    return ";".join(
        f"{name}={value}" for name, value in ({"FREQ": frequency} | counted | parts).items()
    )
