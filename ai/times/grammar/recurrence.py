"""The words for what comes again: "every weekday", "every other monday", "each month"."""

import re

from ai.times.grammar.days import HOLIDAYS, MONTH, MONTHS, PARTS, WEEKDAY, WEEKDAYS
from ai.times.grammar.numbers import NUMBER, ORDINAL, number, ordinal
from ai.times.grammar.reading import Every, Frequency, Piece, Reading, named, piece

UNITS: dict[str, tuple[Frequency, int]] = {
    "minute": ("MINUTELY", 1),
    "hour": ("HOURLY", 1),
    "day": ("DAILY", 1),
    "week": ("WEEKLY", 1),
    "fortnight": ("WEEKLY", 2),
    "month": ("MONTHLY", 1),
    "quarter": ("MONTHLY", 3),
    "year": ("YEARLY", 1),
}
ADVERBS: dict[str, Frequency] = {
    "hourly": "HOURLY",
    "daily": "DAILY",
    "everyday": "DAILY",
    "weekly": "WEEKLY",
    "monthly": "MONTHLY",
    "yearly": "YEARLY",
    "annually": "YEARLY",
}
WORKDAYS, WEEKEND = (0, 1, 2, 3, 4), (5, 6)
_ABBREVIATED = WEEKDAY.removesuffix("(?![a-z])")
_DAYS = rf"{_ABBREVIATED}s?(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*){_ABBREVIATED}s?)*"
_EVERY = r"(?:every|each)\s+(?:single\s+)?"
_OTHER = r"(?:(?P<other>other|second)\s+)?"
_ON = r"(?:on\s+)?"

EVERY: list[Piece] = []


def _again(reading: Reading, every: Every, *slots: str) -> bool:
    """Note it; the slots say which parts of a time may not be said beside it any more."""
    reading.every, reading.problem = every, "recurring"
    return reading.take("every", *slots)


@piece(
    rf"{_EVERY}(?:{_OTHER}|(?P<number>{NUMBER})\s+)(?P<unit>{'|'.join(UNITS)})s?",
    EVERY,
)
def _every_unit(match: re.Match[str], reading: Reading) -> bool:
    frequency, times = UNITS[named(match, "unit")]
    amount = number(match["number"]) if match["number"] else 2 if match["other"] else 1
    every = Every(frequency, int(amount) * times, is_whole=amount == int(amount) and amount > 0)
    if frequency in ("MINUTELY", "HOURLY", "DAILY"):
        return _again(reading, every, "day", "weekday")
    return _again(reading, every, *(() if frequency == "WEEKLY" else ("weekday",)))


@piece("fortnightly", EVERY)
def _fortnightly(_: re.Match[str], reading: Reading) -> bool:
    return _again(reading, Every("WEEKLY", 2))


@piece(rf"(?P<often>{'|'.join(ADVERBS)})", EVERY)
@piece(r"once\s+(?:an?|every|each|per)\s+(?P<unit>hour|day|week|month|year)", EVERY)
def _often(match: re.Match[str], reading: Reading) -> bool:
    groups = match.groupdict()
    unit = groups.get("unit")
    frequency = UNITS[unit.lower()][0] if unit else ADVERBS[named(match, "often")]
    if frequency in ("HOURLY", "DAILY"):
        return _again(reading, Every(frequency), "day", "weekday")
    return _again(reading, Every(frequency), *(() if frequency == "WEEKLY" else ("weekday",)))


@piece(
    rf"(?:twice|(?:three|four|{NUMBER})\s+times)\s+(?:an?|every|each|per)\s+"
    r"(?:hour|day|week|month|year)",
    EVERY,
)
def _several_times(match: re.Match[str], reading: Reading) -> bool:
    return _again(reading, Every("DAILY", is_whole=False), "day", "weekday")


@piece(rf"{_EVERY}(?P<part>{'|'.join(PARTS)})s?", EVERY)
def _every_part(match: re.Match[str], reading: Reading) -> bool:
    reading.part = PARTS[named(match, "part")]
    return _again(reading, Every("DAILY"), "day", "weekday", "part")


@piece(rf"(?:{_EVERY}{_OTHER}|on\s+)(?P<end>week(?:day|end)|work(?:ing\s+)?day)s?", EVERY)
@piece(r"(?P<end>weekday|weekend|workday)s", EVERY)
def _every_end(match: re.Match[str], reading: Reading) -> bool:
    text = match[0].lower()
    if text.startswith("on ") and not text.endswith("s"):
        return False  # "on the weekend" is one
    days = WEEKEND if named(match, "end") == "weekend" else WORKDAYS
    groups = match.groupdict()
    return _again(reading, Every("WEEKLY", 2 if groups.get("other") else 1, days), "day", "weekday")


