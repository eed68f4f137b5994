"""A time in a person's own words, resolved in the person's zone.

What is not said is filled in like this, and the reply that the person gets names the result:

- a day without a time means 9:00; a morning is 9:00, noon and lunchtime 12:00, an afternoon 15:00,
  an evening 19:00, a night 21:00, the end of a day or of a week (its Friday) 17:00; after breakfast
  is 9:00, after lunch 13:00, after school 15:00, after work 17:00, after dinner 20:00;
- an hour without am or pm is in the afternoon from 1 to 6 and in the morning from 7 to 11; today,
  and with no day at all, it is the next of the two that comes, between 6:00 and midnight; who is to
  be woken (`early`) means the morning from 4 to 11, or within the next hours the end of a nap;
- "friday" is the next one that comes, "next friday" the one of the next calendar week, which starts
  on Monday;
- days, weeks and months count on the calendar, hours and less on the clock: "in 24 hours" and "in a
  day" differ when the clocks change;
- "3/4" is in the order of the zone's country; a time on another place's clock ("5pm EST") is told
  on the person's own;
- a time that the clocks skip in spring moves on by the skipped hour; of one that comes twice in
  autumn the first is meant, or the second where the first is past.

What is past or unclear is asked about, never moved; where a past time is wanted, one to come is.
"""

import calendar
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from dateutil.easter import easter

from ai.times.grammar.days import MONTHS, WEEKDAYS
from ai.times.grammar.durations import Duration, read_duration
from ai.times.grammar.phrases import find, read
from ai.times.grammar.reading import Part, Problem, Reading, in_ascii
from config.zones import country_of

__all__ = ["UnclearTime", "find", "resolve", "resolve_date"]

Tense = Literal["past", "future", "any"]

DAY_STARTS = time(9)
PARTS = {
    "morning": time(9),
    "noon": time(12),
    "afternoon": time(15),
    "evening": time(19),
    "night": time(21),
}
WORK_ENDS = time(17)
WAKING_HOUR = 6
SMALL_HOURS = 5  # "tonight at 1" is after midnight
HOURS_OF_PARTS: dict[Part, range] = {
    "morning": range(12),
    "noon": range(11, 16),
    "afternoon": range(12, 19),
    "evening": range(16, 24),
    "night": range(17, 24),
}
LATE_HOURS = range(9, 12)
"""Said once they are past, they may be tonight's or tomorrow morning's: people are asked."""
FURTHEST_YEARS = 20
FIRST_HOUR, FIRST_ALARM = 7, 4  # of a day on which nothing is said of am or pm
LONGEST_NAP, HALF_A_DAY = timedelta(hours=4), timedelta(hours=12)
MAX_LENGTH = 200  # characters of the words for a time
FURTHEST_DAYS = 366 * FURTHEST_YEARS

EXAMPLES = "“tomorrow at 5pm”, “friday at 7:30” or “in 20 minutes”"
UNREADABLE = f"I can't read that as a time. When shall it be? For example {EXAMPLES}."
TO_COME = "That is still to come. When was it?"
NOW = {"now", "just now", "right now"}
VAGUE = f"When exactly? For example {EXAMPLES}."
TODAY = "At what time today? For example “today at 5pm” or “in 20 minutes”."
PAST = "That is in the past. When shall it be?"
TOO_FAR = f"That is more than {FURTHEST_YEARS} years away. When shall it be?"
NO_SUCH_DAY = "There is no such day in the calendar. When shall it be?"
NO_SUCH_HOUR = f"That hour is at another time of the day. When shall it be? For example {EXAMPLES}."
MIDNIGHT = "At the start or at the end of that day? Please say 0:01 or 23:59."
PROBLEMS: dict[Problem, str] = {
    "recurring": "This happens only once. When shall it be?",
    "past": PAST,
    "vague": VAGUE,
    "numeric": "Which is the day, which the month? Please write its name, like “3 April”.",
    "unclear": "Which is the day, which the year? Please write it like “3 April 2030”.",
}
MONTH_FIRST = {"US", "CN", "JP", "KR", "TW", "HU"}
EITHER_FIRST = {"", "CA", "GH", "KE", "MY", "NG", "PH", "PR", "ZA"}
"""Countries that write 3/4 for the 4th of March (Unicode CLDR), and those that write both ways."""


