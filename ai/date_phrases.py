"""The English words for times, read into their parts; no clock and no zone here.

A phrase is a run of pieces ("next friday", "at 7", "in the evening"). Each piece fills slots of a
Reading; a piece whose slot is taken ends the phrase. What the parts mean at a given moment is
decided in ai/dates.py.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ai.durations import Duration, read_duration
from ai.number_words import HOUR, NUMBER, ORDINAL, number, ordinal

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

Problem = Literal["recurring", "past", "vague", "numeric", "bad"]


@dataclass
class Reading:
    """The parts that a phrase names; what it does not name is None."""

    offset: Duration | None = None
    shift: Duration | None = None  # counts from the day that is named: "a week from friday"
    days: int | None = None  # from today
    weekday: int | None = None
    is_next: bool = False  # "next friday"
    date: tuple[int | None, int, int] | None = None  # year, month, day
    month_day: int | None = None
    week: int | None = None  # weeks from this one
    month: int | None = None  # months from this one
    edge: str | None = None  # "end of month"
    hour: int | None = None
    minute: int = 0
    second: int = 0
    half: str | None = None  # "am" or "pm"
    is_exact: bool = False  # the hour is on the 24-hour clock
    part: str | None = None  # "morning", "afternoon", "evening", "night"
    problem: Problem | None = None
    is_weak: bool = False  # too little to be taken out of a sentence
    slots: set[str] = field(default_factory=set)

    def take(self, *slots: str) -> bool:
        """Reserve slots; False where one is taken."""
        if self.slots.intersection(slots):
            return False
        self.slots.update(slots)
        return True


Piece = Callable[[str, int, Reading], int | None]
"""Reads one piece at a position into the Reading; returns where it ends, or None."""

_END = re.compile(r"(?![\w'’/-]|[.:,]\d)")  # noqa: RUF001
_GAP = re.compile(r"\s*,?\s*(?:(?:and|on|-|–)\s+)?", re.IGNORECASE)  # noqa: RUF001
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday|nsday)?|thu(?:rs?(?:day)?)?|fri(?:day)?"
    r"|sat(?:urday|erday)?|sun(?:day)?)"
)
_PART = r"(?P<part>morning|afternoon|evening|night)"
_AMPM = r"(?:\s?(?P<half>[ap])\.?m\b\.?)"
_AT = r"(?:(?:at|by|around|about)\s+|@\s*)"
_ON = r"(?:(?:on|by)\s+)?"
_YEAR = r"(?:,?\s+(?P<year>2\d\d\d))?"
_WORDY_WEEKDAYS = {"sun", "sat", "wed"}  # words of their own: alone they are no date
_pieces: list[Piece] = []


def _piece(pattern: str) -> Callable[[Callable[[re.Match[str], Reading], bool]], Piece]:
    """Make a piece of a pattern and of a function that fills the slots, False to refuse."""
    compiled = re.compile(pattern, re.IGNORECASE)

    def register(fill: Callable[[re.Match[str], Reading], bool]) -> Piece:
        def read(text: str, start: int, reading: Reading) -> int | None:
            match = compiled.match(text, start)
            return match.end() if match and fill(match, reading) else None

        _pieces.append(read)
        return read

    return register


@_piece(
    r"(?:(?P<today>today)|(?P<tomorrow>tom+or+ow|tmrw|tmr|2morrow)|(?:the\s+)?day\s+after\s+tom+or+ow)"
)
def _day(match: re.Match[str], reading: Reading) -> bool:
    reading.days = 0 if match["today"] else 1 if match["tomorrow"] else 2
    return reading.take("day")


@_piece(rf"(?:ton(?:ight|ite)|this\s+{_PART})")
def _this_part(match: re.Match[str], reading: Reading) -> bool:
    reading.days = 0
    reading.part = (match["part"] or "night").lower()
    return reading.take("day", "part")


@_piece(rf"(?P<before>in\s+the\s+|at\s+(?=night))?{_PART}")
def _part(match: re.Match[str], reading: Reading) -> bool:
    if not match["before"] and not reading.slots & {"day", "weekday"}:
        return False  # "morning" alone is no time; "tomorrow morning" is
    reading.part = match["part"].lower()
    return reading.take("part")


@_piece(
    rf"(?P<before>(?:on|by)\s+)?(?P<which>(?:this\s+)?coming\s+|this\s+|next\s+)?"
    rf"(?P<weekday>{_WEEKDAY})(?![a-z])"
)
def _weekday(match: re.Match[str], reading: Reading) -> bool:
    name = match["weekday"].lower()
    if name in _WORDY_WEEKDAYS and not (match["before"] or match["which"]):
        reading.is_weak = True
    reading.weekday = next(i for i, day in enumerate(WEEKDAYS) if day[:3] == name[:3])
    reading.is_next = (match["which"] or "").lower().startswith("next")
    return reading.take("weekday")


@_piece(
    rf"{_ON}(?:the\s+)?(?P<day>{ORDINAL}|\d{{1,2}})(?:\s+of)?\s+(?P<month>{_MONTH})(?![a-z]){_YEAR}"
)
def _day_month(match: re.Match[str], reading: Reading) -> bool:
    return _fill_date(match, reading)


@_piece(
    rf"{_ON}(?P<month>{_MONTH})\s+(?:the\s+)?(?P<day>{ORDINAL}|\d{{1,2}}(?![\d:]|\s?[ap]\.?m)){_YEAR}"
)
def _month_day_name(match: re.Match[str], reading: Reading) -> bool:
    return _fill_date(match, reading)


def _fill_date(match: re.Match[str], reading: Reading) -> bool:
    day = match["day"]
    reading.date = (
        int(match["year"]) if match["year"] else None,
        MONTHS.index(match["month"].lower()[:3]) + 1,
        int(day) if day.isdigit() else ordinal(day),
    )
    return reading.take("day")


@_piece(rf"{_ON}(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)")
def _iso_date(match: re.Match[str], reading: Reading) -> bool:
    reading.date = (int(match["year"]), int(match["month"]), int(match["day"]))
    return reading.take("day")


@_piece(rf"{_ON}(?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})\.(?P<year>\d{{4}})?")
def _dotted_date(match: re.Match[str], reading: Reading) -> bool:
    reading.date = (
        int(match["year"]) if match["year"] else None,
        int(match["month"]),
        int(match["day"]),
    )
    return reading.take("day")


@_piece(rf"{_ON}(?P<first>\d{{1,2}})/(?P<second>\d{{1,2}})(?:/(?P<year>\d{{4}}))?")
def _slashed_date(match: re.Match[str], reading: Reading) -> bool:
    first, second = int(match["first"]), int(match["second"])
    if first <= 12 and second <= 12 and first != second:
        reading.problem = "numeric"  # the third of April, or of March the fourth
    day, month = (second, first) if second > 12 else (first, second)
    reading.date = (int(match["year"]) if match["year"] else None, month, day)
    return reading.take("day")


@_piece(
    rf"(?P<on>(?:on|by)\s+)?the\s+(?P<day>{ORDINAL})(?:\s+of\s+(?P<which>this|the|next)\s+month)?"
)
def _month_day(match: re.Match[str], reading: Reading) -> bool:
    reading.month_day = ordinal(match["day"])
    if match["which"]:
        reading.month = int(match["which"].lower() == "next")
        return reading.take("day", "month")
    reading.is_weak = not match["on"] and not reading.slots
    return reading.take("day")


@_piece(r"(?:(?:at|on|by)\s+)?(?P<which>next|this|the)\s+(?P<unit>weekend|week|month|year)")
def _week(match: re.Match[str], reading: Reading) -> bool:
    unit, ahead = match["unit"].lower(), int(match["which"].lower() == "next")
    if unit == "weekend":
        reading.week, reading.weekday = ahead, 5
        return reading.take("week", "weekday")
    if match["which"].lower() == "the":
        return False
    if unit == "week":
        reading.week = ahead
    elif unit == "month":
        reading.month = ahead
    return reading.take("day" if unit == "year" else unit)


@_piece(
    r"(?:(?:at|by|on)\s+)?(?:the\s+)?(?P<edge>end|start|beginning|last\s+day)\s+of\s+"
    r"(?:(?P<which>the|this|next)\s+)?(?P<unit>day|week|month|year)"
)
def _edge(match: re.Match[str], reading: Reading) -> bool:
    edge = "start" if match["edge"].lower() in ("start", "beginning") else "end"
    unit, ahead = match["unit"].lower(), int((match["which"] or "").lower() == "next")
    reading.edge = f"{edge} of {unit}"
    reading.week = reading.month = ahead
    return reading.take("day", "week", "month")


@_piece(r"(?:by\s+)?(?P<edge>eod|eow|eom)")
def _short_edge(match: re.Match[str], reading: Reading) -> bool:
    units = {"d": "day", "w": "week", "m": "month"}
    reading.edge = f"end of {units[match['edge'][2].lower()]}"
    reading.week = reading.month = 0
    return reading.take("day", "week", "month")


@_piece(rf"{_AT}?(?P<hour>{HOUR})(?:[:.\s](?P<minute>[0-5]\d))?{_AMPM}")
def _half_day_time(match: re.Match[str], reading: Reading) -> bool:
    reading.hour, reading.minute = int(number(match["hour"])), int(match["minute"] or 0)
    reading.half = match["half"].lower() + "m"
    return 1 <= reading.hour <= 12 and reading.take("time")


@_piece(rf"(?:{_AT}|T)?(?P<hour>[01]?\d|2[0-3])(?::|h)(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?")
def _clock_time(match: re.Match[str], reading: Reading) -> bool:
    reading.hour, reading.minute = int(match["hour"]), int(match["minute"])
    reading.second = int(match["second"] or 0)
    reading.is_exact = match["hour"].startswith("0") or reading.hour > 12
    return reading.take("time")


@_piece(
    rf"{_AT}(?P<hour>{HOUR})(?:\.(?P<minute>[0-5]\d)|\s(?P<words>fifteen|thirty|forty[ -]five))?"
)
def _bare_hour(match: re.Match[str], reading: Reading) -> bool:
    reading.hour = int(number(match["hour"]))
    reading.minute = int(match["minute"] or (number(match["words"]) if match["words"] else 0))
    reading.is_exact = reading.hour > 12 or reading.hour == 0
    return reading.hour < 24 and reading.take("time")


@_piece(rf"{_AT}?(?P<hour>{HOUR})\s*o['’]?\s?clock{_AMPM}?")  # noqa: RUF001
def _oclock(match: re.Match[str], reading: Reading) -> bool:
    reading.hour = int(number(match["hour"]))
    reading.half = match["half"].lower() + "m" if match["half"] else None
    reading.is_exact = reading.hour > 12
    return reading.hour < 24 and reading.take("time")


@_piece(
    rf"{_AT}?(?:(?P<half_past>half)(?:\s+past)?"
    rf"|(?P<amount>(?:a\s+)?quarter|{NUMBER})(?:\s+min(?:ute)?s?)?\s+(?P<side>past|after|to|till|before))"
    rf"\s+(?P<hour>{HOUR}){_AMPM}?"
)
def _spoken_time(match: re.Match[str], reading: Reading) -> bool:
    hour = int(number(match["hour"]))
    if match["half_past"]:
        minutes = 30
    else:
        minutes = 15 if "quarter" in match["amount"].lower() else int(number(match["amount"]))
        if match["side"].lower() in ("to", "till", "before"):
            minutes = -minutes
    if not 1 <= hour <= 23 or not -60 < minutes < 60:
        return False
    total = hour * 60 + minutes
    reading.hour, reading.minute = divmod(total if total >= 60 or hour > 12 else total + 720, 60)
    if match["half"]:
        reading.half = match["half"].lower() + "m"
        if hour == 12 and minutes < 0:  # a quarter to 12 pm is in the morning
            reading.half = "am" if reading.half == "pm" else "pm"
    reading.is_exact = hour > 12
    return reading.take("time")


@_piece(rf"{_AT}?(?P<name>noon|midday|midnight)")
def _named_time(match: re.Match[str], reading: Reading) -> bool:
    reading.hour = 0 if match["name"].lower() == "midnight" else 12
    reading.is_exact = True
    return reading.take("time")


@_piece(
    r"(?:every|each)\s+(?:single\s+|other\s+|second\s+)?"
    rf"(?:(?:{NUMBER}\s+)?(?:minute|hour|day|weekday|weekend|week|fortnight|month|quarter|year"
    rf"|morning|afternoon|evening|night)s?|{_WEEKDAY}s?(?:(?:\s*,\s*|\s+and\s+){_WEEKDAY}s?)*|{ORDINAL})"
    r"|(?:daily|weekly|monthly|hourly|yearly)|on\s+(?:mon|tues|wednes|thurs|fri|satur|sun)days"
)
def _recurring(match: re.Match[str], reading: Reading) -> bool:
    reading.problem = "recurring"
    return reading.take("day", "weekday")


@_piece(rf"(?:yesterday|(?:on\s+)?last\s+(?:{_WEEKDAY}(?![a-z])|night|week|month|year))")
def _past(match: re.Match[str], reading: Reading) -> bool:
    reading.problem = "past"
    return reading.take("day", "weekday")


@_piece(
    rf"(?:in\s+(?:a\s+(?:bit|while|moment)|(?:a\s+)?few\s+\w+|{_MONTH}(?![a-z]))|later|soon|sometime)"
)
def _vague(match: re.Match[str], reading: Reading) -> bool:
    reading.problem = "vague"
    return reading.take("day", "time")


_IN = re.compile(r"(?:in|after|within)\s+(?:about\s+|exactly\s+|another\s+)?", re.IGNORECASE)
_TIME_OF = re.compile(r"['’]?\s+time", re.IGNORECASE)  # noqa: RUF001
_FROM_NOW = re.compile(r"\s+(?:from\s+(?:now|today)|hence)", re.IGNORECASE)
_FROM_DAY = re.compile(r"\s+(?:from|after|on)\s+(?=tom|mon|tue|wed|thu|fri|sat|sun|the|\d)", re.I)
_AGO = re.compile(r"\s+ago", re.IGNORECASE)


def _offset(text: str, start: int, reading: Reading) -> int | None:
    """Read "in 3 days", "two hours from now", "a week from friday", "an hour ago"."""
    before = _IN.match(text, start)
    found = read_duration(text, before.end() if before else start)
    if found is None:
        return None
    length, end = found
    if before:
        after = _TIME_OF.match(text, end)
        reading.offset = length
        return (after.end() if after else end) if reading.take("offset") else None
    if after := _AGO.match(text, end):
        reading.problem = "past"
        return after.end() if reading.take("offset") else None
    if after := _FROM_NOW.match(text, end):
        reading.offset = length
        return after.end() if reading.take("offset") else None
    if (after := _FROM_DAY.match(text, end)) and not length.seconds:
        reading.shift = length
        return after.end() if reading.take("shift") else None
    return None


_pieces.append(_offset)


def read(text: str, start: int = 0) -> tuple[Reading, int] | None:
    """Read the longest phrase that starts at `start`; return its parts and its end, or None."""
    reading, end = Reading(), start
    position = start
    while True:
        best: tuple[int, Reading] | None = None
        for piece in _pieces:
            draft = _copy(reading)
            stop = piece(text, position, draft)
            if stop is not None and _END.match(text, stop) and (best is None or stop > best[0]):
                best = (stop, draft)
        if best is None:
            break
        end, reading = best
        gap = _GAP.match(text, end)
        position = gap.end() if gap else end
        if position == end and text[end : end + 1] not in ("T", "t"):
            break
    return (reading, end) if end > start else None


def _copy(reading: Reading) -> Reading:
    return Reading(**{**vars(reading), "slots": set(reading.slots)})
