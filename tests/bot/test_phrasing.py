"""Points in time, as a person would say them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.phrasing import countdown, on_the_clock

NOW = datetime(2030, 3, 4, 12, 0, tzinfo=UTC)  # a Monday
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "now"),
        (-0.4, "now"),
        (1, "in 1 second"),
        (2.6, "in 3 seconds"),
        (59, "in 59 seconds"),
        (60, None),
        (-1, None),
    ],
)
def test_the_next_minute_is_counted_down(seconds: float, said: str | None) -> None:
    assert countdown(NOW + timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2030-03-04T17:00+00:00", "today at 18:00"),
        ("2030-03-04T23:30+00:00", "tomorrow at 00:30"),
        ("2030-03-03T12:00+00:00", "yesterday at 13:00"),
        ("2030-03-10T12:00+00:00", "on Sunday at 13:00"),
        ("2030-03-11T12:00+00:00", "on 11 March at 13:00"),
        ("2030-04-01T12:00+00:00", "on 1 April at 14:00"),  # summer time has begun
        ("2031-01-02T12:00+00:00", "on 2 January 2031 at 13:00"),
        ("2030-03-01T12:00+00:00", "on 1 March at 13:00"),
    ],
)
def test_a_moment_is_told_on_the_clocks_of_the_zone(moment: str, said: str) -> None:
    assert on_the_clock(datetime.fromisoformat(moment), NOW, BERLIN) == said
