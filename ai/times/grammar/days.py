"""The words that name a day: "tomorrow", "next friday", "the 3rd of March", "end of the month"."""

import re

from ai.times.grammar.durations import Duration
from ai.times.grammar.numbers import ORDINAL, ordinal
from ai.times.grammar.reading import Part, Piece, Reading, named, piece

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])\.?"
)
WEEKDAY = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday|nsday)?|thu(?:rs?(?:day)?)?|fri(?:day)?"
    r"|sat(?:urday|erday)?|sun(?:day)?)(?![a-z])"
)
WORDY_WEEKDAYS = {"sun", "sat", "wed"}  # words of their own: alone they are no date
PARTS: dict[str, Part] = {
    "morning": "morning",
    "lunchtime": "noon",
    "afternoon": "afternoon",
    "arvo": "afternoon",
    "evening": "evening",
    "night": "night",
}
HOLIDAYS = {
    "christmas eve": (12, 24),
    "christmas day": (12, 25),
    "christmas": (12, 25),
    "xmas eve": (12, 24),
    "xmas day": (12, 25),
    "xmas": (12, 25),
    "x-mas": (12, 25),
    "boxing day": (12, 26),
    "new year's eve": (12, 31),
    "new years eve": (12, 31),
    "new year's day": (1, 1),
    "new years day": (1, 1),
    "halloween": (10, 31),
    "valentine's day": (2, 14),
    "valentines day": (2, 14),
}

FIRST_YEAR = 24  # of this century that 26/05/30 may begin with
MOVABLE = ("easter sunday", "easter monday", "easter", "good friday", "thanksgiving")

_PART = rf"(?P<part>{'|'.join(PARTS)})"
_BY = r"on|by|(?<!day\s)before"  # the day before Friday is another one
_ON = rf"(?:(?:{_BY})\s+)?"
_YEAR = r"(?:,?\s+(?P<year>(?:1[89]|2\d)\d\d)(?!:))?"

DAYS: list[Piece] = []


@piece(
    r"(?:by\s+)?(?:(?P<today>today|2day)"
    r"|(?P<tomorrow>tom+or+ow|tmrw|tmr|tmw|tomoz|2mor+ow|2moro)"
    r"|(?:the\s+)?day\s+after\s+tom+or+ow)",
    DAYS,
)
def _day(match: re.Match[str], reading: Reading) -> bool:
    reading.days = 0 if match["today"] else 1 if match["tomorrow"] else 2
    return reading.take("day")


@piece(rf"(?:(?:to|2)n(?:ight|ite)|this\s+{_PART})", DAYS)
def _part_of_today(match: re.Match[str], reading: Reading) -> bool:
    reading.days = 0
    reading.part = PARTS[named(match, "part") or "night"]
    return reading.take("day", "part")


@piece(
    rf"(?:(?P<before>in\s+the\s+|at\s+(?=night|lunch))?{_PART}"
    r"|(?P<first>first\s+thing)(?:\s+in\s+the\s+morning)?)",
    DAYS,
)
def _part(match: re.Match[str], reading: Reading) -> bool:
    if not (match["before"] or match["first"] or reading.slots & {"day", "weekday"}):
        return False  # "morning" alone is no time; "tomorrow morning" is
    reading.part = PARTS[named(match, "part") or "morning"]
    return reading.take("part")


@piece(
    rf"(?P<before>(?:{_BY})\s+)?(?P<which>(?:this\s+)?coming\s+|this\s+|next\s+)?"
    rf"(?P<day>{WEEKDAY})(?P<later>\s+week)?",
    DAYS,
)
def _weekday(match: re.Match[str], reading: Reading) -> bool:
    name = named(match, "day")
    reading.is_weak = name in WORDY_WEEKDAYS and not (match["before"] or match["which"])
    reading.weekday = next(i for i, day in enumerate(WEEKDAYS) if day[:3] == name[:3])
    which = named(match, "which").strip()
    reading.which = which if which in ("this", "next") else ""
    if match["later"]:  # "friday week" is a week after friday
        reading.shift = Duration(days=7)
    return reading.take("weekday", *(("shift",) if match["later"] else ()))


