"""What people say for a time, and what it means on a Wednesday afternoon in Berlin."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ai import dates
from ai.dates import UnclearTime, find, resolve

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 6, 10, 14, 0, tzinfo=BERLIN)  # a Wednesday

MEANINGS = {
    # lengths of time
    "in 3 seconds": "2026-06-10 14:00:03",
    "in 20 minutes": "2026-06-10 14:20",
    "in twenty minutes": "2026-06-10 14:20",
    "in twenty-five minutes": "2026-06-10 14:25",
    "in 90 min": "2026-06-10 15:30",
    "in 5 mins": "2026-06-10 14:05",
    "in a minute": "2026-06-10 14:01",
    "in an hour": "2026-06-10 15:00",
    "in one hour": "2026-06-10 15:00",
    "in 2 hrs": "2026-06-10 16:00",
    "in 2h": "2026-06-10 16:00",
    "in 45m": "2026-06-10 14:45",
    "in half an hour": "2026-06-10 14:30",
    "in an hour and a half": "2026-06-10 15:30",
    "in two and a half hours": "2026-06-10 16:30",
    "in 2.5 hours": "2026-06-10 16:30",
    "in 1,5 hours": "2026-06-10 15:30",
    "in 1h30": "2026-06-10 15:30",
    "in 1h 30m": "2026-06-10 15:30",
    "in 2 hours and 10 minutes": "2026-06-10 16:10",
    "in 1 hour, 5 minutes and 3 seconds": "2026-06-10 15:05:03",
    "in a quarter of an hour": "2026-06-10 14:15",
    "in three quarters of an hour": "2026-06-10 14:45",
    "in an hour and a quarter": "2026-06-10 15:15",
    "in a couple of hours": "2026-06-10 16:00",
    "in about an hour": "2026-06-10 15:00",
    "in another ten minutes": "2026-06-10 14:10",
    "20 minutes from now": "2026-06-10 14:20",
    "two hours from now": "2026-06-10 16:00",
    "after 10 minutes": "2026-06-10 14:10",
    "in a day": "2026-06-11 14:00",
    "in 3 days": "2026-06-13 14:00",
    "in half a day": "2026-06-11 02:00",
    "in a week": "2026-06-17 14:00",
    "in two weeks": "2026-06-24 14:00",
    "in two weeks' time": "2026-06-24 14:00",
    "in a week and a half": "2026-06-21 02:00",
    "in a fortnight": "2026-06-24 14:00",
    "in a month": "2026-07-10 14:00",
    "in six months": "2026-12-10 14:00",
    "in a year": "2027-06-10 14:00",
    "in 2 days and 3 hours": "2026-06-12 17:00",
    "in 3 days at 9am": "2026-06-13 09:00",
    "in two days at noon": "2026-06-12 12:00",
    "in a week at 5": "2026-06-17 17:00",
    "in two weeks on friday": "2026-06-26 09:00",
    "in 2 days in the morning": "2026-06-12 09:00",
    # days
    "tomorrow": "2026-06-11 09:00",
    "Tomorrow.": "2026-06-11 09:00",
    "tommorow": "2026-06-11 09:00",
    "tmrw": "2026-06-11 09:00",
    "by tomorrow": "2026-06-11 09:00",
    "the day after tomorrow": "2026-06-12 09:00",
    "day after tomorrow at 8": "2026-06-12 08:00",
    "friday": "2026-06-12 09:00",
    "on friday": "2026-06-12 09:00",
    "by friday": "2026-06-12 09:00",
    "Fri": "2026-06-12 09:00",
    "this friday": "2026-06-12 09:00",
    "coming friday": "2026-06-12 09:00",
    "next friday": "2026-06-19 09:00",
    "next monday": "2026-06-15 09:00",
    "monday": "2026-06-15 09:00",
    "wednesday": "2026-06-17 09:00",
    "wednesday at 5pm": "2026-06-10 17:00",
    "next wednesday": "2026-06-17 09:00",
    "friday week": "2026-06-19 09:00",
    "a week on friday": "2026-06-19 09:00",
    "a week from friday": "2026-06-19 09:00",
    "two weeks from monday": "2026-06-29 09:00",
    "a week from tomorrow": "2026-06-18 09:00",
    "friday next week": "2026-06-19 09:00",
    "next week on friday at 3": "2026-06-19 15:00",
    "this weekend": "2026-06-13 09:00",
    "on the weekend": "2026-06-13 09:00",
    "next weekend": "2026-06-20 09:00",
    # times of day
    "at 5": "2026-06-10 17:00",
    "at 3": "2026-06-10 15:00",
    "at 11": "2026-06-10 23:00",
    "at 1": "2026-06-11 13:00",
    "at 12": "2026-06-11 12:00",
    "at five": "2026-06-10 17:00",
    "at seven thirty": "2026-06-10 19:30",
    "5pm": "2026-06-10 17:00",
    "5 PM": "2026-06-10 17:00",
    "5 p.m.": "2026-06-10 17:00",
    "at 5:30pm": "2026-06-10 17:30",
    "at 5.30 pm": "2026-06-10 17:30",
    "at 9am": "2026-06-11 09:00",
    "at 12pm": "2026-06-11 12:00",
    "at 12am": "2026-06-11 00:00",
    "17:00": "2026-06-10 17:00",
    "at 17:05:30": "2026-06-10 17:05:30",
    "@ 17:00": "2026-06-10 17:00",
    "at 17h30": "2026-06-10 17:30",
    "at 17": "2026-06-10 17:00",
    "at 7.30": "2026-06-10 19:30",
    "at 07:30": "2026-06-11 07:30",
    "at 5:30": "2026-06-10 17:30",
    "around 6": "2026-06-10 18:00",
    "five o'clock": "2026-06-10 17:00",
    "at 8 o'clock": "2026-06-10 20:00",
    "half past six": "2026-06-10 18:30",
    "half six": "2026-06-10 18:30",
    "at half past 3pm": "2026-06-10 15:30",
    "quarter to seven": "2026-06-10 18:45",
    "a quarter past 4": "2026-06-10 16:15",
    "ten past five": "2026-06-10 17:10",
    "twenty to six": "2026-06-10 17:40",
    "7 minutes past four": "2026-06-10 16:07",
    "a quarter to 12 am": "2026-06-10 23:45",
    "at noon": "2026-06-11 12:00",
    "midday": "2026-06-11 12:00",
    "at midnight": "2026-06-11 00:00",
    "at lunchtime": "2026-06-11 12:00",
    "in the morning": "2026-06-11 09:00",
    "in the evening": "2026-06-10 19:00",
    "at 7 in the evening": "2026-06-10 19:00",
    "tonight": "2026-06-10 21:00",
    "tonight at 8": "2026-06-10 20:00",
    "at 9 tonight": "2026-06-10 21:00",
    "tonight at 1": "2026-06-11 01:00",
    "tonight at midnight": "2026-06-11 00:00",
    "tonight at 12": "2026-06-11 00:00",
    "this evening": "2026-06-10 19:00",
    "this afternoon": "2026-06-10 15:00",
    # days with times
    "tomorrow at 5pm": "2026-06-11 17:00",
    "5pm tomorrow": "2026-06-11 17:00",
    "tomorrow, 5pm": "2026-06-11 17:00",
    "tomorrow at 5": "2026-06-11 17:00",
    "tomorrow at 7": "2026-06-11 07:00",
    "tomorrow at 12": "2026-06-11 12:00",
    "tomorrow morning": "2026-06-11 09:00",
    "tomorrow morning at 6": "2026-06-11 06:00",
    "at 6 tomorrow morning": "2026-06-11 06:00",
    "first thing tomorrow": "2026-06-11 09:00",
    "tomorrow first thing in the morning": "2026-06-11 09:00",
    "tomorrow afternoon": "2026-06-11 15:00",
    "tomorrow night": "2026-06-11 21:00",
    "tomorrow evening at 8:15": "2026-06-11 20:15",
    "tomorrow at noon": "2026-06-11 12:00",
    "friday at 7": "2026-06-12 07:00",
    "friday at 7pm": "2026-06-12 19:00",
    "friday evening": "2026-06-12 19:00",
    "on friday at half past six": "2026-06-12 18:30",
    "at noon on friday": "2026-06-12 12:00",
    "next monday at 17:45": "2026-06-15 17:45",
    "sun at 5pm": "2026-06-14 17:00",
    "today at 7": "2026-06-10 19:00",
    "today at 16:30": "2026-06-10 16:30",
    "today at 11": "2026-06-10 23:00",
    "today at midnight": "2026-06-11 00:00",
    # dates
    "on the 3rd": "2026-07-03 09:00",
    "the 15th": "2026-06-15 09:00",
    "the 15th at noon": "2026-06-15 12:00",
    "on the 31st": "2026-07-31 09:00",
    "on the twenty-first": "2026-06-21 09:00",
    "on the thirtieth": "2026-06-30 09:00",
    "the 3rd of next month": "2026-07-03 09:00",
    "next month on the 20th": "2026-07-20 09:00",
    "friday the 12th": "2026-06-12 09:00",
    "3 march": "2027-03-03 09:00",
    "on March 3rd at 5pm": "2027-03-03 17:00",
    "the third of March": "2027-03-03 09:00",
    "3rd of July 2028": "2028-07-03 09:00",
    "July 4, 2027": "2027-07-04 09:00",
    "may 5 at 10am": "2027-05-05 10:00",
    "Friday 12 June at 8:30": "2026-06-12 08:30",
    "12 Dec.": "2026-12-12 09:00",
    "29 february": "2028-02-29 09:00",
    "2026-07-01": "2026-07-01 09:00",
    "2026-07-01 17:00": "2026-07-01 17:00",
    "2026-07-01T17:00:05": "2026-07-01 17:00:05",
    "31.12.": "2026-12-31 09:00",
    "31.12.2026 at 23:00": "2026-12-31 23:00",
    "12/31": "2026-12-31 09:00",
    "31/12/2026": "2026-12-31 09:00",
    "7/7/2026": "2026-07-07 09:00",
    "christmas": "2026-12-25 09:00",
    "on new year's eve at 23:30": "2026-12-31 23:30",
    # edges
    "end of the day": "2026-06-10 17:00",
    "by eod": "2026-06-10 17:00",
    "end of the week": "2026-06-12 17:00",
    "at the end of next week": "2026-06-19 17:00",
    "beginning of next week": "2026-06-15 09:00",
    "end of the month": "2026-06-30 09:00",
    "on the last day of the month": "2026-06-30 09:00",
    "end of next month at 6pm": "2026-07-31 18:00",
    "start of next month": "2026-07-01 09:00",
    "end of february": "2027-02-28 09:00",
    "end of the year": "2026-12-31 09:00",
    "start of next year": "2027-01-01 09:00",
}


@pytest.mark.parametrize(("words", "expected"), MEANINGS.items())
def test_words_mean_a_time(words: str, expected: str) -> None:
    moment = resolve(words, BERLIN, NOW)
    assert moment == datetime.fromisoformat(expected).replace(tzinfo=BERLIN)
    assert moment.tzinfo is BERLIN


@pytest.mark.parametrize("words", MEANINGS)
def test_a_phrase_that_is_understood_is_found_in_a_text(words: str) -> None:
    too_little_alone = {"the 15th", "12/31"}
    text = f"feed the cat {words}"
    expected = [] if words in too_little_alone else [(13, len(text) - words.endswith("."))]
    if words.endswith((".m.", "Dec.", "12.")):
        expected = [(13, len(text))]
    assert find(text) == expected


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
    "tomorrow 5pm UTC",
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
        ("3/4", dates.PROBLEMS["numeric"]),
        ("3/4/2027 at 5pm", dates.PROBLEMS["numeric"]),
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
        ("do it every day until friday", ["every day", "friday"]),
        ("buy 1/2 pound", []),
        ("", []),
    ],
)
def test_phrases_are_found_only_where_they_are_times(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in find(text)] == expected
