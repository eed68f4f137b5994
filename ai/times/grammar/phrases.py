"""Phrases for times: runs of pieces such as "next friday", "at 7", "in the evening".

Each piece fills slots of a Reading; a piece whose slot is taken ends the phrase. What the parts
mean at a given moment is decided in ai/times/resolve.py.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from threading import Lock

from cachetools import LRUCache, cached

from ai.times.grammar.clock import CLOCK
from ai.times.grammar.days import DAYS
from ai.times.grammar.durations import Duration, read_duration
from ai.times.grammar.numbers import NUMBER, number
from ai.times.grammar.reading import END, Piece, Reading, in_ascii
from ai.times.grammar.recurrence import EVERY

Span = tuple[int, int]

PIECES = (*DAYS, *CLOCK, *EVERY)
MAX_STARTS = 100
MIN_BARE_MINUTES, MAX_BARE_MINUTES = 2, 120  # "in one", "in 2030" are no minutes
MAX_CLOCKS = 4  # times of day in one phrase, after the first

_GAP = re.compile(r"\s*,?\s+(?:(?:and|-|–)\s+)?", re.IGNORECASE)  # noqa: RUF001
_IN = re.compile(r"(?:in|after)\s+(?:about\s+|exactly\s+|another\s+)?", re.IGNORECASE)
_MINUTES = re.compile(rf"in\s+(?P<minutes>{NUMBER})(?=[\s.!?]*$|\s+to\s+[a-z])", re.IGNORECASE)
"""A number of which nobody says what it counts: "remind me in 40", "in 10 to check the oven"."""
_TIME_OF = re.compile(r"['’]?\s+time" + END, re.IGNORECASE)  # noqa: RUF001
_FROM_NOW = re.compile(r"\s+(?:from\s+(?:now|today)|hence)" + END, re.IGNORECASE)
_FROM_DAY = re.compile(
    r"\s+(?:from|after|on|(?P<before>before))(?:\s+(?:my|our|the))?(?=\s+\w)", re.IGNORECASE
)
_AGO = re.compile(r"\s+ago" + END, re.IGNORECASE)
_END = re.compile(END)
_BEFORE = re.compile(r"before\b", re.IGNORECASE)
_UNTIL = re.compile(r"(?:until|till?|through)\s+", re.IGNORECASE)
_DONE = re.compile(
    r"(?:(?:i\s+)?(?:say|tell\s+you)\s+(?:that\s+)?)?"
    r"(?:(?:i\s+am|i['’]m|it\s+is|it['’]s)\s+done|done|i\s+(?:do|did)\s+it|i\s+do(?=[\s.!]*$)"  # noqa: RUF001
    r"|i\s+have\s+done\s+it|i['’]ve\s+done\s+it)" + END,  # noqa: RUF001
    re.IGNORECASE,
)
_FOR = re.compile(r"for\s+(?:the\s+next\s+)?", re.IGNORECASE)
_BARE_HOUR = re.compile(r"(?:[01]?\d|2[0-3])(?=[\s.!]*$|\s+(?:to|until|till)\b)", re.IGNORECASE)
_AND = re.compile(r"\s*,\s*(?:and\s+)?|\s+(?:and|&)\s+", re.IGNORECASE)
_START = re.compile(
    r"(?<![\w'’-])(?<!from\s)(?<!between\s)"  # noqa: RUF001
    r"(?:\d|@|an?\b|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty"
    r"|forty|fifty|sixty|seventy|eighty|ninety|half|quarter|coming|in\b|at\b|on\b|by\b|before\b|after"
    r"|around|about|when\b|once\b|the\b|this|next|last|every|each|to[dmn]|tmr|day|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
    r"|first|second|third|four|fif|six|seven|eigh|nin|fortn|ten|eleven|twel|end|start|begin|eod|eow|eom"
    r"|chris|x-?mas|boxing|new|hallow|valen|easter|good\s+fri|thanksg|daily|week|month|hour|year|once|twice|later|soon|some|right"
    r"|now|asap|noon|mid|yesterday)",
    re.IGNORECASE,
)


def read(text: str, start: int = 0) -> tuple[Reading, int] | None:
    """Read the longest phrase that starts at `start`; return its parts and its end, or None."""
    return _read(in_ascii(text), start)


def read_all(text: str) -> Reading | None:
    """Return what a text says that is one phrase from its first character to its last, or None."""
    found = read(text)
    return found[0] if found and found[1] == len(text) else None


def each_time(words: str) -> list[str]:
    """Return one phrase for each time of day: "every day at 8am", "every day at 8pm"."""
    found = read(words)
    if found is None or not found[0].clocks:
        return [words]
    clocks = found[0].clocks
    before, after = words[: clocks[0][0]], words[clocks[-1][1] :]
    times = [words[start:end] for start, end in clocks]
    return [f"{before}{one if read(one) else f'at {one}'}{after}" for one in times]


def _read(text: str, start: int) -> tuple[Reading, int] | None:
    found = _read_pieces(text, start, PIECES, has_clocks=True)
    if found and found[0].clocks and not found[0].every:
        return _read_pieces(text, start, PIECES)  # "at 5 and at 6" are two phrases
    return found


def _read_pieces(
    text: str, start: int, pieces: Sequence[Piece], *, has_clocks: bool = False
) -> tuple[Reading, int] | None:
    reading, end = Reading(), start
    position = start
    while found := _longest_piece(text, position, reading, pieces):
        is_clock = "time" in found[0].slots - reading.slots
        reading, end = found
        if is_clock and has_clocks:
            reading.clocks = tuple(_clocks(text, position, end))
            end = reading.clocks[-1][1] if reading.clocks else end
        gap = _GAP.match(text, end)
        if gap is None:
            break
        position = gap.end()
    if _BEFORE.match(text, start) and "time" not in reading.slots:
        return None  # "before Friday" ends on Thursday
    return (reading, end) if reading.slots - {"shift"} else None


def _clocks(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where several times of day in a row stand; nothing where there is but one."""
    first: tuple[int, int] | None = (start, end)
    for _ in range(MAX_CLOCKS):
        gap = _AND.match(text, end)
        found = [one.read(text, gap.end(), Reading()) for one in CLOCK] if gap else []
        ends = [one[1] for one in found if one]
        if gap and not ends and (bare := _BARE_HOUR.match(text, gap.end())):
            ends = [bare.end()]  # "at 8 and 20"
        if gap is None or not ends:
            return
        if first:
            yield first
            first = None
        end = max(ends)
        yield gap.end(), end


