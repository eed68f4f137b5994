"""Points in time, as a person would say them."""

from datetime import datetime
from zoneinfo import ZoneInfo


def countdown(moment: datetime, now: datetime) -> str | None:
    """Say how long it is until a moment of the next minute: "in 3 seconds"; else None."""
    seconds = round((moment - now).total_seconds())
    if not 0 <= seconds < 60:
        return None
    if not seconds:
        return "now"
    return f"in {seconds} second{'' if seconds == 1 else 's'}"


def on_the_clock(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Say when a moment is, seen from now, on the clocks of a zone: "tomorrow at 17:00"."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    return f"{_day(local, (local.date() - today).days, today.year)} at {local:%H:%M}"


def _day(local: datetime, days: int, year: int) -> str:
    if days in (-1, 0, 1):
        return ("yesterday", "today", "tomorrow")[days + 1]
    if 1 < days < 7:
        return f"on {local:%A}"
    return f"on {local.day} {local:%B}" + ("" if local.year == year else f" {local.year}")
