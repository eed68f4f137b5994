"""Times that come again: their rules, their first time, and what is asked about."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ai.times import recurrence
from ai.times import resolve as dates
from ai.times.grammar.phrases import each_time
from ai.times.recurrence import is_recurring, resolve_recurring
from ai.times.resolve import UnclearTime, find, resolve
from core.reminders.recurrence import check_rule, first_time, next_time
from tests.ai.times.recurring_phrases import RULES
from tests.ai.times.test_resolve import BERLIN, NOW
from tests.ai.times.time_phrases import MEANINGS


@pytest.mark.parametrize(("words", "expected"), RULES.items())
def test_words_mean_a_rule(words: str, expected: tuple[str, str]) -> None:
    at, rule = expected
    first = datetime.fromisoformat(at).replace(tzinfo=BERLIN)
    found = resolve_recurring(words, BERLIN, NOW)
    assert (found.at, found.rule) == (first, rule)


@pytest.mark.parametrize("words", RULES)
def test_the_first_time_is_the_one_that_the_scheduler_counts_from(words: str) -> None:
    found = resolve_recurring(words, BERLIN, NOW)
    assert check_rule(found.rule) == found.rule
    starts = first_time(found.at, found.rule, BERLIN)
    assert next_time(found.rule, starts, BERLIN, found.at - timedelta(seconds=1)) == found.at


@pytest.mark.parametrize("words", RULES)
def test_where_one_time_is_wanted_it_is_asked_for(words: str) -> None:
    assert is_recurring(words)
    with pytest.raises(UnclearTime) as caught:
        resolve(words, BERLIN, NOW)
    assert caught.value.question == dates.PROBLEMS["recurring"]


@pytest.mark.parametrize("words", [words for words in RULES if not words.endswith(".")])
def test_the_phrase_is_found_behind_a_text(words: str) -> None:
    text = f"feed the cat {words}"
    assert [*find(text)] == [(13, len(text))]


@pytest.mark.parametrize(
    ("words", "question"),
    [
        *((words, recurrence.UNCLEAR) for words in ("tomorrow", "twice a day", "3 times a week")),
        ("every 1.5 days", recurrence.UNCLEAR),
        ("every 2 hours at 5", recurrence.UNCLEAR),
        ("every 0 days", recurrence.UNCLEAR),
        ("every second", dates.UNREADABLE),
        ("every day next week", recurrence.UNCLEAR),
        ("every year on 3 april 2027", recurrence.UNCLEAR),
        *(
            (words, recurrence.WHICH_DAY)
            for words in ("every week", "weekly at 9", "every 2 weeks")
        ),
        *((words, recurrence.WHICH_DAY) for words in ("every month", "monthly", "every year")),
        ("every week on the 3rd", recurrence.WHICH_DAY),
        ("on the 31st of every month", recurrence.NOT_EVERY_MONTH),
        ("every 29th", recurrence.NOT_EVERY_MONTH),
        ("every 29 february", recurrence.NOT_EVERY_YEAR),
        ("every 31 june", recurrence.NOT_EVERY_YEAR),
        ("every 99999999 days", recurrence.TOO_RARE),
        ("every friday at midnight", dates.MIDNIGHT),
        ("every now and then", dates.UNREADABLE),
        ("every", dates.UNREADABLE),
        ("every day until I say so", dates.UNREADABLE),
        ("every third friday", dates.UNREADABLE),
        ("every 2 hours until friday", recurrence.UNCLEAR),
        ("every day until i say done", recurrence.ONLY_SHORT),
        ("every monday until tomorrow", recurrence.ENDS_FIRST),
        ("every day for 2 hours", dates.VAGUE),
        ("every day until 3 march 2090", dates.TOO_FAR),
        ("every day for 99999999 weeks", dates.TOO_FAR),
        ("every day at 5pm EST", recurrence.UNCLEAR),
        ("every day at 8am and 8pm", recurrence.ONE_AT_A_TIME),
        ("every monday or tuesday", dates.UNREADABLE),
        ("on the fifth monday of every month", dates.UNREADABLE),
    ],
)
def test_what_is_unclear_is_asked_about(words: str, question: str) -> None:
    with pytest.raises(UnclearTime) as caught:
        resolve_recurring(words, BERLIN, NOW)
    assert caught.value.question == question


@pytest.mark.parametrize("words", MEANINGS)
def test_what_comes_once_is_not_recurring(words: str) -> None:
    assert not is_recurring(words)


@pytest.mark.parametrize(
    ("now", "words", "expected"),
    [
        # The clocks go from 2:00 to 3:00 on 29 March 2026, and from 3:00 to 2:00 on 25 October.
        ("2026-03-28T12:00+01:00", "every day at 9", "2026-03-29T09:00+02:00"),
        ("2026-03-28T12:00+01:00", "every day at 2:30am", "2026-03-29T03:30+02:00"),
        ("2026-10-24T12:00+02:00", "every day at 2:30am", "2026-10-25T02:30+02:00"),
        ("2026-03-29T01:30+01:00", "every hour", "2026-03-29T03:30+02:00"),
        ("2026-10-25T02:30+02:00", "every 30 minutes", "2026-10-25T02:00+01:00"),
    ],
)
def test_the_first_time_may_be_on_a_day_when_the_clocks_change(
    now: str, words: str, expected: str
) -> None:
    found = resolve_recurring(words, BERLIN, datetime.fromisoformat(now).astimezone(UTC))
    assert found.at.isoformat(timespec="minutes") == expected


def test_the_zone_is_the_persons() -> None:
    found = resolve_recurring("every day at 8", ZoneInfo("Pacific/Auckland"), NOW)
    assert found.at.isoformat() == "2026-06-11T08:00:00+12:00"  # it is the 11th there


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("every day at 8am and 8pm", ["every day at 8am", "every day 8pm"]),
        (
            "at 8am, 1pm and 20:00 every weekday",
            [f"{at} every weekday" for at in ("at 8am", "1pm", "20:00")],
        ),
        ("every day at 8am", ["every day at 8am"]),
        ("at 5 and at 6", ["at 5 and at 6"]),
        ("soonish", ["soonish"]),
    ],
)
def test_several_times_of_day_are_a_phrase_each(words: str, expected: list[str]) -> None:
    assert each_time(words) == expected


def test_the_table_is_long_enough() -> None:
    assert len(RULES) + len(MEANINGS) >= 150


@pytest.mark.parametrize(
    ("words", "zone", "now", "at", "starts"),
    [
        (
            *("every day at 2:30 am", "Europe/Berlin", "2026-03-28T12:00+00:00"),
            *("2026-03-29T03:30+02:00", "2026-03-29T02:30:00"),
        ),
        (
            *("every day at midnight", "Africa/Cairo", "2026-04-23T12:00+00:00"),
            *("2026-04-24T01:00+03:00", "2026-04-24T00:00:00"),
        ),
    ],
)
def test_what_was_said_is_kept_where_the_clocks_skip_it(
    words: str, zone: str, now: str, at: str, starts: str
) -> None:
    found = resolve_recurring(words, ZoneInfo(zone), datetime.fromisoformat(now))
    assert (found.at, found.starts) == (datetime.fromisoformat(at), starts)


@pytest.mark.parametrize(
    ("words", "early", "hour"),
    [
        ("at 6 on weekdays", True, 6),
        ("at 6 on weekdays", False, 18),
        ("at 6pm on weekdays", True, 18),
    ],
)
def test_an_alarm_that_comes_again_is_in_the_morning(words: str, early: bool, hour: int) -> None:
    assert resolve_recurring(words, BERLIN, NOW, early=early).at.hour == hour
