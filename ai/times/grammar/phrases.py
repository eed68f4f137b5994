"""Phrases for times: runs of pieces such as "next friday", "at 7", "in the evening".

Each piece fills slots of a Reading; a piece whose slot is taken ends the phrase. What the parts
mean at a given moment is decided in ai/times/resolve.py.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from ai.times.grammar.clock import CLOCK
from ai.times.grammar.days import DAYS
from ai.times.grammar.durations import read_duration
from ai.times.grammar.reading import END, Reading, in_ascii
from ai.times.grammar.recurrence import EVERY

PIECES = (*DAYS, *CLOCK, *EVERY)
MAX_STARTS = 100

_GAP = re.compile(r"\s*,?\s+(?:(?:and|-|–)\s+)?", re.IGNORECASE)  # noqa: RUF001
_IN = re.compile(r"(?:in|after)\s+(?:about\s+|exactly\s+|another\s+)?", re.IGNORECASE)
_TIME_OF = re.compile(r"['’]?\s+time" + END, re.IGNORECASE)  # noqa: RUF001
_FROM_NOW = re.compile(r"\s+(?:from\s+(?:now|today)|hence)" + END, re.IGNORECASE)
_FROM_DAY = re.compile(r"\s+(?:from|after|on|(?P<before>before))(?=\s+\w)", re.IGNORECASE)
_AGO = re.compile(r"\s+ago" + END, re.IGNORECASE)
_END = re.compile(END)
_START = re.compile(
    r"(?<![\w'’-])(?<!from\s)(?<!between\s)"  # noqa: RUF001
    r"(?:\d|@|an?\b|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty"
    r"|forty|fifty|sixty|seventy|eighty|ninety|half|quarter|coming|in\b|at\b|on\b|by\b|after|around|about|the\b|this|next|last|every|each"
    r"|to[dmn]|tmr|day|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
    r"|first|second|third|four|fif|six|seven|eigh|nin|ten|eleven|twel|end|start|begin|eod|eow|eom"
    r"|chris|x-?mas|boxing|new|hallow|valen|easter|good\s+fri|thanksg|daily|week|month|hour|year|once|twice|later|soon|some|right"
    r"|now|asap|noon|mid|yesterday)",
    re.IGNORECASE,
)


def read(text: str, start: int = 0) -> tuple[Reading, int] | None:
    """Read the longest phrase that starts at `start`; return its parts and its end, or None."""
    return _read(in_ascii(text), start)


def _read(text: str, start: int) -> tuple[Reading, int] | None:
    reading, end = Reading(), start
    position = start
    while found := _longest_piece(text, position, reading):
        reading, end = found
        gap = _GAP.match(text, end)
        if gap is None:
            break
        position = gap.end()
    return (reading, end) if reading.slots - {"shift"} else None


def _longest_piece(text: str, start: int, reading: Reading) -> tuple[Reading, int] | None:
    best = _length(text, start, reading)
    for piece in PIECES:
        found = piece.read(text, start, reading)
        if found and (best is None or found[1] > best[1]):
            best = found
    return best


def _length(text: str, start: int, reading: Reading) -> tuple[Reading, int] | None:
    """Read "in 3 days", "two hours from now", "a week from" (friday), "an hour ago"."""
    before = _IN.match(text, start)
    found = read_duration(text, before.end() if before else start)
    if found is None:
        return None
    length, end = found
    fuller = replace(reading, pieces=reading.pieces + 1)
    if before:
        after = _TIME_OF.match(text, end)
        end = after.end() if after else end
        fuller.offset = length
        return (fuller, end) if _END.match(text, end) and fuller.take("offset") else None
    if after := _AGO.match(text, end):
        fuller.problem, fuller.offset = "past", length.backwards()
    elif after := _FROM_NOW.match(text, end):
        fuller.offset = length
    elif after := _FROM_DAY.match(text, end):
        fuller.shift = length.backwards() if after["before"] else length
        return (fuller, after.end()) if fuller.take("shift") else None
    return (fuller, after.end()) if after and fuller.take("offset") else None


def find(text: str, before_each: Callable[[], None] = lambda: None) -> list[tuple[int, int]]:
    """Return the spans of the phrases in a text, each as long as it can be.

    Only the first MAX_STARTS words that may begin one are looked at: nobody names so many times.
    `before_each` is called before each of them.
    """
    text = in_ascii(text)
    spans: list[tuple[int, int]] = []
    for start in (match.start() for match in islice(_START.finditer(text), MAX_STARTS)):
        if spans and start < spans[-1][1]:
            continue
        before_each()
        found = _read(text, start)
        if found and not (found[0].is_weak and found[0].pieces == 1):
            spans.append((start, found[1]))
    return spans