@piece(rf"{_ON}(?:the\s+)?(?P<day>{ORDINAL}|\d{{1,2}})(?:\s+of)?\s+(?P<month>{MONTH}){_YEAR}", DAYS)
@piece(
    rf"{_ON}(?P<month>{MONTH})\s+(?:the\s+)?(?P<day>{ORDINAL}|\d{{1,2}}(?!\s?[ap]\.?m|\s?o.?clock))"
    rf"{_YEAR}",
    DAYS,
)
@piece(rf"{_ON}(?P<year>(?:1[89]|2\d)\d\d)([-/])(?P<month>\d\d)\2(?P<day>\d\d)", DAYS)
@piece(rf"{_ON}(?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})\.(?P<year>(?:1[89]|2\d)?\d\d)?", DAYS)
def _date(match: re.Match[str], reading: Reading) -> bool:
    day, month = match["day"], named(match, "month")
    year = match["year"] or ""
    reading.date = (
        int(f"20{year}"[-4:]) if year else None,
        int(month) if month.isdigit() else MONTHS.index(month[:3]) + 1,
        int(day) if day.isdigit() else ordinal(day),
    )
    return reading.take("day")


@piece(
    r"(?P<year>2\d{3})-(?P<month>\d\d)-(?P<day>\d\d)T(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)"
    r"(?::(?P<second>[0-5]\d))?",
    DAYS,
)
def _iso_moment(match: re.Match[str], reading: Reading) -> bool:
    reading.hour, reading.minute = int(match["hour"]), int(match["minute"])
    reading.second, reading.is_exact = int(match["second"] or 0), True
    return reading.take("time") and _date(match, reading)


@piece(rf"{_ON}(?P<first>\d{{1,2}})/(?P<second>\d{{1,2}})(?:/(?P<year>(?:1[89]|2\d)?\d\d))?", DAYS)
def _slashed_date(match: re.Match[str], reading: Reading) -> bool:
    """Read a date in numbers; where several are possible the person's country decides.

    With a year of two digits the first number may be the year as well: that is asked about.
    """
    first, second, last = int(match["first"]), int(match["second"]), match["year"] or ""
    year = int(f"20{last}"[-4:]) if last else None
    by_year = len(last) == 2 and 1 <= int(last) <= 31
    if by_year and first >= FIRST_YEAR and second <= 12:
        reading.problem = "unclear"  # 26/05/30
        return first <= 31 and reading.take("day")
    reading.is_day_first = first <= 12 and second <= 12 and first != second
    if reading.is_day_first:
        reading.problem = "numeric"  # 3/4 is in March for some and in April for others
    month, day = (first, second) if second > 12 else (second, first)
    reading.date = (year, month, day)
    reading.is_weak = not last  # "1/2" may be a half
    return reading.take("day")


@piece(
    rf"(?P<before>(?:{_BY})\s+)?(?:the\s+)?(?P<day>{ORDINAL})"
    r"(?:\s+of\s+(?P<which>this|the|next)\s+month)?",
    DAYS,
)
def _day_of_month(match: re.Match[str], reading: Reading) -> bool:
    reading.month_day = ordinal(match["day"])
    reading.is_weak = not (match["before"] or match["which"])
    if not match["which"]:
        return reading.take("day")
    reading.month = int(named(match, "which") == "next") if named(match, "which") != "the" else None
    return reading.take("day", "month")


@piece(r"(?:on\s+|at\s+)?(?:the\s+)?weekend|(?P<which>this|next)\s+weekend", DAYS)
def _weekend(match: re.Match[str], reading: Reading) -> bool:
    reading.weekday, reading.which = 5, named(match, "which")
    reading.is_weak = match[0].lower() == "weekend"  # of a list's name: "forest weekend"
    return reading.take("weekday", "week")


@piece(
    rf"{_ON}(?:the\s+)?(?P<place>{ORDINAL}|last)\s+(?P<day>{WEEKDAY})\s+(?:of|in)\s+"
    rf"(?:(?P<which>this|the|next)\s+month|(?P<month>{MONTH}){_YEAR})",
    DAYS,
)
def _weekday_of_month(match: re.Match[str], reading: Reading) -> bool:
    place = -1 if named(match, "place") == "last" else ordinal(match["place"])
    weekday = next(i for i, day in enumerate(WEEKDAYS) if day[:3] == named(match, "day")[:3])
    month = MONTHS.index(named(match, "month")[:3]) + 1 if match["month"] else None
    reading.place = (place, weekday, month, int(match["year"]) if match["year"] else None)
    reading.month = None if month else int(named(match, "which") == "next")
    return place <= 5 and reading.take("day", "weekday", "month")