class UnclearTime(ValueError):
    """The words don't name one time to come; `question` asks the person for it."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


def resolve(
    words: str, zone: ZoneInfo, now: datetime, tense: Tense = "future", *, early: bool = False
) -> datetime:
    """Return the time that the words name, in `zone`: after `now` (aware), or until then.

    With the tense "past" what may be over is the latest that is: "friday" the last one. `early`
    says that an hour without am or pm is rather one of the morning, as an alarm's is. Raises
    UnclearTime with a question where the words are of the other tense, vague or unreadable.
    """
    if tense == "past" and " ".join(words.casefold().split()).strip(".!") in NOW:
        return now.astimezone(zone)
    meant = _resolution(read_whole(words), zone, now, tense, early=early)
    moment = meant.moment().astimezone(zone)
    if (moment <= now) != (tense == "past"):
        raise UnclearTime(TO_COME if tense == "past" else PAST)
    if moment.year - now.year > FURTHEST_YEARS:
        raise UnclearTime(TOO_FAR)
    return moment


def resolve_date(words: str, zone: ZoneInfo, now: datetime, tense: Tense = "any") -> date:
    """Return the day that the words name in `zone`; today is of every tense.

    With the tense "any" a day without a year is the nearest ("the 3rd"), and a weekday the one to
    come. Raises UnclearTime with a question where no day is named, or one of the other tense.
    """
    if " ".join(words.casefold().split()).strip(".!") in NOW:
        return now.astimezone(zone).date()
    day = _resolution(read_whole(words), zone, now, tense, of_day=True).day()
    today = now.astimezone(zone).date()
    if tense != "any" and day != today and (day < today) != (tense == "past"):
        raise UnclearTime(TO_COME if tense == "past" else PAST)
    if day.year - now.year > FURTHEST_YEARS:
        raise UnclearTime(TOO_FAR)
    return day


def _resolution(
    reading: Reading,
    zone: ZoneInfo,
    now: datetime,
    tense: Tense,
    *,
    of_day: bool = False,
    early: bool = False,
) -> "_Resolution":
    if reading.problem == "numeric" and (country := country_of(zone.key)) not in EITHER_FIRST:
        reading.problem = None
        if country in MONTH_FIRST and reading.date:
            year, month, day = reading.date
            reading.date = year, day, month
    zone = ZoneInfo(reading.zone) if reading.zone else zone
    if reading.problem and (reading.problem != "past" or tense == "future"):
        raise UnclearTime(PROBLEMS[reading.problem])
    return _Resolution(reading, zone, now.astimezone(zone), tense, of_day=of_day, early=early)


def read_whole(words: str) -> Reading:
    """Return what the words say. Raises UnclearTime where some of them can't be read."""
    text = " ".join(words.split())
    found = read(text) if len(text) <= MAX_LENGTH else None
    if found is None and (length := read_duration(in_ascii(text[:MAX_LENGTH]), 0)):
        found = Reading(offset=length[0], slots=frozenset({"offset"})), length[1]
    if found is None and (hour := read(f"at {text}"[:MAX_LENGTH])):
        found = hour[0], hour[1] - len("at ")  # "7" or "8 tomorrow", as an answer to "When?"
    if found is None or text[found[1] :].strip(" .,!?;"):
        raise UnclearTime(UNREADABLE)
    return found[0]


