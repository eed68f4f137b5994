"""Tasks that come again, as they are said, shown, done for one time and stopped."""

from datetime import timedelta

import pytest

from ai.times.wording import repeats
from bot.phrasing import time_of_day
from core.postgres import select_one
from tests.support.chat import Person
from tests.support.waiting import Clock


async def test_a_task_of_every_weekday_from_its_order_to_its_end(chat: Person) -> None:
    added = await chat.say("remind me every weekday at 7:30 to stretch")
    assert added.startswith("Added **stretch**")
    assert ", every weekday." in added
    row = select_one("tasks", {})
    assert row is not None
    assert row["repeat"] == "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    assert ", every weekday" in await chat.say("list my tasks")
    done = await chat.say("complete stretch")
    assert done.startswith("Done for this time: **stretch**")
    after = select_one("tasks", {})
    assert after is not None
    assert (after["done"], after["due_at"] > row["due_at"]) == (False, True)
    assert "still to do" in await chat.say("undo")
    assert select_one("tasks", {"due_at": row["due_at"]})
    assert select_one("reminders", {"due_at": row["due_at"]})
    assert "no due time any more" in await chat.say("stop reminding me to stretch")
    assert select_one("reminders", {}) is None
    assert "due again" in await chat.say("undo")
    assert select_one("tasks", {"repeat": row["repeat"]})


async def test_moving_one_time_of_a_series_says_so_and_leaves_the_series(chat: Person) -> None:
    await chat.say("remind me every weekday at 7:30 to stretch")
    before = select_one("reminders", {})
    said = await chat.say("move stretch to tomorrow at 10:15")
    assert "at 10:15" in said
    assert "this time only. It still comes every weekday at 07:30." in said
    assert "as it was before" in await chat.say("undo")
    after = select_one("reminders", {})
    assert before is not None
    assert after is not None
    assert {key: after[key] for key in ("due_at", "rule", "starts")} == {
        key: before[key] for key in ("due_at", "rule", "starts")
    }


async def test_undo_of_ticking_off_a_list_restores_the_due_times(chat: Person) -> None:
    await chat.say("add stretch to my home list")
    await chat.say("set stretch due every day at 7:30")
    before = select_one("reminders", {})
    assert before is not None
    assert "Done" in await chat.say("complete everything on my home list")
    assert select_one("reminders", {"due_at": before["due_at"]}) is None
    await chat.say("undo")
    assert select_one("reminders", {"due_at": before["due_at"]})


async def test_which_day_is_asked_for_where_it_is_open(chat: Person) -> None:
    asked = await chat.say("remind me to pay the rent on the 31st of every month")
    assert asked.startswith("Not every month has that day")
    added = await chat.say("on the last day of every month")
    assert ", on the last day of every month." in added


async def test_a_task_is_made_to_repeat_later(chat: Person) -> None:
    await chat.say("add stretch to my tasks")
    said = await chat.say("set stretch due every day at 8")
    assert ", every day." in said


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (None, ""),
        ("FREQ=DAILY", ", every day"),
        ("FREQ=DAILY;INTERVAL=2", ", every other day"),
        ("FREQ=DAILY;UNTIL=20260611", ", every day until 11 June 2026"),
        ("FREQ=WEEKLY;BYDAY=MO;UNTIL=20260611T090000", ", every Monday until 11 June 2026"),
        ("FREQ=HOURLY;INTERVAL=3", ", every 3 hours"),
        ("FREQ=WEEKLY", ", every week"),
        ("FREQ=WEEKLY;BYDAY=MO,WE", ", every Monday and Wednesday"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU", ", every other Sunday"),
        ("FREQ=WEEKLY;INTERVAL=3;BYDAY=SU", ", every 3 weeks on Sunday"),
        ("FREQ=MONTHLY;BYMONTHDAY=1", ", on the 1st of every month"),
        ("FREQ=MONTHLY;BYMONTHDAY=12", ", on the 12th of every month"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", ", on the last day of every month"),
        ("FREQ=MONTHLY;BYDAY=-1FR", ", on the last Friday of every month"),
        ("FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=3", ", every year on 3 April"),
        ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=2", ", repeatedly"),
        ("FREQ=MONTHLY;BYDAY=MO,TU", ", repeatedly"),
        ("FREQ=YEARLY;BYMONTH=4", ", repeatedly"),
    ],
)
def test_a_rule_is_said_in_words(rule: str | None, words: str) -> None:
    assert repeats(rule) == words


@pytest.mark.parametrize(
    ("words", "time"),
    [
        ("22:00", "22:00"),
        ("7:05", "07:05"),
        ("10 pm", "22:00"),
        ("12am", "00:00"),
        ("12 p.m.", "12:00"),
        ("at 7", "07:00"),
        ("midnight", "00:00"),
        ("24:00", None),
        ("13pm", None),
        ("7:60", None),
        ("dusk", None),
    ],
)
def test_a_time_of_day(words: str, time: str | None) -> None:
    assert time_of_day(words) == time


async def test_it_comes_until_the_person_says_done(chat: Person, clock: Clock) -> None:
    added = await chat.say("remind me every 10 minutes until I say done to drink water")
    assert ", every 10 minutes until it is done, 50 times at most" in added
    for _ in range(2):
        clock.now += timedelta(minutes=10)
        assert await chat.next_message() == "Reminder: drink water"
    assert await chat.say("done") == "Done: **drink water**. I won't remind you of it any more."
    assert select_one("reminders", {}) is None
    assert "still to do" in await chat.say("undo")
    row = select_one("reminders", {})
    assert row is not None
    assert row["rule"] == "FREQ=MINUTELY;INTERVAL=10;COUNT=50"
    assert await chat.say("complete drink water") != ""
    assert (await chat.say("done")).startswith("What is done?")


async def test_which_one_is_done_is_asked_where_several_wait(chat: Person) -> None:
    await chat.say("remind me every 10 minutes until I say done to drink water")
    await chat.say("remind me every 10 minutes to stretch until I say done")
    assert await chat.say("i'm done") == "Which one: **drink water** or **stretch**?"
    assert (await chat.say("stretch")).startswith("Done: **stretch**.")
    assert select_one("reminders", {}) is not None


async def test_nobody_is_reminded_for_ever_of_what_is_not_done(chat: Person, clock: Clock) -> None:
    await chat.say("remind me every 10 minutes until I say done to drink water")
    clock.now += timedelta(days=30)
    assert (await chat.next_message()).startswith("Reminder: drink water (late")
    row = select_one("reminders", {})
    assert row is None or row["fired_at"] is not None
    assert (await chat.say("done")).startswith("Done: **drink water**.")


async def test_an_alarm_for_an_hour_is_at_the_next_one(chat: Person) -> None:
    assert " at 07:00" in await chat.say("set an alarm for 7") or "19:00" in chat.replies[-1]
    answer = await chat.say("set an alarm for 25")
    assert "Added" not in answer


async def test_ticking_off_its_list_ends_what_comes_until_it_is_done(chat: Person) -> None:
    await chat.say("remind me every 10 minutes until I say done to drink water")
    await chat.say("complete everything on my tasks list")
    assert select_one("reminders", {}) is None
    await chat.say("undo")
    row = select_one("reminders", {})
    assert row is not None
    assert row["rule"] == "FREQ=MINUTELY;INTERVAL=10;COUNT=50"
