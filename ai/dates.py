"""Times in a person's own words, found in a text and resolved in the person's zone.

What is not said is filled in like this, and the reply that the person gets names the result:

- a day without a time is 9:00 ("tomorrow", "on the 3rd"); mornings are 9:00, afternoons 15:00,
  evenings 19:00, nights 21:00, the end of a day or a week (Friday) 17:00;
- "at 5" on a named day is 17:00: hours from 1 to 6 are in the afternoon, 7 to 11 in the
  morning; on today, and with no day at all, it is the next one of the two that comes, between
  6:00 and midnight;
- "friday" is the next one that comes, "next friday" the one in the next calendar week (from
  Monday on);
- days, weeks and months are counted on the calendar, hours, minutes and seconds on the clock,
  so that "in 24 hours" and "in a day" differ when the clocks change;
- a time that the clocks skip in spring is moved on by the skipped hour; of one that comes twice
  in autumn the first is taken, or the second where the first is past.

What is past or unclear is asked about, never moved.
"""

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ai.date_phrases import WEEKDAYS, Reading, read
from ai.durations import Duration

DAY_STARTS = time(9)
PARTS = {"morning": time(9), "afternoon": time(15), "evening": time(19), "night": time(21)}
WORK_ENDS = time(17)
FURTHEST_YEARS = 20

EXAMPLES = "for example “tomorrow at 5pm”, “friday at 7:30” or “in 20 minutes”"
RECURRING = "Recurring reminders are not there yet. When shall the first one be? Give me one time."
UNREADABLE = f"I can't read that as a time. When shall it be? Say it like this: {EXAMPLES}."
VAGUE = f"When exactly? Say it like this: {EXAMPLES}."
PAST = "That is in the past. When shall it be?"
NUMERIC = "Which is the day and which the month? Please write the month's name, like “3 April”."
TOO_FAR = f"That is more than {FURTHEST_YEARS} years ahead. When shall it be?"
NO_SUCH_DAY = "There is no such day in the calendar. When shall it be?"


class UnclearTime(ValueError):
    """The words don't name one future time; `question` asks the person for it."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


_PROBLEMS = {"recurring": RECURRING, "past": PAST, "vague": VAGUE, "numeric": NUMERIC}


def resolve(words: str, zone: ZoneInfo, now: datetime) -> datetime:
    """Return the time that the words name, in `zone`, always after `now` (aware).

    Raises UnclearTime with a question for the person where the words are past, vague or unreadable.
    """
    text = " ".join(words.split()).strip(" .,!?;")
    found = read(text)
    if found is None or found[1] != len(text):
        raise UnclearTime(UNREADABLE)
    reading = found[0]
    if reading.problem:
        raise UnclearTime(_PROBLEMS[reading.problem])
    moment = _moment(reading, now.astimezone(zone), zone)
    if moment <= now:
        raise UnclearTime(PAST)
    if moment.year - now.year > FURTHEST_YEARS:
        raise UnclearTime(TOO_FAR)
    return moment


_STARTS = re.compile(r"(?<![\w'’-])(?=[\w@])")  # noqa: RUF001


def find(text: str) -> list[tuple[int, int]]:
    """Return the spans of the date phrases in a text, each as long as it can be."""
    spans: list[tuple[int, int]] = []
    for start in (match.start() for match in _STARTS.finditer(text)):
        if spans and start < spans[-1][1]:
            continue
        found = read(text, start)
        if found and not found[0].is_weak and _is_whole(found[0]):
            spans.append((start, found[1]))
    return spans


def _is_whole(reading: Reading) -> bool:
    return bool(reading.slots - {"shift"})


def _moment(reading: Reading, local: datetime, zone: ZoneInfo) -> datetime:
    """Put a reading's parts together; `local` is now in the zone."""
    if reading.offset:
        start = _after(reading.offset, local, zone)
        if reading.slots == {"offset"}:
            return start
        day: date | None = start.date()
    else:
        day = _named_day(reading, local)
    at, days_later = _time_of_day(reading, local, day)
    if day is None:
        day = local.date()
        if datetime.combine(day, at) <= local.replace(tzinfo=None):
            day += timedelta(days=1)
    return _attach(datetime.combine(day + timedelta(days=days_later), at), zone, local)


def _after(length: Duration, local: datetime, zone: ZoneInfo) -> datetime:
    """Add a length to now: days and months on the calendar, seconds on the clock."""
    if length.days > 366 * FURTHEST_YEARS or length.seconds > 366 * 86400 * FURTHEST_YEARS:
        raise UnclearTime(TOO_FAR)
    moment = local
    if length.days or length.months:
        moment = _attach(datetime.combine(_later(local.date(), length), local.time()), zone, local)
    return (moment.astimezone(UTC) + timedelta(seconds=length.seconds)).astimezone(zone)


def _later(day: date, length: Duration) -> date:
    """Add the months and days of a length; a day past the end of its month becomes the last one."""
    year, month = divmod(day.year * 12 + day.month - 1 + length.months, 12)
    if year > day.year + FURTHEST_YEARS or length.days > 366 * FURTHEST_YEARS:
        raise UnclearTime(TOO_FAR)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last)) + timedelta(days=length.days)


