"""The words that name a time of day: "5pm", "17:00", "half past six", "noon"."""

import re

from ai.times.grammar.numbers import HOUR, NUMBER, number
from ai.times.grammar.reading import Piece, Reading, named, piece

CLOCK: list[Piece] = []

_AT = r"(?:(?:at|by|before|around|about|(?:when|once)\s+it(?:['’]s|\s+is))\s+|@\s*)"  # noqa: RUF001
_HALF = r"(?:\s?(?P<half>[ap])\.?m\b\.?)"
_NAMED_HOURS = {"noon": "pm", "midday": "pm", "midnight": "am"}
ZONES = {
    **dict.fromkeys(("utc", "gmt"), "UTC"),
    **dict.fromkeys(("est", "edt", "et"), "America/New_York"),
    **dict.fromkeys(("cst", "cdt"), "America/Chicago"),
    **dict.fromkeys(("mst", "mdt"), "America/Denver"),
    **dict.fromkeys(("pst", "pdt", "pt"), "America/Los_Angeles"),
    **dict.fromkeys(("cet", "cest"), "Europe/Berlin"),
    "bst": "Europe/London",
    "jst": "Asia/Tokyo",
    **dict.fromkeys(("aest", "aedt"), "Australia/Sydney"),
    **dict.fromkeys(("nzst", "nzdt"), "Pacific/Auckland"),
}
"""What people call the time of a place, in summer and winter alike: "5pm EST" is New York's.

Not what is said of several places, such as IST: that is asked about.
"""

AFTER = {"breakfast": 9, "lunch": 13, "school": 15, "work": 17, "dinner": 20, "supper": 20}
"""The hours behind which a day goes on: "after lunch" is 13:00."""


@piece(rf"{_AT}?(?P<hour>{HOUR})(?:[:.\s]?(?P<minute>[0-5]\d))?{_HALF}", CLOCK)
@piece(rf"(?P<at>{_AT})?(?P<hour>\d{{1,2}})(?:[:.](?P<minute>[0-5]\d))?(?P<half>[ap])", CLOCK)
def _half_day_time(match: re.Match[str], reading: Reading) -> bool:
    reading.hour, reading.minute = int(number(match["hour"])), int(match["minute"] or 0)
    reading.half = named(match, "half") + "m"
    is_short = "at" in match.re.groupindex  # "6p" may be a price, "5a" a door
    reading.is_weak = is_short and not (match["at"] or match["minute"])
    return 1 <= reading.hour <= 12 and reading.take("time")


@piece(rf"{_AT}?(?P<hour>[01]?\d|2[0-3])(?::|h)(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?", CLOCK)
def _clock_time(match: re.Match[str], reading: Reading) -> bool:
    reading.hour, reading.minute = int(match["hour"]), int(match["minute"])
    reading.second = int(match["second"] or 0)
    reading.is_exact = match["hour"].startswith("0") or reading.hour > 12
    return reading.take("time")


@piece(rf"(?P<at>{_AT})?(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)", CLOCK)
def _military_time(match: re.Match[str], reading: Reading) -> bool:
    if not match["at"] and reading.slots.isdisjoint({"day", "weekday"}):
        return False  # "0645" alone is a number; "tomorrow 0645" is no more
    reading.hour, reading.minute, reading.is_exact = int(match["hour"]), int(match["minute"]), True
    return reading.take("time")


@piece(
    rf"{_AT}(?P<hour>{HOUR})"
    r"(?:h|\.(?P<minute>[0-5]\d)|\s+(?P<words>fifteen|thirty|forty[ -]five))?",
    CLOCK,
)
@piece(rf"{_AT}?(?P<hour>{HOUR})\s*o.?clock(?P<minute>)(?P<words>)", CLOCK)
@piece(rf"(?P<hour>{HOUR})(?P<minute>)(?P<words>)(?P<shifted>)(?=\s*(?:$|to\b))", CLOCK)
@piece(
    rf"(?!one\b)(?P<hour>{HOUR})(?P<minute>)(?P<words>)(?=\s+(?:ton(?:ight|ite)|at\s+night"
    r"|(?:in\s+the|this)\s+(?:morning|afternoon|evening))\b)",
    CLOCK,
)
def _bare_hour(match: re.Match[str], reading: Reading) -> bool:
    if "shifted" in match.re.groupindex and reading.slots != {"shift"}:
        return False  # but "20 minutes before 9" is one
    reading.hour = int(number(match["hour"]))
    reading.minute = int(match["minute"] or (number(match["words"]) if match["words"] else 0))
    reading.is_exact = reading.hour > 12 or reading.hour == 0
    return reading.hour < 24 and reading.take("time")


@piece(
    rf"(?:right\s+|straight\s+)?after\s+(?P<meal>{'|'.join(AFTER)})"
    r"(?!\s+(?!(?:to|on|today|tomorrow|every|each|about|that)\b)\w)",  # "after work drinks"
    CLOCK,
)
def _after_a_meal(match: re.Match[str], reading: Reading) -> bool:
    reading.hour, reading.is_exact = AFTER[named(match, "meal")], True
    return reading.take("time")


@piece(
    rf"{_AT}?(?:(?P<half_past>half)(?:\s+past)?"
    rf"|(?P<amount>(?:a\s+)?quarter|{NUMBER})(?P<unit>\s+min(?:ute)?s?)?\s+(?P<side>past|after|to|till))"
    rf"\s+(?P<hour>{HOUR}|{'|'.join(_NAMED_HOURS)}){_HALF}?",
    CLOCK,
)
def _spoken_time(match: re.Match[str], reading: Reading) -> bool:
    """Read "half past six", "half six" (the British one), "a quarter to 7", "ten past five"."""
    half = _NAMED_HOURS.get(named(match, "hour")) or named(match, "half")
    hour, minutes = 12 if match["hour"].lower() in _NAMED_HOURS else int(number(match["hour"])), 30
    if not match["half_past"]:
        minutes = 15 if "quarter" in named(match, "amount") else int(number(match["amount"]))
        if minutes > 59 or (minutes % 5 and not match["unit"]):
            return False  # "3 to 5" is a range or a score
    if not 1 <= hour <= 12:
        return False
    before = named(match, "side") in ("to", "till")
    total = hour * 60 + (-minutes if before else minutes)
    reading.hour, reading.minute = (total // 60 - 1) % 12 + 1, total % 60
    if half:
        moved = hour == 12 and before  # a quarter to 12 am is in the evening
        reading.half = ("p" if moved == (half[0] == "a") else "a") + "m"
    return reading.take("time")


@piece(rf"{_AT}?(?P<name>noon|midday|midnight)", CLOCK)
def _named_time(match: re.Match[str], reading: Reading) -> bool:
    reading.hour = 0 if named(match, "name") == "midnight" else 12
    reading.is_exact = True
    return reading.take("time")


@piece(rf"(?P<zone>{'|'.join(ZONES)})", CLOCK)
def _zone(match: re.Match[str], reading: Reading) -> bool:
    """Read whose clock a time is on: "5pm EST"."""
    reading.zone = ZONES[named(match, "zone")]
    return "time" in reading.slots and reading.take("zone")
