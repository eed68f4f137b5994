"""The time zones of big cities, by their names in English, German, Spanish and French."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from ai.extraction.grounding import bare

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "ı": "i", "đ": "d", "ə": "e"})  # noqa: RUF001


def zones_of(place: str) -> Sequence[str]:
    """Return the time zones in which there is a big city of this name; mostly one, or none."""
    return places().get(folded(place), ())


@cache
def places() -> Mapping[str, Sequence[str]]:
    """Return the zones by the names of cities, which are `folded`."""
    found: dict[str, list[str]] = {}
    for line in files("bot.framework").joinpath("places.txt").read_text("utf-8").splitlines():
        zone, _, names = line.partition(": ")
        if not line.startswith("#"):
            for name in names.split(", "):
                found.setdefault(name, []).append(zone)
    return found


def folded(name: str) -> str:
    """Return a name in lower case, without accents and punctuation."""
    return " ".join(re.findall(r"\w+", bare(name).translate(_LETTERS)))