def _named_day(reading: Reading, local: datetime) -> date | None:
    """Return the day that a reading names, or None where it names none."""
    day = _unshifted_day(reading, local)
    if reading.shift is None:
        return day
    return None if day is None else _later(day, reading.shift)


def _unshifted_day(reading: Reading, local: datetime) -> date | None:
    today = local.date()
    if reading.edge:
        return _edge_day(reading, today)
    if reading.days is not None:
        return today + timedelta(days=reading.days)
    if reading.date:
        return _calendar_day(reading, today)
    if reading.month_day is not None:
        return _day_of_month(reading.month_day, reading.month, today)
    if reading.weekday is not None:
        return _weekday_day(reading, local)
    if reading.slots & {"week", "month", "day"}:
        raise UnclearTime(VAGUE)
    return None


def _weekday_day(reading: Reading, local: datetime) -> date:
    today = local.date()
    monday = today - timedelta(days=today.weekday())
    weekday = reading.weekday or 0
    if reading.week is not None or reading.is_next:
        return monday + timedelta(days=weekday, weeks=reading.week or int(reading.is_next))
    ahead = (weekday - today.weekday()) % 7
    if ahead == 0:
        at, later = _time_of_day(reading, local, today)
        if later == 0 and at <= local.time():
            ahead = 7
    return today + timedelta(days=ahead)


def _calendar_day(reading: Reading, today: date) -> date:
    assert reading.date is not None  # noqa: S101
    year, month, day = reading.date
    try:
        if year is not None:
            found = date(year, month, day)
        else:
            years = range(today.year, today.year + 9)  # 29 February is at most eight years away
            found = next(
                candidate
                for candidate in (_date_or_none(y, month, day) for y in years)
                if candidate and candidate >= today
            )
    except (ValueError, StopIteration) as error:
        raise UnclearTime(NO_SUCH_DAY) from error
    if reading.weekday is not None and found.weekday() != reading.weekday:
        named = WEEKDAYS[found.weekday()].title()
        raise UnclearTime(f"{found.day} {found:%B %Y} is a {named}. Which day shall it be?")
    return found


def _date_or_none(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _day_of_month(day: int, months_ahead: int | None, today: date) -> date:
    """Return the next such day, or the one in the month that is named."""
    span = range(12) if months_ahead is None else range(months_ahead, months_ahead + 1)
    for ahead in span:
        year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
        found = _date_or_none(year, month + 1, day)
        if found and (found >= today or months_ahead is not None):
            return found
    raise UnclearTime(NO_SUCH_DAY)


def _edge_day(reading: Reading, today: date) -> date:
    edge, unit = (reading.edge or "").split(" of ")
    ahead = reading.week or 0
    if unit == "day":
        if edge == "start":
            raise UnclearTime(VAGUE)
        return today
    if unit == "week":
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=ahead)
        return monday + timedelta(days=4 if edge == "end" else 0)
    month = 12 if edge == "end" else 1
    year = today.year + ahead
    if unit == "month":
        year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
        month += 1
    return date(year, month, calendar.monthrange(year, month)[1] if edge == "end" else 1)


def _time_of_day(reading: Reading, local: datetime, day: date | None) -> tuple[time, int]:
    """Return the time of day, and how many days later it falls: the small hours of a night do."""
    hour, part = reading.hour, reading.part
    if hour is None:
        return _time_of_part(reading, day, local), 0
    if part == "night" and hour == 12 - 12 * reading.is_exact:
        return time(0, reading.minute), 1
    if reading.half:
        hour = hour % 12 + (12 if reading.half == "pm" else 0)
    elif not reading.is_exact:
        if part == "night" and hour < 5:
            return time(hour, reading.minute), 1
        if part:
            hour = hour % 12 + (0 if part == "morning" else 12)
        else:
            hour = _likely_hour(hour, reading.minute, local, day)
    elif hour == 0 and reading.slots & {"day", "weekday", "offset"}:
        raise UnclearTime(
            "Midnight at the start or at the end of that day? Say it with a time near it."
        )
    return time(hour, reading.minute, reading.second), 0


def _time_of_part(reading: Reading, day: date | None, local: datetime) -> time:
    if reading.part:
        return PARTS[reading.part]
    if reading.edge and reading.edge in ("end of day", "end of week"):
        return WORK_ENDS
    if day == local.date() and not reading.edge and reading.weekday is None:
        raise UnclearTime(f"At what time today? Say it like this: {EXAMPLES}.")
    return DAY_STARTS


def _likely_hour(hour: int, minute: int, local: datetime, day: date | None) -> int:
    """Choose the half of the day for an hour that was given without one."""
    if hour == 12:
        return 12
    usual = hour + 12 if hour < 7 else hour
    if day is not None and day != local.date():
        return usual
    waking = [h for h in (hour, hour + 12) if h >= 6]
    ahead = [h for h in waking if time(h, minute) > local.time()]
    return min(ahead or waking)


def _attach(moment: datetime, zone: ZoneInfo, local: datetime) -> datetime:
    """Give a naive local time its zone."""
    first = moment.replace(tzinfo=zone)
    there_and_back = first.astimezone(UTC).astimezone(zone)
    if there_and_back.replace(tzinfo=None) != moment:
        return there_and_back  # the clocks skip it: fold 0 moves it on by what they skip
    return first.replace(fold=1) if first <= local else first
