"""What people say for a time, and what it means on a Wednesday afternoon in Berlin."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ai.times import resolve as dates
from ai.times.resolve import UnclearTime, find, resolve
from tests.ai.times.time_phrases import BARE_LENGTHS, MEANINGS, QUESTIONS

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 6, 10, 14, 0, tzinfo=BERLIN)  # a Wednesday


@pytest.mark.parametrize(("words", "question"), QUESTIONS.items())
def test_what_may_be_one_time_or_another_is_asked_about(words: str, question: str) -> None:
    with pytest.raises(UnclearTime) as caught:
        resolve(words, BERLIN, NOW)
    assert caught.value.question.startswith(question)


@pytest.mark.parametrize(("words", "expected"), (MEANINGS | BARE_LENGTHS).items())
def test_words_mean_a_time(words: str, expected: str) -> None:
    moment = resolve(words, BERLIN, NOW)
    assert moment == datetime.fromisoformat(expected).replace(tzinfo=BERLIN)
    assert moment.tzinfo is BERLIN


@pytest.mark.parametrize("words", ["before friday", "before the 15th", "before tomorrow"])
def test_what_is_before_a_day_is_not_on_it(words: str) -> None:
    assert [*find(f"feed the cat {words}")] != [(13, 13 + len(words))]
    with pytest.raises(UnclearTime):
        resolve(words, BERLIN, NOW)


@pytest.mark.parametrize("words", MEANINGS)
def test_a_phrase_that_is_understood_is_found_in_a_text(words: str) -> None:
    too_little_alone = {"the 15th", "12/31", "3/4", "easter"}
    text = f"feed the cat {words}"
    expected = [] if words in too_little_alone else [(13, len(text) - words.endswith("."))]
    if words.endswith((".m.", "Dec.", "12.")):
        expected = [(13, len(text))]
    assert [*find(text)] == expected


@pytest.mark.parametrize(
    ("words", "now", "expected"),
    [
        ("at 6 tomorrow", "2030-06-10T14:00", "2030-06-11T06:00"),
        ("tomorrow at half past six", "2030-06-10T14:00", "2030-06-11T06:30"),
        ("5.45 tomorrow", "2030-06-10T14:00", "2030-06-11T05:45"),
        ("at 2 tomorrow", "2030-06-10T14:00", "2030-06-11T14:00"),
        ("monday at 7:30", "2030-06-10T14:00", "2030-06-17T07:30"),
        ("at 7", "2030-06-10T10:00", "2030-06-11T07:00"),
        ("at 7", "2030-06-10T23:30", "2030-06-11T07:00"),
        ("at 5", "2030-06-10T14:00", "2030-06-10T17:00"),  # the end of a nap
        ("at 2", "2030-06-10T01:00", "2030-06-10T02:00"),
        ("at 11", "2030-06-10T22:00", "2030-06-10T23:00"),
        ("at 6 today", "2030-06-10T10:00", "2030-06-10T18:00"),
        ("tomorrow at 6pm", "2030-06-10T14:00", "2030-06-11T18:00"),
        ("tomorrow at 18:15", "2030-06-10T14:00", "2030-06-11T18:15"),
        ("at 12", "2030-06-10T14:00", "2030-06-11T12:00"),
    ],
)
def test_who_is_to_be_woken_means_the_morning(words: str, now: str, expected: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=BERLIN)
    moment = resolve(words, BERLIN, at, early=True)
    assert moment == datetime.fromisoformat(expected).replace(tzinfo=BERLIN)


PAST = [
    "yesterday",
    "an hour ago",
    "3 days ago",
    "last friday",
    "today at 9am",
    "today at 13:59",
    "this morning",
    "at noon today",
    "2026-06-09",
    "3 march 2020",
    "beginning of this week",
    "start of the month",
    "2026-06-10 14:00",
]
VAGUE = [
    "later",
    "later today",
    "soon",
    "now",
    "in a bit",
    "in a few minutes",
    "in june",
    "next week",
    "this week",
    "next month",
    "next year",
    "next week at 5pm",
    "in 2 hours on friday",
    "in 3 days on friday",
    "beginning of the day",
]
UNREADABLE = [
    "",
    "   ",
    "soonish",
    "when I am home",
    "the 3rd week of june",
    "5 or 6pm",
    "5-6pm",
    "between 5 and 6",
    "friday or monday",
    "tomorrow tomorrow",
    "at 25",
    "at 5:75",
    "13pm",
    "in half a month",
    "tomorrow 5pm IST",
    "2026-07-01T17:00:00Z",
    "morning",
    "3 to 5",
    "half past 13",
    "in",
    "@",
    "٣ دقائق",
]
RECURRING = [
    "every weekday at 7:30",
    "every other monday",
    "every day",
    "each morning",
    "every 2 weeks",
    "every monday and thursday at 8",
    "daily at 9",
    "on mondays",
    "on weekdays at 7",
    "twice a week",
    "every 15th",
]
NO_SUCH_DAY = ["on 30 february", "31/4/2027", "2027-02-30", "2027-13-01"]


@pytest.mark.parametrize(
    ("words", "question"),
    [
        *((words, dates.PAST) for words in PAST),
        *((words, dates.VAGUE) for words in VAGUE),
        *((words, dates.UNREADABLE) for words in UNREADABLE),
        *((words, dates.PROBLEMS["recurring"]) for words in RECURRING),
        *((words, dates.NO_SUCH_DAY) for words in NO_SUCH_DAY),
        ("today", dates.TODAY),
        ("in 30 years", dates.TOO_FAR),
        ("in 99999999999 days", dates.TOO_FAR),
        ("in 99999999999999999999 hours", dates.TOO_FAR),
        ("in 9999 months", dates.TOO_FAR),
        ("3 march 2090", dates.TOO_FAR),
        ("friday at midnight", dates.MIDNIGHT),
    ],
)
def test_what_is_past_or_unclear_is_asked_about(words: str, question: str) -> None:
    with pytest.raises(UnclearTime) as caught:
        resolve(words, BERLIN, NOW)
    assert caught.value.question == str(caught.value) == question


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Berlin", "2027-04-03"),
        ("Asia/Kolkata", "2027-04-03"),
        ("America/New_York", "2027-03-04"),
        ("Asia/Tokyo", "2027-03-04"),
    ],
)
def test_day_and_month_are_in_the_order_of_the_persons_country(zone: str, expected: str) -> None:
    for words in ("3/4", "3/4/27", "03/04/2027", "٣/٤"):
        assert str(resolve(words, ZoneInfo(zone), NOW).date()) == expected


@pytest.mark.parametrize("zone", ["America/Toronto", "Asia/Manila", "UTC", "EST5EDT"])
def test_where_both_orders_are_written_people_are_asked(zone: str) -> None:
    with pytest.raises(UnclearTime, match="Which is the day, which the month"):
        resolve("3/4/2027", ZoneInfo(zone), NOW)


def test_thanksgiving_is_that_of_the_united_states_there_and_asked_about_elsewhere() -> None:
    chicago = ZoneInfo("America/Chicago")
    assert resolve("thanksgiving at noon", chicago, NOW).isoformat() == "2026-11-26T12:00:00-06:00"
    with pytest.raises(UnclearTime):
        resolve("thanksgiving at noon", ZoneInfo("America/Toronto"), NOW)


def test_another_places_clock_has_its_own_today() -> None:
    at_night = datetime(2026, 6, 10, 1, 0, tzinfo=BERLIN)  # it is still the 9th in New York
    found = resolve("tomorrow at 9am EST", BERLIN, at_night)
    assert found == datetime(2026, 6, 10, 15, 0, tzinfo=BERLIN)


def test_a_weekday_that_contradicts_the_date_is_asked_about() -> None:
    with pytest.raises(UnclearTime, match="12 June 2026 is a Friday"):
        resolve("thursday 12 june", BERLIN, NOW)


@pytest.mark.parametrize(
    ("now", "words", "expected"),
    [
        ("2026-06-12 14:00", "friday", "2026-06-19 09:00"),  # said on a friday
        ("2026-06-12 14:00", "friday at 5pm", "2026-06-12 17:00"),
        ("2026-06-12 14:00", "next friday", "2026-06-19 09:00"),
        ("2026-06-14 14:00", "next friday", "2026-06-19 09:00"),  # on a sunday: the week to come
        ("2026-06-14 14:00", "friday", "2026-06-19 09:00"),
        ("2026-06-13 08:00", "this weekend", "2026-06-13 09:00"),
        ("2026-06-10 02:00", "in the morning", "2026-06-10 09:00"),
        ("2026-06-10 02:00", "at 5", "2026-06-10 17:00"),  # nobody wants 5 in the morning unasked
        ("2026-06-10 06:00", "at 7", "2026-06-10 07:00"),
        ("2026-06-10 20:00", "at 7", "2026-06-11 07:00"),
        ("2026-06-10 23:30", "at midnight", "2026-06-11 00:00"),
        ("2026-06-10 00:30", "today at 5pm", "2026-06-10 17:00"),
        ("2026-01-31 14:00", "in a month", "2026-02-28 14:00"),
        ("2028-01-31 14:00", "in a month", "2028-02-29 14:00"),
        ("2026-12-31 23:59", "tomorrow", "2027-01-01 09:00"),
        ("2026-12-15 12:00", "end of next month", "2027-01-31 09:00"),
    ],
)
def test_the_meaning_depends_on_when_it_is_said(now: str, words: str, expected: str) -> None:
    said = datetime.fromisoformat(now).replace(tzinfo=BERLIN)
    assert resolve(words, BERLIN, said) == datetime.fromisoformat(expected).replace(tzinfo=BERLIN)


def test_this_friday_is_never_another_one() -> None:
    said = datetime(2026, 6, 12, 14, 0, tzinfo=BERLIN)
    with pytest.raises(UnclearTime):
        resolve("this friday", BERLIN, said)


@pytest.mark.parametrize(
    ("now", "words", "expected"),
    [
        # The clocks go from 2:00 to 3:00 on 29 March 2026, and from 3:00 to 2:00 on 25 October.
        ("2026-03-28T12:00+01:00", "tomorrow at 9am", "2026-03-29T09:00+02:00"),
        ("2026-03-28T12:00+01:00", "in 24 hours", "2026-03-29T13:00+02:00"),
        ("2026-03-28T12:00+01:00", "in a day", "2026-03-29T12:00+02:00"),
        ("2026-03-29T01:30+01:00", "in an hour", "2026-03-29T03:30+02:00"),
        ("2026-03-28T12:00+01:00", "tomorrow at 2:30am", "2026-03-29T03:30+02:00"),
        ("2026-03-28T02:30+01:00", "in a day", "2026-03-29T03:30+02:00"),
        ("2026-10-24T12:00+02:00", "tomorrow at 9am", "2026-10-25T09:00+01:00"),
        ("2026-10-24T12:00+02:00", "in 24 hours", "2026-10-25T11:00+01:00"),
        ("2026-10-24T12:00+02:00", "tomorrow at 2:30am", "2026-10-25T02:30+02:00"),
        ("2026-10-25T02:45+02:00", "at 2:50am", "2026-10-25T02:50+02:00"),
        ("2026-10-25T02:45+02:00", "today at 2:30am", "2026-10-25T02:30+01:00"),
        ("2026-10-25T02:45+02:00", "in 30 minutes", "2026-10-25T02:15+01:00"),
        ("2026-10-25T02:15+01:00", "in 30 minutes", "2026-10-25T02:45+01:00"),
    ],
)
def test_times_are_right_when_the_clocks_change(now: str, words: str, expected: str) -> None:
    moment = resolve(words, BERLIN, datetime.fromisoformat(now).astimezone(UTC))
    assert moment.isoformat(timespec="minutes") == expected


def test_now_may_be_in_any_zone() -> None:
    moment = resolve("tomorrow at 8am", ZoneInfo("Pacific/Auckland"), NOW.astimezone(UTC))
    assert moment.isoformat() == "2026-06-12T08:00:00+12:00"  # there it is the 11th already


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("remind me tomorrow at 5 to call mum", ["tomorrow at 5"]),
        ("call mum tomorrow at 5, remind me", ["tomorrow at 5"]),
        ("in 20 minutes take the bread out", ["in 20 minutes"]),
        ("enjoy the sun", []),
        ("ask may about march", []),
        ("watch the 3rd", []),
        ("eat half of it", []),
        ("read one hundred pages", []),
        ("fix tomorrow's slides", []),
        ("call the 5-star hotel", []),
        ("meet from 5 to 6pm", ["6pm"]),  # the sentences refuse a time behind "to"
        ("be there between 5 and 6pm", ["6pm"]),
        ("pay 3.50 on friday", ["on friday"]),
        ("go for 2 hours", []),
        ("call at 5 and leave at 6", ["at 5", "at 6"]),
        ("do it every day until friday", ["every day until friday"]),
        ("buy 1/2 pound", []),
        ("", []),
    ],
)
def test_phrases_are_found_only_where_they_are_times(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in find(text)] == expected
