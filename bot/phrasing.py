"""How a thing comes again, as a person would say it."""

import re
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ai.times.wording import repeats as repeats

TIME_OF_DAY = re.compile(r"(?:at )?(\d{1,2})(?:[:.](\d{2}))? ?(?:([ap])\.?m\.?|h|o['’]?clock)?")  # noqa: RUF001
NAMED = {"midnight": "00:00", "noon": "12:00", "midday": "12:00"}


def countdown(moment: datetime, now: datetime) -> str | None:
    """Say how long it is until a moment of the next minute: "in 3 seconds"; else None."""
    seconds = round((moment - now).total_seconds())
    if not 0 <= seconds < 60:
        return None
    if not seconds:
        return "now"
    return f"in {seconds} second{'' if seconds == 1 else 's'}"


def time_of_day(words: str) -> str | None:
    """Return "22:00" for "22:00", "10pm" or "22"; None for what is no time of day.

    Without am or pm the hours count from midnight.
    """
    text = " ".join(words.casefold().split()).rstrip(".")
    found = TIME_OF_DAY.fullmatch(text)
    if found is None:
        return NAMED.get(text)
    hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0) if 1 <= hour <= 12 else 24
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


def on_the_clock(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Say when a moment is, seen from now, on the clocks of a zone: "tomorrow at 17:00"."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    return f"{on_the_day(local.date(), today)} at {local:%H:%M}"


def amount(value: Decimal | str) -> str:
    """Say a number without the zeros at its end; takes the API's text form too."""
    said = format(Decimal(value), "f")
    return said.rstrip("0").rstrip(".") if "." in said else said


def length(seconds: float) -> str:
    """Say how long something is: "1 hour 30 minutes"."""
    parts, left = [], round(seconds)
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, left = divmod(left, size)
        parts += [f"{count} {name}{'' if count == 1 else 's'}"] if count else []
    return " ".join(parts) or "0 seconds"


def on_the_day(day: date, today: date) -> str:
    """Say which day it is, seen from today: "tomorrow", "on Friday", "on 3 March"."""
    days = (day - today).days
    if days in (-1, 0, 1):
        return ("yesterday", "today", "tomorrow")[days + 1]
    if 1 < days < 7:
        return f"on {day:%A}"
    return f"on {day.day} {day:%B}" + ("" if day.year == today.year else f" {day.year}")
