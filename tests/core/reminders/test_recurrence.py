"""What comes again: over clock changes, at month ends and leap days, and rules that are refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.reminders.recurrence import PARTS, check_rule, first_time, next_time

BERLIN = ZoneInfo("Europe/Berlin")
# The clocks there go from 2:00 to 3:00 on 29 March 2026, and from 3:00 to 2:00 on 25 October.


def times(rule: str, first: str, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    """The first times of a rule, on the zone's clocks."""
    moment = datetime.fromisoformat(first).replace(tzinfo=zone).astimezone(UTC)
    starts = first_time(moment, rule, zone)
    found = []
    for _ in range(count):
        found.append(f"{moment.astimezone(zone):%Y-%m-%d %H:%M%z}")
        following = next_time(rule, starts, zone, moment)
        if following is None:
            break
        moment = following
    return found


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        (  # forward: the hour stays, though the day has 23 hours
            "FREQ=DAILY",
            "2026-03-28T09:00",
            ["2026-03-28 09:00+0100", "2026-03-29 09:00+0200", "2026-03-30 09:00+0200"],
        ),
        (  # back: the hour stays, though the day has 25
            "FREQ=DAILY",
            "2026-10-24T09:00",
            ["2026-10-24 09:00+0200", "2026-10-25 09:00+0100", "2026-10-26 09:00+0100"],
        ),
        (  # a time that the clocks skip moves on by the skipped hour, for that day
            "FREQ=DAILY",
            "2026-03-28T02:30",
            ["2026-03-28 02:30+0100", "2026-03-29 03:30+0200", "2026-03-30 02:30+0200"],
        ),
        (  # a time that comes twice comes once
            "FREQ=DAILY",
            "2026-10-24T02:30",
            ["2026-10-24 02:30+0200", "2026-10-25 02:30+0200", "2026-10-26 02:30+0100"],
        ),
        (  # hours count on the clock: none is left out, none doubled
            "FREQ=HOURLY",
            "2026-10-25T01:30",
            ["2026-10-25 01:30+0200", "2026-10-25 02:30+0200", "2026-10-25 02:30+0100"],
        ),
        (
            "FREQ=HOURLY",
            "2026-03-29T01:30",
            ["2026-03-29 01:30+0100", "2026-03-29 03:30+0200", "2026-03-29 04:30+0200"],
        ),
        (
            "FREQ=MINUTELY;INTERVAL=30",
            "2026-10-25T02:30",
            ["2026-10-25 02:30+0200", "2026-10-25 02:00+0100", "2026-10-25 02:30+0100"],
        ),
        (
            "FREQ=MINUTELY;INTERVAL=30;COUNT=2",
            "2026-10-25T02:30",
            ["2026-10-25 02:30+0200", "2026-10-25 02:00+0100"],
        ),
        (
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
            "2026-03-27T07:30",
            ["2026-03-27 07:30+0100", "2026-03-30 07:30+0200", "2026-03-31 07:30+0200"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU",
            "2026-03-22T20:00",
            ["2026-03-22 20:00+0100", "2026-04-05 20:00+0200", "2026-04-19 20:00+0200"],
        ),
        (  # a month without a 31st is left out
            "FREQ=MONTHLY;BYMONTHDAY=31",
            "2026-01-31T12:00",
            ["2026-01-31 12:00+0100", "2026-03-31 12:00+0200", "2026-05-31 12:00+0200"],
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-1",
            "2028-01-31T12:00",
            ["2028-01-31 12:00+0100", "2028-02-29 12:00+0100", "2028-03-31 12:00+0200"],
        ),
        (
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
            "2028-02-29T12:00",
            ["2028-02-29 12:00+0100", "2032-02-29 12:00+0100", "2036-02-29 12:00+0100"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=-1FR",
            "2026-01-30T12:00",
            ["2026-01-30 12:00+0100", "2026-02-27 12:00+0100", "2026-03-27 12:00+0100"],
        ),
        (
            "FREQ=DAILY;COUNT=2",
            "2026-01-30T12:00",
            ["2026-01-30 12:00+0100", "2026-01-31 12:00+0100"],
        ),
        (
            "FREQ=DAILY;UNTIL=20260131",
            "2026-01-30T12:00",
            ["2026-01-30 12:00+0100", "2026-01-31 12:00+0100"],
        ),
        ("FREQ=DAILY;UNTIL=20260131T115900", "2026-01-30T12:00", ["2026-01-30 12:00+0100"]),
    ],
)
def test_it_comes_when_a_person_expects_it(rule: str, first: str, expected: list[str]) -> None:
    assert times(check_rule(rule), first, len(expected) + ("COUNT" in rule or "UNTIL" in rule)) == (
        expected
    )


def test_a_user_who_changes_zones_gets_the_same_hour_there() -> None:
    rule = "FREQ=DAILY"
    starts = first_time(datetime(2026, 1, 5, 6, 30, tzinfo=UTC), rule, BERLIN)
    after = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    assert next_time(rule, starts, BERLIN, after) == datetime(2026, 1, 6, 6, 30, tzinfo=UTC)
    new_york = ZoneInfo("America/New_York")
    assert next_time(rule, starts, new_york, after) == datetime(2026, 1, 5, 12, 30, tzinfo=UTC)


@given(
    st.sampled_from(
        [
            "FREQ=HOURLY",
            "FREQ=DAILY;INTERVAL=3",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SA",
            "FREQ=MONTHLY;BYMONTHDAY=-1",
            "FREQ=MONTHLY;BYDAY=2TU",
            "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24",
        ]
    ),
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(0, 400 * 86_400),
)
def test_the_next_time_is_later_and_one_of_the_rules(rule: str, start: datetime, on: int) -> None:
    first = start.replace(microsecond=0, tzinfo=UTC)
    starts = first_time(first, rule, UTC)
    after = first + timedelta(seconds=on)
    found = next_time(rule, starts, UTC, after)
    assert found == rrulestr(rule, dtstart=first).after(after)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("", "looks like"),
        ("FREQ=DAILY;", "looks like"),
        ("FREQ=DAILY;INTERVAL", "looks like"),
        ("FREQ=DAILY;INTERVAL=2;INTERVAL=3", "looks like"),
        ("INTERVAL=2", "has a FREQ"),
        ("FREQ=SECONDLY", "has a FREQ"),
        ("FREQ=HOURLY;BYDAY=MO", "can't have BYDAY"),
        ("FREQ=HOURLY;UNTIL=20301231", "can't have UNTIL"),
        ("FREQ=DAILY;BYSETPOS=1;DTSTART=20260101", "can't have BYSETPOS, DTSTART"),
        ("FREQ=DAILY;INTERVAL=1001", "from 1 to 1000"),
        ("FREQ=DAILY;INTERVAL=x", "from 1 to 1000"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY is made of"),
        ("FREQ=DAILY;UNTIL=20260101T000000Z", "own clock"),
        ("FREQ=DAILY;COUNT=" + "1" * 300, "at most 255"),
    ],
)
def test_a_rule_that_can_not_be_followed_is_refused(rule: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        check_rule(rule)


def test_a_rule_is_stored_in_one_spelling() -> None:
    assert check_rule(" rrule:freq=weekly;byday=mo ") == "FREQ=WEEKLY;BYDAY=MO"
    assert set(PARTS) == {"MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"}


def test_a_rule_that_never_comes_is_found_out_soon() -> None:
    for rule in ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYMONTHDAY=31;BYSETPOS=2"):
        assert times(rule, "2026-01-31T12:00", 2) == ["2026-01-31 12:00+0100"]
