"""Lengths of time in English: "3 seconds", "an hour and a half", "2 days and 4 hours", "1h30"."""

import re
from dataclasses import dataclass

from ai.times.grammar.numbers import NUMBER, number

_UNIT = (
    r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?"
    r"|days?|weeks?|wks?|fortnights?|months?|years?|yrs?)"
)
_LENGTH = re.compile(
    rf"(?:half|1/2|½)\s+(?:an?\s+)?(?P<half>{_UNIT})\b"
    rf"|(?:(?P<quarters>an?|one|three|3)\s+)?quarters?\s+of\s+an\s+hour\b"
    rf"|(?P<mixed>{NUMBER})\s+and\s+a\s+half\s+(?P<mixed_unit>{_UNIT})\b"
    rf"|(?P<number>{NUMBER})(?:\s+more)?(?:\s*-?(?P<unit>{_UNIT})|(?P<short>[smhdw]|\sh))(?![a-z])"
    rf"(?P<more>\s+and\s+a\s+(?:half|quarter)(?!\s+(?:an?\s+)?(?:{_UNIT}|of)))?",
    re.IGNORECASE,
)
MAX_PARTS = 8  # of one length: nobody names more units than there are
_JOINT = re.compile(r"\s*,?\s*(?:and\s+)?", re.IGNORECASE)
_SECONDS = {"s": 1, "se": 1, "m": 60, "mi": 60, "h": 3600, "ho": 3600, "hr": 3600}
_DAYS = {"d": 1, "da": 1, "w": 7, "we": 7, "wk": 7, "fo": 14}


@dataclass
class Duration:
    """A length of time. Days and months are the calendar's, seconds the clock's."""

    seconds: float = 0
    days: int = 0
    months: int = 0

    def add(self, amount: float, unit: str) -> bool:
        """Add an amount of a unit; False for parts of a month or a year, which have no length."""
        name = unit.lower()[:2]
        if name in _SECONDS:
            self.seconds += amount * _SECONDS[name]
            return True
        if name in _DAYS:
            days = amount * _DAYS[name]
            self.days += int(days)
            self.seconds += days % 1 * 86400
            return True
        months = amount * (12 if name[0] == "y" else 1)
        self.months += int(months)
        return months % 1 == 0

    def backwards(self) -> "Duration":
        """Return as much time in the other direction."""
        return Duration(-self.seconds, -self.days, -self.months)


def read_duration(text: str, start: int) -> tuple[Duration, int] | None:
    """Read a length of time that starts at `start`; return it and where it ends, or None."""
    length = Duration()
    end: int | None = None
    position = start
    for _ in range(MAX_PARTS):
        match = _LENGTH.match(text, position)
        if match is None:
            break
        if match["half"]:
            fits = length.add(0.5, match["half"])
        elif match["mixed"]:
            fits = length.add(number(match["mixed"]) + 0.5, match["mixed_unit"])
        elif match["number"]:
            more = (match["more"] or "").lower()
            part = 0.5 if more.endswith("half") else 0.25 if more else 0
            unit = match["unit"] or match["short"].strip()
            fits = length.add(number(match["number"]) + part, unit)
        else:
            fits = length.add(45 if match["quarters"] in ("three", "3") else 15, "minutes")
        if not fits:
            return None
        end = position = match.end()
        minutes = re.compile(r"\d\d(?![\d.,:])").match(text, end)
        if minutes and (match["short"] or "").strip().lower() == "h":
            length.add(int(minutes[0]), "m")
            end = position = minutes.end()
        joint = _JOINT.match(text, position)
        position = joint.end() if joint else position
    return None if end is None else (length, end)
