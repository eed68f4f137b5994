"""The names of big cities."""

import pytest

from bot.framework.places import folded, places, zones_of
from config.zones import time_zones


def test_every_zone_is_one() -> None:
    assert {zone for zones in places().values() for zone in zones} <= time_zones()
    assert all(name == folded(name) for name in places())


@pytest.mark.parametrize(
    ("name", "zones"),
    [
        ("Köln", ["Europe/Berlin"]),
        ("koeln", ["Europe/Berlin"]),
        ("Den Haag", ["Europe/Amsterdam"]),
        ("SEATTLE", ["America/Los_Angeles"]),
        ("Łódź", ["Europe/Warsaw"]),
        ("new york city", ["America/New_York"]),
        ("Hyderabad", ["Asia/Karachi", "Asia/Kolkata"]),
        ("fear", []),
        ("", []),
        ("x" * 10_000, []),
    ],
)
def test_a_city_has_its_zone(name: str, zones: list[str]) -> None:
    assert [*zones_of(name)] == zones