@piece(
    rf"(?P<every>{_EVERY})?(?P<first>{_ABBREVIATED})s?"
    rf"(?:\s*[-–]\s*|\s+(?:to|till|through|thru)\s+)(?P<last>{_ABBREVIATED})s?"  # noqa: RUF001
    r"(?P<clock>(?=,?\s+(?:at\s+|@\s*)?\d))?",
    EVERY,
)
def _from_weekday_to_weekday(match: re.Match[str], reading: Reading) -> bool:
    is_series = match["every"] or match["clock"] is not None or "time" in reading.slots
    first, last = _weekday(match["first"]), _weekday(match["last"])
    if first == last or not is_series:
        return False  # "move gym from monday to friday"
    days = tuple(day for day in range(7) if (day - first) % 7 <= (last - first) % 7)
    return _again(reading, Every("WEEKLY", weekdays=days), "day", "weekday")


@piece(rf"(?:weekly|{_EVERY}week)\s+on\s+(?P<days>{_DAYS})", EVERY)
@piece(rf"{_EVERY}{_OTHER}(?P<days>{_DAYS})", EVERY)
@piece(
    r"(?:on\s+)?(?P<days>(?:mon|tues|wednes|thurs|fri|satur|sun)days"
    r"(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*)(?:mon|tues|wednes|thurs|fri|satur|sun)days)*)",
    EVERY,
)
def _every_weekday(match: re.Match[str], reading: Reading) -> bool:
    days = sorted({_weekday(word) for word in re.findall(_ABBREVIATED, match["days"], re.I)})
    interval = 2 if match.groupdict().get("other") else 1
    return _again(reading, Every("WEEKLY", interval, tuple(days)), "day", "weekday")


@piece(
    rf"{_ON}(?:the\s+)?(?P<place>{ORDINAL}|last)\s+(?P<day>day|{WEEKDAY})\s+of\s+{_EVERY}"
    r"(?:(?P<number>other|second)\s+)?(?P<unit>month)",
    EVERY,
)
@piece(
    rf"{_EVERY}(?P<number>(?:other|second)\s+)?(?P<unit>month)\s+{_ON}the\s+"
    rf"(?P<place>{ORDINAL}|last)\s+(?P<day>day|{WEEKDAY})",
    EVERY,
)
@piece(
    rf"{_ON}(?:the\s+)?(?P<place>{ORDINAL})(?P<day>)\s+of\s+{_EVERY}(?P<number>)(?P<unit>month)",
    EVERY,
)
@piece(rf"{_EVERY}(?P<place>first|1st|last)\s+(?P<day>{WEEKDAY})(?P<number>)(?P<unit>)", EVERY)
@piece(
    rf"{_EVERY}(?P<place>{ORDINAL}|last)\s+(?P<day>day|{WEEKDAY})\s+(?:of|in)\s+"
    r"(?:the|an?|each|every)\s+(?P<number>)(?P<unit>month)",
    EVERY,
)
# "Every second" is no day of the month; it is nothing that anybody is reminded of, so it is asked.
@piece(rf"{_EVERY}(?P<place>(?!second\b){ORDINAL})(?P<day>)(?P<number>)(?P<unit>)", EVERY)
@piece(
    rf"(?:at\s+|on\s+)?(?:the\s+)?(?P<edge>end|start|beginning)\s+of\s+{_EVERY}(?P<unit>month)",
    EVERY,
)
def _every_month(match: re.Match[str], reading: Reading) -> bool:
    groups = match.groupdict()
    if edge := groups.get("edge"):
        place, day = -1 if edge.lower() == "end" else 1, ""
    else:
        place = -1 if named(match, "place") == "last" else ordinal(match["place"])
        day = named(match, "day")
    interval = 2 if groups.get("number") else 1
    if day and day != "day":
        every = Every("MONTHLY", interval, (_weekday(day),), place=place)
        return place <= 4 and _again(reading, every, "day", "weekday")
    return _again(reading, Every("MONTHLY", interval, month_day=place), "day", "weekday")


@piece(rf"{_EVERY}(?P<day>{ORDINAL}|\d{{1,2}})(?:\s+of)?\s+(?P<month>{MONTH})", EVERY)
@piece(rf"{_EVERY}(?P<month>{MONTH})\s+(?:the\s+)?(?P<day>{ORDINAL}|\d{{1,2}})", EVERY)
@piece(rf"{_EVERY}(?P<holiday>{'|'.join(HOLIDAYS)})", EVERY)
def _every_date(match: re.Match[str], reading: Reading) -> bool:
    if holiday := match.groupdict().get("holiday"):
        month, day = HOLIDAYS[holiday.lower()]
    else:
        said = match["day"]
        month = MONTHS.index(named(match, "month")[:3]) + 1
        day = int(said) if said.isdigit() else ordinal(said)
    return _again(reading, Every("YEARLY", month=month, month_day=day), "day", "weekday")


def _weekday(name: str) -> int:
    return next(i for i, day in enumerate(WEEKDAYS) if day[:3] == name.lower()[:3])
