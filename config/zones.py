"""Which time zones there are: one list for settings, API and bot."""

from functools import cache
from importlib.resources import files

PLACEHOLDERS = {"Factory"}  # in the list, and nowhere on earth


@cache
def time_zones() -> frozenset[str]:
    """Return the names of the IANA database, as the tzdata package lists them.

    Not `zoneinfo.available_timezones()`: that searches the machine's folders for 0.2 s, and takes
    `localtime` for a zone.
    """
    names = files("tzdata").joinpath("zones").read_text("ascii").split()
    return frozenset(names) - PLACEHOLDERS


@cache
def _countries() -> dict[str, str]:
    lines = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("ascii").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {name: country for country, _, name, *_ in rows}


def country_of(zone: str) -> str:
    """Return the code (ISO 3166) of the country that a time zone is named for, or an empty text."""
    return _countries().get(zone, "")


def check_zone(name: str) -> str:
    """Return the name of a time zone. Raises ValueError where there is none of this name."""
    if name not in time_zones():
        raise ValueError("There is no such time zone; use a name like Europe/Berlin.")
    return name