class _Resolution:
    """One reading at one moment."""

    def __init__(
        self,
        reading: Reading,
        zone: ZoneInfo,
        local: datetime,
        tense: Tense = "future",
        *,
        of_day: bool = False,
        early: bool = False,
    ) -> None:
        self.reading, self.zone, self.local = reading, zone, local
        self.tense, self.of_day, self.early = tense, of_day, early
        self.today = local.date()

    def day(self) -> date:
        """Return the day, whatever is said of the hour; an hour alone is today's."""
        reading = self.reading
        if reading.offset and reading.slots == {"offset"}:
            return self._after(reading.offset).date()
        day = self._day()
        if day is None and reading.slots - {"time"}:
            raise UnclearTime(VAGUE)
        return day or self.today

    def moment(self) -> datetime:
        """Put the parts together."""
        reading = self.reading
        if reading.offset and reading.slots == {"offset"}:
            return self._after(reading.offset)
        day = self._day()
        shift = reading.shift or Duration()
        if (shift.seconds and reading.hour is None) or (
            day is None and shift != Duration(shift.seconds)
        ):
            raise UnclearTime(VAGUE)
        at, days_later = self._time_of_day(day)
        if day is None:
            passed = at <= self.local.time()
            if self.tense == "past":
                day = self.today - timedelta(days=not passed)
            else:
                day = self.today + timedelta(days=passed and not days_later)
        day += timedelta(days=days_later)
        moment = attach(datetime.combine(day, at), self.zone, self.local)
        return (moment.astimezone(UTC) + timedelta(seconds=shift.seconds)).astimezone(self.zone)

    def _after(self, length: Duration) -> datetime:
        """Add a length to now: days and months on the calendar, seconds on the clock."""
        if abs(length.seconds) > FURTHEST_DAYS * 86400:
            raise UnclearTime(TOO_FAR)
        moment = self.local
        if length.days or length.months:
            moment = attach(
                datetime.combine(_later(self.today, length), self.local.time()),
                self.zone,
                self.local,
            )
        return (moment.astimezone(UTC) + timedelta(seconds=length.seconds)).astimezone(self.zone)

    def _day(self) -> date | None:
        """Return the day that is named, or None where none is."""
        reading = self.reading
        if reading.offset:
            return self._day_after(reading.offset)
        days = [day for day in (self._counted_day(), self._calendar_day()) if day]
        weekday = reading.weekday
        if weekday is not None:
            if not days:
                days = [self._weekday_day(weekday)]
            elif days[0].weekday() != weekday:
                named = f"{days[0].day} {days[0]:%B %Y} is a {WEEKDAYS[days[0].weekday()].title()}"
                raise UnclearTime(f"{named}. Which day shall it be?")
        if not days and reading.slots & {"week", "month", "year"}:
            raise UnclearTime(VAGUE)
        if not days:
            return None
        return _later(days[0], reading.shift) if reading.shift else days[0]

    def _day_after(self, length: Duration) -> date:
        """Return the day of "in two weeks at noon" or "in two weeks on friday"."""
        if length.seconds or self.reading.slots - {"offset", "time", "part", "weekday"}:
            raise UnclearTime(VAGUE)
        day = _later(self.today, length)
        if self.reading.weekday is None:
            return day
        if length.months or length.days % 7:
            raise UnclearTime(VAGUE)
        return day + timedelta(days=self.reading.weekday - day.weekday())

    def _counted_day(self) -> date | None:
        """Return a day that is counted from today: "tomorrow", "end of the month"."""
        if self.reading.edge:
            return self._edge_day(*self.reading.edge)
        days = self.reading.days
        return None if days is None else self.today + timedelta(days=days)

    def _edge_day(self, edge: str, unit: str) -> date:
        """Return the first or last day of a week, month or year; the end of the day is today."""
        ahead = self.reading.week or 0
        if unit == "day":
            if edge == "start":
                raise UnclearTime(VAGUE)
            return self.today
        if unit == "week":
            monday = self.today - timedelta(days=self.today.weekday()) + timedelta(weeks=ahead)
            return monday + timedelta(days=4 if edge == "end" else 0)
        if unit == "year":
            year, month = self.today.year + ahead, 12 if edge == "end" else 1
        elif unit == "month":
            year, month = _month_ahead(self.today, ahead)
        else:
            month = MONTHS.index(unit[:3]) + 1
            year = self.today.year + (month < self.today.month)
        return date(year, month, calendar.monthrange(year, month)[1] if edge == "end" else 1)

    def _calendar_day(self) -> date | None:
        """Return a day that is named by its number in a month: the next such day that comes."""
        reading = self.reading
        if reading.date is None and reading.month_day is None and not self._is_movable:
            return None
        candidates: Iterable[date | None]
        if self._is_movable:
            candidates = self._movable_days()
        elif reading.date and reading.date[0]:
            candidates = [_date_or_none(reading.date[0], *reading.date[1:])]
        elif reading.date:
            _, month, day = reading.date
            years = range(self.today.year - 8, self.today.year + 9)  # 29 February is among them
            candidates = (_date_or_none(year, month, day) for year in years)
        else:
            months = range(-12, 13) if reading.month is None else [reading.month]
            number = reading.month_day or 0
            candidates = (
                _date_or_none(*_month_ahead(self.today, ahead), number) for ahead in months
            )
        in_calendar = [day for day in candidates if day]
        if not in_calendar:
            raise UnclearTime(NO_SUCH_DAY)
        over = [day for day in in_calendar if day <= self.today]
        coming = [day for day in in_calendar if day >= self.today]
        if self.tense == "any":
            return min((*over[-1:], *coming[:1]), key=lambda day: abs(day - self.today))
        return (over[-1:] or coming[:1])[0] if self.tense == "past" else (coming or over[-1:])[0]

    @property
    def _is_movable(self) -> bool:
        return self.reading.place is not None or bool(self.reading.holiday)

    def _movable_days(self) -> Iterator[date | None]:
        """Yield the days of "the last monday of march" or of easter, in the years around."""
        holiday, place = self.reading.holiday, self.reading.place
        years: Iterable[int] = range(self.today.year - 1, self.today.year + 2)
        if holiday == "thanksgiving":
            if country_of(self.zone.key) != "US":
                raise UnclearTime(VAGUE)
            place = 4, 3, 11, None
        if place is None:
            later = {"good friday": -2, "easter monday": 1}.get(holiday, 0)
            yield from (easter(year) + timedelta(days=later) for year in years)
            return
        number, weekday, month, year = place
        if month is None:
            months = [_month_ahead(self.today, self.reading.month or 0)]
        else:
            months = [(one, month) for one in ([year] if year else years)]
        yield from (_weekday_of_month(*one, weekday, number) for one in months)

    def _weekday_day(self, weekday: int) -> date:
        """Return the day for "friday", "next friday" or "friday next week"."""
        reading = self.reading
        monday = self.today - timedelta(days=self.today.weekday())
        if reading.week is not None:
            return monday + timedelta(days=weekday, weeks=reading.week)
        if reading.which == "next":
            return monday + timedelta(days=weekday, weeks=1)
        if reading.which == "last":
            return self.today - timedelta(days=(self.today.weekday() - weekday) % 7 or 7)
        if self.tense == "past":
            day = self.today - timedelta(days=(self.today.weekday() - weekday) % 7)
            if day == self.today and not self.of_day and reading.which != "this":
                at, _ = self._time_of_day(day)
                day -= timedelta(weeks=at > self.local.time())
            return day
        day = self.today + timedelta(days=(weekday - self.today.weekday()) % 7)
        if day == self.today and not self.of_day and reading.which != "this":
            at, days_later = self._time_of_day(day)
            if not days_later and at <= self.local.time():
                day += timedelta(weeks=1)
        return day

    def _time_of_day(self, day: date | None) -> tuple[time, int]:
        """Return the time of day, and how many days later it is: 1 for a night's small hours."""
        reading, hour = self.reading, self.reading.hour
        if hour is None:
            return self._usual_time(), 0
        if reading.part:
            hour, days_later = hour_of_part(reading, hour, reading.part)
            return time(hour, reading.minute, reading.second), days_later
        if reading.is_exact and hour == 0 and not reading.minute and day and day != self.today:
            raise UnclearTime(MIDNIGHT)
        if reading.half:
            hour = hour % 12 + (12 if reading.half == "pm" else 0)
        elif not reading.is_exact:
            hour = self._likely_hour(hour, day)
        is_next_midnight = hour == 0 and not reading.minute and day == self.today
        return time(hour, reading.minute, reading.second), int(is_next_midnight)

    def _usual_time(self) -> time:
        reading = self.reading
        if reading.part:
            return PARTS[reading.part]
        if reading.edge in (("end", "day"), ("end", "week")):
            return WORK_ENDS
        if reading.days == 0:
            raise UnclearTime(TODAY)
        return DAY_STARTS

    def _likely_hour(self, hour: int, day: date | None) -> int:
        """Choose the half of the day for an hour from 1 to 12 that was said without one."""
        if hour == 12:
            return 12
        if day is not None and day != self.today:
            return likely_hour(hour, early=self.early)
        if self.early:
            return self._waking_hour(hour, day)
        minute, is_past = self.reading.minute, time(hour, self.reading.minute) <= self.local.time()
        if self.tense == "past":
            over = [one for one in (hour, hour + 12) if time(one, minute) <= self.local.time()]
            return max(over, default=hour + 12)
        if day is None and hour in LATE_HOURS and is_past:
            late = f"{hour + 12}:{minute:02}"
            if time(hour + 12, minute) > self.local.time():
                raise UnclearTime(f"Do you mean {late} today or {hour}:{minute:02} tomorrow?")
        waking = [one for one in (hour, hour + 12) if one >= WAKING_HOUR]
        ahead = [one for one in waking if time(one, minute) > self.local.time()]
        return min(ahead or waking)

    def _waking_hour(self, hour: int, day: date | None) -> int:
        """Choose the half of today, or of no day, for an hour from 1 to 11 at which to wake."""
        at = datetime.combine(self.today, time(hour, self.reading.minute))
        passed = self.local.replace(tzinfo=None) - at
        ends_nap = HALF_A_DAY - LONGEST_NAP <= passed < HALF_A_DAY
        is_of_today = day is not None and self.reading.weekday is None
        return hour + 12 if ends_nap or (is_of_today and passed >= timedelta(0)) else hour


