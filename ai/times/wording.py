"""A rule by which something repeats (RFC 5545), in words."""

import re
from datetime import date

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
UNTIL_DONE = re.compile(r"(FREQ=(?:MINUTELY|HOURLY)(?:;INTERVAL=[0-9]+)?);COUNT=([0-9]+)")
UNTIL = re.compile(r";UNTIL=([0-9]{8})(?:T[0-9]{6})?$")


def ends_when_done(rule: str | None) -> bool:
    """Say whether something comes "until I say done": by a rule with a bound in number."""
    return bool(rule and UNTIL_DONE.fullmatch(rule))


def repeats(rule: str | None) -> str:
    """Say a rule of RFC 5545, to stand behind a time: ", every weekday"; "" for None."""
    if not rule:
        return ""
    if nags := UNTIL_DONE.fullmatch(rule):
        return f"{repeats(nags[1])} until it is done, {nags[2]} times at most"
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
            return "last day" if month_day == "-1" else ordinal(month_day)
        case "MONTHLY" if days and not (month_day or month):
            place, name = PLACES.get(days[:-2]), WEEKDAYS.get(days[-2:])
            return f"{place} {name}" if place and name else None
        case "YEARLY" if month and month_day and not days:
            if month_day.isdecimal() and month.isdecimal():
                return f"{month_day} {MONTHS[int(month) - 1]}"
    return None if days or month_day or month else ""


def ordinal(number: str) -> str | None:
    """Return digits as the number of a day, "3rd" for "3"; None where they are no digits."""
    if not number.isdecimal():
        return None
    endings = {"1": "st", "2": "nd", "3": "rd"}
    return number + ("th" if number in ("11", "12", "13") else endings.get(number[-1], "th"))
