"""What a phrase for a time says, part by part; no clock and no zone here."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from ai.times.grammar.durations import Duration

Problem = Literal["recurring", "past", "vague", "numeric", "unclear"]
Frequency = Literal["MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]
Part = Literal["morning", "noon", "afternoon", "evening", "night"]

END = r"(?![\w'’/-]|[.:,]\d)"  # noqa: RUF001
"""What must not follow a piece: it would be part of a longer word, number or range."""


_LOOKALIKES = {"ſ": "s", "K": "k", "İ": "I", "ı": "i"}  # noqa: RUF001
"""What `re.IGNORECASE` takes for an English letter and `str.lower` does not make one."""


def in_ascii(text: str) -> str:
    r"""Return a text of the same length with digits and look-alike letters in their ASCII form.

    `\d` matches the digits of every script, and IGNORECASE some letters that `lower` leaves as they
    are: only in this form can what a pattern has matched be read by `int` and looked up.
    """
    if text.isascii():
        return text
    return "".join(
        _LOOKALIKES.get(one) or (str(unicodedata.decimal(one)) if one.isdecimal() else one)
        for one in text
    )


@dataclass(frozen=True)
class Every:
    """What is said about how something comes again; the day may be said beside it."""

    frequency: Frequency
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    place: int = 0  # of the weekday in its month: 1 the first, -1 the last
    month_day: int = 0  # -1 for the last
    month: int = 0
    is_whole: bool = True  # False for "twice a week", which leaves open when


@dataclass
class Reading:
    """The parts that a phrase names; what it does not name is None."""

    offset: Duration | None = None  # from now
    shift: Duration | None = None  # from the day that is named: "a week from friday"
    days: int | None = None  # from today
    weekday: int | None = None
    which: str = ""  # "this" or "next" before the weekday
    date: tuple[int | None, int, int] | None = None  # year, month, day
    month_day: int | None = None
    place: tuple[int, int, int | None, int | None] | None = None
    """Of a weekday in a month, 1 the first and -1 the last; the weekday, the month, the year."""
    is_day_first: bool = False  # or the month, in a date where that is not certain
    holiday: str = ""  # one that moves
    week: int | None = None  # weeks from this one
    month: int | None = None  # months from this one
    edge: tuple[str, str] | None = None  # "start" or "end", and of what
    hour: int | None = None
    minute: int = 0
    second: int = 0
    half: str = ""  # "am" or "pm"
    is_exact: bool = False  # the hour is on the 24-hour clock
    part: Part | None = None
    zone: str = ""  # whose clock it is on, where that is not the person's own
    every: Every | None = None  # how it comes again
    until: "Reading | Duration | None" = None  # its last day, or how long it goes on
    until_done: bool = False  # it comes until the person says that it is done
    clocks: tuple[tuple[int, int], ...] = ()  # where its times of day stand, if there are several
    problem: Problem | None = None
    is_weak: bool = False  # alone it is too little to be taken out of a sentence
    pieces: int = 0
    slots: frozenset[str] = field(default_factory=frozenset)

    def take(self, *slots: str) -> bool:
        """Reserve slots; False where one is taken."""
        if self.slots.intersection(slots):
            return False
        self.slots |= set(slots)
        return True


Fill = Callable[[re.Match[str], Reading], bool]


class Piece(NamedTuple):
    """A pattern, and the function that puts what it matched into a Reading, False to refuse it."""

    pattern: re.Pattern[str]
    fill: Fill

    def read(self, text: str, start: int, reading: Reading) -> tuple[Reading, int] | None:
        """Read the piece at a position; return the fuller Reading and the piece's end, or None."""
        match = self.pattern.match(text, start)
        if match is None:
            return None
        fuller = replace(reading, pieces=reading.pieces + 1)
        return (fuller, match.end()) if self.fill(match, fuller) else None


def piece(pattern: str, pieces: list[Piece]) -> Callable[[Fill], Fill]:
    """Register a function as what fills in a pattern's matches."""
    compiled = re.compile(rf"(?:{pattern}){END}", re.IGNORECASE)

    def register(fill: Fill) -> Fill:
        pieces.append(Piece(compiled, fill))
        return fill

    return register


def named(match: re.Match[str], group: str) -> str:
    """Return what a group matched, in lower case, or an empty text."""
    return (match[group] or "").lower()