def _longest_piece(
    text: str, start: int, reading: Reading, pieces: Sequence[Piece]
) -> tuple[Reading, int] | None:
    best = _length(text, start, reading)
    if best is None and reading.every:
        best = _end_of_series(text, start, reading)
    for piece in pieces:
        found = piece.read(text, start, reading)
        if found and (best is None or found[1] > best[1]):
            best = found
    return best


def _length(text: str, start: int, reading: Reading) -> tuple[Reading, int] | None:
    """Read "in 3 days", "two hours from now", "a week from" (friday), "an hour ago"."""
    before = _IN.match(text, start)
    found = read_duration(text, before.end() if before else start)
    if found is None and before and (bare := _MINUTES.match(text, start)):
        minutes = number(bare["minutes"])
        if MIN_BARE_MINUTES <= minutes <= MAX_BARE_MINUTES:
            found = Duration(seconds=minutes * 60), bare.end()
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


def _end_of_series(text: str, start: int, reading: Reading) -> tuple[Reading, int] | None:
    """Read "until friday", "for two weeks" or "until i say done" behind what comes again."""
    fuller, until = replace(reading, pieces=reading.pieces + 1), _UNTIL.match(text, start)
    found: tuple[Reading | Duration, int] | None = None
    if until and (done := _DONE.match(text, until.end())):
        fuller.until_done = True
        return (fuller, done.end()) if fuller.take("until") else None
    if until:
        found = _read_pieces(text, until.end(), DAYS)
    elif lasting := _FOR.match(text, start):
        found = read_duration(text, lasting.end())
    if found is None or not _END.match(text, found[1]) or not fuller.take("until"):
        return None
    fuller.until = found[0]
    return fuller, found[1]


def clock_in(words: str) -> str:
    """Return the part of a time's words that names the hour, or an empty text."""
    for start in (match.start() for match in re.finditer(r"\S+", words)):
        ends = [found[1] for piece in CLOCK if (found := piece.read(words, start, Reading()))]
        if ends:
            return words[start : max(ends)]
    return ""


def with_half(words: str, half: str) -> str:
    """Return a time's words with "am" or "pm" behind an hour that was said without it."""
    said = read_all(words)
    if said is None or said.half or said.is_exact or said.part or said.hour is None:
        return words
    clock = clock_in(words)
    fuller = words.replace(clock, f"{clock} {half}", 1) if clock else words
    again = read_all(fuller)
    return fuller if again and again.half == half and again.hour == said.hour else words


@cached(LRUCache(256), key=lambda text, _before_each=None: text, lock=Lock())
def find(text: str, before_each: Callable[[], None] = lambda: None) -> tuple[Span, ...]:
    """Return the spans of the phrases in a text, each as long as it can be.

    Only the first MAX_STARTS words that may begin one are looked at: nobody names so many times.
    `before_each` is called before each of them, when the text is looked at for the first time.
    """
    text = in_ascii(text)
    spans: list[Span] = []
    for start in (match.start() for match in islice(_START.finditer(text), MAX_STARTS)):
        if spans and start < spans[-1][1]:
            continue
        before_each()
        found = _read(text, start)
        if found and not (found[0].is_weak and found[0].pieces == 1):
            spans.append((start, found[1]))
    return tuple(spans)