@piece(r"(?:of\s+)?(?P<which>next|this)\s+(?P<unit>week|month|year)", DAYS)
@piece(r"(?:of\s+)?(?:the\s+)?(?P<unit>week)\s+(?P<which>after\s+next)", DAYS)
def _week(match: re.Match[str], reading: Reading) -> bool:
    unit, ahead = named(match, "unit"), {"this": 0, "next": 1}.get(named(match, "which"), 2)
    if unit == "week":
        reading.week = ahead
    elif unit == "month":
        reading.month = ahead
    else:
        reading.problem = "vague"
    return reading.take(unit)


@piece(
    rf"(?:(?:{_BY}|at)\s+)?(?:the\s+)?(?P<edge>end|start|beginning|first\s+day|last\s+day)\s+of\s+"
    rf"(?:(?P<which>the|this|next)\s+)?(?P<unit>day|week|month|year|{MONTH})",
    DAYS,
)
def _edge(match: re.Match[str], reading: Reading) -> bool:
    edge = "end" if named(match, "edge") in ("end", "last day") else "start"
    reading.edge = (edge, named(match, "unit"))
    reading.week = reading.month = int(named(match, "which") == "next")
    return reading.take("day", "weekday", "week", "month")


@piece(r"(?:by\s+)?(?P<edge>eod|eow|eom)", DAYS)
def _short_edge(match: re.Match[str], reading: Reading) -> bool:
    units = {"eod": "day", "eow": "week", "eom": "month"}
    reading.edge = ("end", units[named(match, "edge")])
    reading.week = reading.month = 0
    return reading.take("day", "weekday", "week", "month")


@piece(rf"{_ON}(?P<holiday>{'|'.join(HOLIDAYS)})", DAYS)
def _holiday(match: re.Match[str], reading: Reading) -> bool:
    reading.date = (None, *HOLIDAYS[named(match, "holiday")])
    return reading.take("day")


@piece(rf"(?P<before>(?:{_BY}|at)\s+)?(?P<holiday>{'|'.join(MOVABLE)})", DAYS)
def _movable_holiday(match: re.Match[str], reading: Reading) -> bool:
    """Read a holiday that is on another day each year."""
    reading.holiday = " ".join(named(match, "holiday").split())
    reading.is_weak = not match["before"]  # "buy easter eggs"
    return reading.take("day", "weekday")


@piece(r"(?P<two>(?:the\s+)?day\s+before\s+)?yesterday|(?P<night>last\s+night)", DAYS)
def _yesterday(match: re.Match[str], reading: Reading) -> bool:
    reading.problem, reading.days = "past", -2 if match["two"] else -1
    if not match["night"]:
        return reading.take("day", "weekday")
    reading.part = "night"
    return reading.take("day", "weekday", "part")


@piece(rf"(?:on\s+)?last\s+(?P<day>{WEEKDAY})", DAYS)
def _last_weekday(match: re.Match[str], reading: Reading) -> bool:
    reading.problem, reading.which = "past", "last"
    reading.weekday = next(
        i for i, day in enumerate(WEEKDAYS) if day[:3] == match["day"].lower()[:3]
    )
    return reading.take("day", "weekday")


@piece(r"(?:of\s+)?last\s+(?P<unit>week|month|year)", DAYS)
def _last(match: re.Match[str], reading: Reading) -> bool:
    """Read "last month", beside which the day may be said: "the 3rd of last month"."""
    unit, reading.problem = named(match, "unit"), "past"
    if unit == "week":
        reading.week = -1
    elif unit == "month":
        reading.month = -1
    return reading.take(unit)


@piece(
    rf"in\s+(?:a\s+(?:bit|while|moment)|(?:a\s+)?few\s+\w+|{MONTH})"
    r"|later(?:\s+today)?|soon|sometime|someday|(?:right\s+)?now|asap",
    DAYS,
)
def _vague(match: re.Match[str], reading: Reading) -> bool:
    reading.problem = "vague"
    return reading.take("day", "weekday", "time")
