"""How a thing comes again, as a person would say it."""

import re
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

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


WEEKDAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
UNITS = {
    "MINUTELY": "minute",
    "HOURLY": "hour",
    "DAILY": "day",
    "WEEKLY": "week",
    "MONTHLY": "month",
    "YEARLY": "year",
}
GROUPS = {"MO,TU,WE,TH,FR": "weekday", "SA,SU": "Saturday and Sunday"}
PLACES = {"1": "first", "2": "second", "3": "third", "4": "fourth", "-1": "last"}
TAKEN = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH"}
UNTIL = re.compile(r";UNTIL=([0-9]{8})(?:T[0-9]{6})?$")


def repeats(rule: str | None) -> str:
    """Say a rule of RFC 5545, to stand behind a time: ", every weekday"; "" for None."""
    if not rule:
        return ""
    if ends := UNTIL.search(rule):
        last = date.fromisoformat(ends[1])
        return f"{repeats(rule[: ends.start()])} until {last.day} {last:%B %Y}"
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    unit, every = UNITS.get(parts.get("FREQ", "")), int(parts.get("INTERVAL", "1"))
    on = _days(parts) if unit and parts.keys() <= TAKEN else None
    if unit is None or on is None:
        return ", repeatedly"
    if unit == "week" and on and every <= 2:
        return f", every {'other ' if every == 2 else ''}{on}"
    how_often = {1: f"every {unit}", 2: f"every other {unit}"}.get(every, f"every {every} {unit}s")
    if unit == "month" and on:
        return f", on the {on} of {how_often}"
    return f", {how_often} on {on}" if on else f", {how_often}"


def _days(parts: dict[str, str]) -> str | None:
    """Name the days of a rule, "" where it has none; None where that can't be said shortly."""
    days, month_day, month = (parts.get(name) for name in ("BYDAY", "BYMONTHDAY", "BYMONTH"))
    match parts["FREQ"]:
        case "WEEKLY" if days and not (month_day or month):
            names = [WEEKDAYS.get(day) for day in days.split(",")]
            return GROUPS.get(days) or (" and ".join(filter(None, names)) if all(names) else None)
        case "MONTHLY" if month_day and not (days or month):
            return "last day" if month_day == "-1" else _ordinal(month_day)
        case "MONTHLY" if days and not (month_day or month):
            place, name = PLACES.get(days[:-2]), WEEKDAYS.get(days[-2:])
            return f"{place} {name}" if place and name else None
        case "YEARLY" if month and month_day and not days:
            if month_day.isdecimal() and month.isdecimal():
                return f"{month_day} {MONTHS[int(month) - 1]}"
    return None if days or month_day or month else ""


def _ordinal(number: str) -> str | None:
    if not number.isdecimal():
        return None
    endings = {"1": "st", "2": "nd", "3": "rd"}
    return number + ("th" if number in ("11", "12", "13") else endings.get(number[-1], "th"))