def end_of_series(until: Reading | Duration, first: date, zone: ZoneInfo, now: datetime) -> date:
    """Return the last day of what comes again from `first` on. Raises UnclearTime."""
    if isinstance(until, Duration):
        if until.seconds:
            raise UnclearTime(VAGUE)
        last = _later(first, until) - timedelta(days=1)
    else:
        last = _resolution(until, zone, now, "future", of_day=True).day()
    if last.year - now.year > FURTHEST_YEARS:
        raise UnclearTime(TOO_FAR)
    return last


def attach(moment: datetime, zone: ZoneInfo, past: datetime | None = None) -> datetime:
    """Give a naive local time its zone; of one that comes twice the first, if that is not `past`.

    One that the clocks skip moves on by the skipped hour.
    """
    first = moment.replace(tzinfo=zone)
    real = first.astimezone(UTC).astimezone(zone)
    if real.replace(tzinfo=None) != moment:
        return real  # the clocks skip it, and the way there and back moved it on
    return first.replace(fold=1) if past and first <= past else first


def hour_of_part(reading: Reading, hour: int, part: Part) -> tuple[int, int]:
    """Return the hour of "8 in the evening", and how many days later it is: 1 after midnight.

    Raises UnclearTime for an hour that the part of the day does not have.
    """
    is_late = part in ("evening", "night")
    at_midnight = hour == 0 if reading.is_exact else hour == 12 and reading.half != "pm"
    if is_late and at_midnight:
        return 0, 1
    if part == "night" and hour < SMALL_HOURS and reading.half != "pm":
        return hour, 1
    if reading.half:
        hour = hour % 12 + (12 if reading.half == "pm" else 0)
    elif not reading.is_exact and part != "morning" and hour not in HOURS_OF_PARTS[part]:
        hour += 12
    if hour not in HOURS_OF_PARTS[part]:
        raise UnclearTime(NO_SUCH_HOUR)
    return hour, 0


def likely_hour(hour: int, *, early: bool = False) -> int:
    """Choose the half of another day for an hour from 1 to 12: when people are awake."""
    return hour + 12 if hour < (FIRST_ALARM if early else FIRST_HOUR) else hour


def _later(day: date, length: Duration) -> date:
    """Add the months and days of a length; a day past the end of its month becomes the last one."""
    if abs(length.days) > FURTHEST_DAYS or abs(length.months) > 12 * FURTHEST_YEARS:
        raise UnclearTime(TOO_FAR)
    year, month = _month_ahead(day, length.months)
    last = calendar.monthrange(year, month)[1]
    return date(year, month, min(day.day, last)) + timedelta(days=length.days)


def _month_ahead(day: date, months: int) -> tuple[int, int]:
    """Return the year and month so many months after a day's."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return year, month + 1


def _weekday_of_month(year: int, month: int, weekday: int, number: int) -> date | None:
    """Return the first (1) or last (-1) friday of a month, None where it has no fifth."""
    first, length = calendar.monthrange(year, month)
    days = [*range(1 + (weekday - first) % 7, length + 1, 7)]
    return date(year, month, days[min(number, 6) - (number > 0)]) if number <= len(days) else None


def _date_or_none(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
