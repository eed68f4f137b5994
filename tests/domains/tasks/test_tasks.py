"""Tasks, from what is said to the row and back."""

from datetime import timedelta
from typing import Any

import pytest

from bot.conversation.executor import FAILED
from bot.messages import Incoming
from core.postgres import count, insert, insert_many, select, select_one
from tests.support.chat import Person, World
from tests.support.waiting import Clock


async def test_a_reminder_reaches_the_user(chat, clock):  # noqa: ANN001, ANN201 - as documented
    assert "Added" in await chat.say("remind me to call mum tomorrow at 5pm")
    clock.move_to("tomorrow 17:00")
    assert "call mum" in await chat.next_message()


async def test_the_session_that_the_documentation_shows(chat: Person) -> None:
    assert await chat.say("add buy milk to my tasks") == "Added **buy milk**."
    added = await chat.say("remind me to water the plants in 3 seconds")
    assert added == "Added **water the plants** \N{EN DASH} in 3 seconds."
    listed = await chat.say("list my tasks")
    assert "• **buy milk**" in listed
    assert "• **water the plants** \N{EN DASH} in 3 seconds" in listed
    assert await chat.say("complete buy milk") == "Done: **buy milk**."
    assert "buy milk" not in await chat.say("list my tasks")


async def test_each_thing_in_a_row_is_a_task(chat: Person) -> None:
    told = await chat.say("add milk, eggs and bread to the shopping list")
    assert told.count("Added") == 3
    assert sorted(stored()) == [("shopping", name, None) for name in ("bread", "eggs", "milk")]


async def test_several_times_of_day_are_a_reminder_each(chat: Person) -> None:
    told = await chat.say("remind me to take my pills every day at 8am and 8pm")
    assert told.count("Added") == 2
    assert [row["repeat"] for row in select("tasks")] == ["FREQ=DAILY"] * 2


async def test_counting(chat: Person) -> None:
    assert await chat.say("how many tasks do I have?") == "You have no open tasks."
    await chat.say("add bread to my tasks")
    await chat.say("add eggs to my shopping list")
    assert await chat.say("how many tasks are left") == "You have 2 open tasks."
    told = await chat.say("how many things are on the shopping list?")
    assert told == "You have 1 open task on **shopping**."


@pytest.mark.parametrize(
    ("said", "row"),
    [
        ("add buy milk to my tasks", ("tasks", "buy milk", None)),
        ("Please add Buy Milk to my tasks, thanks!", ("tasks", "Buy Milk", None)),
        ("add oat milk to my shopping list", ("shopping", "oat milk", None)),
        ("put bread on the shopping list", ("shopping", "bread", None)),
        ("new task call the bank", ("tasks", "call the bank", None)),
        ("remind me to call mum tomorrow at 5pm", ("tasks", "call mum", "2030-03-05T17:00")),
        ("remind me tomorrow at 5pm to call mum", ("tasks", "call mum", "2030-03-05T17:00")),
    ],
)
async def test_adding(chat: Person, said: str, row: tuple[str, str, str | None]) -> None:
    assert (await chat.say(said)).startswith(f"Added **{row[1]}**")
    assert stored() == [row]


async def test_lists_are_one_however_they_are_written(chat: Person) -> None:
    await chat.say("add milk to my Shopping list")
    await chat.say("add bread to my shopping list")
    assert [row[0] for row in stored()] == ["Shopping", "Shopping"]


async def test_showing_all_and_one(chat: Person) -> None:
    await chat.say("add buy milk to my tasks")
    await chat.say("add bread to my shopping list")
    assert await chat.say("list my tasks") == (
        "**tasks**:\n• **buy milk**\n\n**shopping**:\n• **bread**"
    )
    assert await chat.say("what's on my shopping list?") == "**shopping**:\n• **bread**"
    await chat.say("complete bread")
    assert await chat.say("show my shopping list") == "You have nothing to do on **shopping**."
    assert "no list called **groceries**" in await chat.say("show my groceries list")


async def test_done_tasks_are_shown_when_asked_for(chat: Person) -> None:
    assert await chat.say("show my done tasks") == "You have no done tasks yet."
    for name in ("milk", "eggs"):
        await chat.say(f"add {name} to my tasks")
    await chat.say("complete milk")
    assert await chat.say("what have I finished?") == "**tasks**:\n• **milk**"


async def test_tasks_that_nobody_can_tell_apart_are_taken_in_turn(chat: Person) -> None:
    for _ in range(2):
        await chat.say("add milk to my tasks")
    assert await chat.say("complete milk") == "Done: **milk**."
    assert count("tasks", {"done": True}) == 1
    await chat.say("delete milk from my tasks")
    assert await chat.say("1") == "Delete **milk**? (yes or no)"


async def test_a_task_that_is_due_now_says_so(chat: Person, clock: Clock) -> None:
    await chat.say("remind me to call mum tomorrow at 5pm")
    clock.move_to("tomorrow 17:00")
    assert await chat.say("list my tasks") == "**tasks**:\n• **call mum** \N{EN DASH} now"


async def test_a_long_list_ends_with_how_many_more(chat: Person) -> None:
    for number in range(103):
        await chat.say(f"add thing {number} to my tasks")
    lines = (await chat.say("list my tasks")).splitlines()
    assert len(lines) == 103
    assert lines[-1] == "… and 3 more."


async def test_completing_takes_the_exact_name_first(chat: Person) -> None:
    for name in ("milk", "buy milk"):
        await chat.say(f"add {name} to my tasks")
    assert await chat.say("complete Milk") == "Done: **milk**."
    assert await chat.say("i have finished milk") == "Done: **buy milk**."
    assert count("tasks", {"done": True}) == 2


@pytest.mark.parametrize(
    ("answer", "told"),
    [("yes", "Done: **call tom**."), ("no", "All right, nothing was changed.")],
)
async def test_a_similar_name_is_asked_about(chat: Person, answer: str, told: str) -> None:
    await chat.say("add call tom to my tasks")
    assert await chat.say("complete call mom") == (
        "You have no open task called **call mom**. Do you mean **call tom**? (yes or no)"
    )
    assert await chat.say(answer) == told


async def test_several_candidates_are_asked_about(chat: Person) -> None:
    await chat.say("add buy milk to my tasks")
    await chat.say("add milk the cow to my farm list")
    await chat.say("add milk chocolate to my shopping list")
    question = await chat.say("complete milk")
    assert question.splitlines() == [
        "Which open task do you mean?",
        r"1\. **buy milk**",
        r"2\. **milk the cow** on **farm**",
        r"3\. **milk chocolate** on **shopping**",
    ]
    assert await chat.say("2") == "Done: **milk the cow**."
    await chat.say("complete milk")
    assert await chat.say("the chocolate") == "Done: **milk chocolate**."


async def test_of_many_candidates_the_first_are_named(chat: Person) -> None:
    for number in range(12):
        await chat.say(f"add bottle {number} to my tasks")
    question = await chat.say("complete bottle")
    assert question.splitlines()[-2:] == [
        r"9\. **bottle 8**",
        "… and 3 more; tell me more of its name.",
    ]


async def test_the_same_name_on_two_lists_can_be_told_apart(chat: Person) -> None:
    await chat.say("add bread to my tasks")
    await chat.say("add bread to my shopping list")
    assert "on **shopping**" in await chat.say("complete bread")
    assert "Which open task" in await chat.say("bread")
    assert await chat.say("number 2") == "Done: **bread**."
    assert [row["name"] for row in select("tasks", {"done": False})] == ["bread"]


async def test_what_is_not_there_is_told_with_the_nearest(chat: Person) -> None:
    assert await chat.say("complete buy milk") == "You have no open task yet."
    await chat.say("add buy milk to my tasks")
    assert await chat.say("complete buy a house") == (
        "You have no open task called **buy a house**. Do you mean **buy milk**?"
    )
    assert await chat.say("complete xyzzy") == "You have no open task called **xyzzy**."


async def test_renaming(chat: Person) -> None:
    await chat.say("add buy milk to my tasks")
    assert await chat.say("rename buy milk to buy oat milk") == (
        "Renamed **buy milk** to **buy oat milk**."
    )
    assert stored() == [("tasks", "buy oat milk", None)]


async def test_moving(chat: Person) -> None:
    await chat.say("add milk to my tasks")
    assert await chat.say("move milk to my shopping list") == "Moved **milk** to **shopping**."
    assert stored() == [("shopping", "milk", None)]


async def test_deleting_is_confirmed(chat: Person) -> None:
    await chat.say("add milk to my shopping list")
    assert await chat.say("delete milk from my shopping list") == (
        "Delete **milk** from **shopping**? (yes or no)"
    )
    assert await chat.say("no") == "All right, it stays."
    assert len(stored()) == 1
    await chat.say("delete the task milk")
    assert await chat.say("yes") == "Deleted **milk**."
    assert stored() == []


async def test_a_due_time_is_set_moved_and_taken_away(chat: Person, clock: Clock) -> None:
    await chat.say("add call mum to my tasks")
    said = await chat.say("set call mum due tomorrow at 5pm")
    assert said.startswith("I'll remind you of **call mum** \N{EN DASH} tomorrow at 17:00 (UTC).")
    assert stored() == [("tasks", "call mum", "2030-03-05T17:00")]
    await chat.say("reschedule call mum to friday at 9am")
    assert stored() == [("tasks", "call mum", "2030-03-08T09:00")]
    assert await chat.say("forget the due time of call mum") == (
        "**call mum** has no due time any more."
    )
    assert stored() == [("tasks", "call mum", None)]
    assert count("reminders") == 0


async def test_a_reminder_that_was_moved_comes_at_the_new_time(chat: Person, clock: Clock) -> None:
    await chat.say("remind me to call mum tomorrow at 5pm")
    await chat.say("postpone call mum until wednesday at 9am")
    clock.move_to("wednesday 9:00")
    assert "call mum" in await chat.next_message()


async def test_times_are_in_the_users_zone(chat: Person, clock: Clock) -> None:
    await chat.say("my time zone is Europe/Berlin")
    said = await chat.say("remind me to call mum tomorrow at 5pm")
    assert said == "Added **call mum** \N{EN DASH} tomorrow at 17:00."
    assert stored() == [("tasks", "call mum", "2030-03-05T16:00")]


async def test_a_time_in_the_past_is_asked_about(chat: Person) -> None:
    assert "past" in await chat.say("remind me to call mum yesterday at 5pm")
    assert "Added **call mum**" in await chat.say("tomorrow at 5pm")


HOSTILE = [
    "@everyone and <@1234>",
    "*bold* _it_ ~~no~~ ||spoiler|| `code` # > - 1.",
    "```py\nprint()\n```",
    "{name} {0} {{}} %s $1",
    "\"double\" and 'single' “curly”",
    "🙂👩‍👩‍👧 ünïcödé ‮reversed",
    "two\nlines\n\nand more",
    "x" * 2000,
    "word " * 400,
    "[click](http://evil.example)",
    "'; DROP TABLE tasks; --",
    "\\ back \\* slash \\",
    "<script>alert(1)</script>",
    "1. a",
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_any_text_survives_the_round_trip(chat: Person, name: str) -> None:
    await chat.say("new task")
    assert (await chat.say(name)).startswith("Added ")
    name = name.strip()
    assert [row[1] for row in stored()] == [name]
    assert plain_words(name) in plain_words(await chat.say("list my tasks"))
    await chat.say("complete a task")
    assert (await chat.say(name)).startswith("Done: ")
    assert count("tasks", {"done": True}) == 1


@pytest.mark.parametrize(
    "name",
    [
        "@everyone <@1234>",
        "*bold* _it_ `code`",
        "{name} {0} %s",
        "a \"double\" and a 'single' quote",
        "🙂👩‍👩‍👧 ünïcödé",
        "x" * 2000,
        "<script>alert(1)</script>",
        "two\nlines",
    ],
)
async def test_any_text_is_understood_in_a_sentence(chat: Person, name: str) -> None:
    assert (await chat.say(f"add {name} to my tasks")).startswith("Added ")
    assert [row[1] for row in stored()] == [name]
    assert (await chat.say(f"complete {name}")).startswith("Done: ")


def plain_words(text: str) -> str:
    """Return the text as it reads, whatever was done to show it."""
    for sign in "\\*⏎":
        text = text.replace(sign, "")
    return " ".join(text.split())


def stored() -> list[tuple[str, str, str | None]]:
    """Return list, name and due time (UTC) of every task."""
    names = {row["id"]: row["name"] for row in select("task_lists")}
    rows: list[dict[str, Any]] = select("tasks", order_by="created_at")
    return [
        (
            names[row["list_id"]],
            row["name"],
            row["due_at"].strftime("%Y-%m-%dT%H:%M") if row["due_at"] else None,
        )
        for row in rows
    ]


async def test_a_reminder_without_a_time_is_asked_for_one(chat: Person) -> None:
    assert await chat.say("remind me to call mum") == (
        "When is it due? For example “tomorrow at 5pm”."
    )
    assert count("tasks") == 0
    assert (await chat.say("tomorrow at 5pm")).startswith(
        "Added **call mum** \N{EN DASH} tomorrow at 17:00 (UTC)."
    )
    assert "Added **call mum**" in await chat.say("remind me to call mum tomorrow at 6pm")


async def test_never_mind_ends_the_question_for_a_time(chat: Person) -> None:
    await chat.say("please remind me to call mum")
    assert "dropped" in await chat.say("never mind")
    assert count("tasks") == 0


@pytest.mark.parametrize(
    ("order", "name", "due"),
    [
        ("remind me to call mum 8 tonight", "call mum", "2030-03-04T20:00"),
        ("remind me to call mum 3 in the morning", "call mum", "2030-03-05T03:00"),
        ("remind me to call mum xmas at 6 pm", "call mum", "2030-12-25T18:00"),
        ("remind me to call mum this evening at 12", "call mum", "2030-03-05T00:00"),
        ("remind me to call mum 15 minutes from 1pm", "call mum", "2030-03-04T13:15"),
        ("remind me to call mum 15 minutes before 5pm", "call mum", "2030-03-04T16:45"),
        ("remind me to buy 2 easter eggs tomorrow", "buy 2 easter eggs", "2030-03-05T09:00"),
    ],
)
async def test_a_time_is_read_whole(chat: Person, order: str, name: str, due: str) -> None:
    await chat.say(order)
    assert stored() == [("tasks", name, due)]


async def test_a_time_that_may_be_one_of_two_is_asked_about(chat: Person) -> None:
    told = await chat.say("remind me to stretch at 10:15")
    assert told == "Do you mean 22:15 today or 10:15 tomorrow?"
    assert "tomorrow at 10:15" in await chat.say("tomorrow at 10:15")


@pytest.mark.parametrize("words", ["snooze milk for 10 minutes", "put off milk by 10 minutes"])
async def test_a_task_is_put_off_by_some_time(chat: Person, words: str) -> None:
    await chat.say("add milk to my tasks")
    await chat.say(words)
    assert stored() == [("tasks", "milk", "2030-03-04T12:10")]


async def test_what_is_put_off_is_asked_where_it_is_not_said(chat: Person) -> None:
    await chat.say("add milk to my tasks")
    assert await chat.say("snooze for 10 minutes") == "What is the task?"
    await chat.say("milk")
    assert stored() == [("tasks", "milk", "2030-03-04T12:10")]


async def test_a_task_beyond_the_first_page_is_found(chat: Person, world: World) -> None:
    await chat.say("add milk to my tasks")
    row = select_one("tasks", {"name": "milk"})
    assert row
    owner = {"user_uuid": row["user_uuid"], "list_id": row["list_id"]}
    later = {"created_at": row["created_at"] + timedelta(minutes=1)}
    insert_many("tasks", [{**owner, "name": f"{n:03}" + "x" * 9_990} for n in range(220)])
    insert_many("tasks", [{**owner, **later, "name": f"small {n}"} for n in range(300)])
    assert await chat.say("complete small 299") == "Done: **small 299**."
    assert "… and 420 more." in await chat.say("show my tasks")
    insert_many("tasks", [{**owner, "name": f"many {n}"} for n in range(600)])
    assert "… and at least 900 more." in await chat.say("show my tasks")
    told = await chat.say("complete gardening")
    assert told.startswith("None of your first 1,000 open tasks is called **gardening**; there are")


async def test_a_button_finds_its_task_among_however_many(chat: Person, world: World) -> None:
    await chat.say("add milk to my tasks")
    row = select_one("tasks", {"name": "milk"})
    assert row
    owner = {"user_uuid": row["user_uuid"], "list_id": row["list_id"]}
    insert_many("tasks", [{**owner, "name": f"many {n}"} for n in range(1000)])
    later = row["created_at"] + timedelta(minutes=1)
    last = insert("tasks", {**owner, "name": "last", "created_at": later})
    order = {"interaction_type": "task", "action": "complete", "name": str(last["id"])}
    press = Incoming(chat.address, "dm", "Done", order=order, starts_new=True)
    await world.answer(press, chat)
    assert chat.replies[-1] == "Done: **last**."
    await world.answer(press, chat)
    assert chat.replies[-1] == "That open task is not there any more."


async def test_what_is_due_on_a_day(chat: Person, clock: Clock) -> None:
    assert await chat.say("what's due today?") == "Nothing is due today."
    for when in ("today at 6pm", "tomorrow at 8am", "on sunday at 9am", "in 10 days"):
        await chat.say(f"remind me {when} to {when.replace(' ', '-')}")

    assert "today-at-6pm" in await chat.say("what's due today?")
    assert "8am" not in await chat.say("what do I have to do today?")
    assert "tomorrow-at-8am" in await chat.say("what is due tomorrow?")
    week = await chat.say("what is due this week?")
    assert "on-sunday-at-9am" in week
    assert "in-10-days" not in week
    clock.move_to("tomorrow at noon")
    assert "today-at-6pm" in await chat.say("what's due today?"), "what is overdue"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("wake me up at 7", "Added **wake up**"),
        ("set a timer for 10 minutes", "Added **timer**"),
        ("I need to buy bread", "Added **bread**."),
        ("don't let me forget to water the ferns on friday", "Added **water the ferns**"),
    ],
)
async def test_everyday_words(chat: Person, text: str, answer: str) -> None:
    assert (await chat.say(text)).startswith(answer)


async def test_what_was_bought_is_done(chat: Person) -> None:
    await chat.say("I need to buy bread")
    assert await chat.say("I bought the bread") == "Done: **bread**."


@pytest.mark.parametrize(
    ("order", "when"),
    [
        ("postpone the dentist by 2 hours", "tomorrow at 17:00"),
        ("push the dentist back a day", "on Wednesday at 15:00"),
        ("push the dentist back by 90 minutes", "tomorrow at 16:30"),
        ("snooze the dentist for 2 hours", "tomorrow at 17:00"),
        ("postpone read by an hour", "today at 13:00"),
    ],
)
async def test_by_so_much_later_counts_from_when_it_is_due(
    chat: Person, order: str, when: str
) -> None:
    await chat.say("remind me to see the dentist tomorrow at 15:00")
    await chat.say("add read to my tasks")
    assert when in await chat.say(order)
    if "dentist" in order:
        assert await chat.say("undo")
        assert "tomorrow at 15:00" in await chat.say("list my tasks")


async def test_a_length_that_no_calendar_holds_changes_nothing(chat: Person) -> None:
    await chat.say("remind me to see the dentist tomorrow at 15:00")
    for days in ("36500", "99999999", "9" * 30):
        assert await chat.say(f"postpone the dentist by {days} days") != FAILED
        assert "tomorrow at 15:00" in await chat.say("list my tasks")


async def test_the_to_do_list_is_that_of_all_tasks_unless_there_is_one(chat: Person) -> None:
    await chat.say("add milk to my to do list")
    await chat.say("add bread to my shopping list")
    assert "milk" in await chat.say("what is on my todo list")
    assert await chat.say("is milk on my to-do list?") == "**tasks**:\n• **milk**"
    assert await chat.say("is milk on the shopping list?") == "No, **milk** is not on **shopping**."
    assert await chat.say("clear my to do list") == "Delete 1 task on **tasks**? (yes or no)"
    await chat.say("no")
    await chat.say("make a list called to do")
    assert "**to do** is empty" in await chat.say("clear my to do list")


async def test_an_alarm_and_a_timer_are_cancelled(chat: Person) -> None:
    await chat.say("set my alarm for eight tomorrow")
    await chat.say("start a 3 minute egg timer")
    assert "egg" in await chat.say("list my tasks")
    assert await chat.say("cancel my alarm") == "Delete **wake up**? (yes or no)"
    assert await chat.say("yes") == "Deleted **wake up**."
    assert "no task" in await chat.say("cancel the timer")


@pytest.mark.parametrize(
    "said", ["wake me at 6:15 tomorrow", "remind me to get up tomorrow at 6:15"]
)
async def test_an_alarm_without_am_or_pm_is_in_the_morning(chat: Person, said: str) -> None:
    assert "06:15" in await chat.say(said)
    assert "18:15" in await chat.say("remind me to call tom tomorrow at 6:15")


async def test_an_alarm_and_a_timer_are_spoken_of_as_it(chat: Person) -> None:
    await chat.say("wake me at 6 tomorrow")
    assert "07:00" in await chat.say("make that 7")
    assert "06:45" in await chat.say("actually 6:45")
    await chat.say("set a timer for 10 minutes")
    assert await chat.say("delete it") == "Delete **timer**? (yes or no)"


@pytest.mark.parametrize("said", ["actually 6:45", "call mum in an hour and dad at 5"])
async def test_what_holds_no_name_or_two_times_is_not_offered(chat: Person, said: str) -> None:
    assert "Do you mean: " not in await chat.say(said)


async def test_the_alarm_of_a_time_of_day_is_cancelled(chat: Person) -> None:
    await chat.say("set alarms for 6:30 and 7:45")
    assert "no alarm at 08:00" in await chat.say("cancel my 8am alarm")
    assert await chat.say("turn off my alarm for 7:45") == "Delete **wake up**? (yes or no)"
    assert await chat.say("yes") == "Deleted **wake up**."
    left = await chat.say("list my tasks")
    assert ("6:30" in left or "06:30" in left or "18:30" in left) and "7:45" not in left
    await chat.say("set alarms for 6:30am on thursday and 6:30am on friday")
    assert "Which alarm do you mean?" in await chat.say("cancel my 6:30am alarm")
    await chat.say("never mind")
    assert await chat.say("cancel my alarm for friday") == "Delete **wake up**? (yes or no)"
    await chat.say("yes")
    assert "no alarm on Friday" in await chat.say("no alarm on friday")


async def test_another_day_keeps_the_half_of_the_day(chat: Person) -> None:
    assert "today at 19:00" in await chat.say("remind me to call dad at 7pm")
    assert "today at 20:00" in await chat.say("make it 8")
    assert "tomorrow at 20:00" in await chat.say("actually tomorrow")
    assert "tomorrow at 21:00" in await chat.say("remind me of it at 9pm instead")
    assert "**call dad** \N{EN DASH} tomorrow at 21:00" in await chat.say(
        "show when call dad is due"
    )


async def test_an_alarm_is_cancelled_in_plain_words_in_the_help(chat: Person) -> None:
    told = await chat.say("help")
    assert "• cancel my alarm for tomorrow at 7am" in told
    assert "7am alarm" not in told


async def test_what_was_ticked_off_is_to_do_again(chat: Person) -> None:
    await chat.say("add milk to my tasks")
    assert "no done task" in await chat.say("uncheck milk")
    await chat.say("complete milk")
    assert await chat.say("mark milk as not done") == "**milk** is to do again."
    assert "milk" in await chat.say("list my tasks")
    assert await chat.say("undo") == "**milk** is done."


async def test_more_of_the_same_is_offered(chat: Person) -> None:
    await chat.say("add milk to my shopping list")
    offer = "Do you mean: add “eggs” and “two lemons” to your “shopping” list? (yes or no)"
    assert await chat.say("and eggs, two lemons") == offer
    assert (await chat.say("yes")).count("Added") == 2
    assert "“bread” to your “shopping”" in await chat.say("bread too")
    await chat.say("list my tasks")
    assert "Do you mean" not in await chat.say("and bread"), "it was no order to add anything"


async def test_several_things_are_done_at_once(chat: Person) -> None:
    await chat.say("add milk, eggs and bread to my tasks")
    asked = await chat.say("bought milk, eggs")
    assert asked == "Do you mean: complete “milk” and “eggs”? (yes or no)"
    assert (await chat.say("yes")).count("Done") == 2
    left = await chat.say("list my tasks")
    assert "bread" in left and "milk" not in left and "eggs" not in left


async def test_who_names_a_list_for_a_task_is_told(chat: Person) -> None:
    await chat.say("make a list for the camping trip")
    told = await chat.say("rename camping trip to forest")
    assert told == "**camping trip** is a list: say “the camping trip list”."


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("on friday", "Nothing is due on Friday."),
        ("this weekend", "Nothing is due this weekend."),
        ("next week", "Nothing is due next week."),
        ("tmrw", "call dad"),
        ("this week", "call dad"),
    ],
)
async def test_what_is_due_on_any_day(chat: Person, day: str, told: str) -> None:
    await chat.say("remind me to call dad tomorrow at 5pm")
    assert told in await chat.say(f"what do i have {day}")


async def test_what_is_nearly_an_order_is_offered_filled_in(chat: Person) -> None:
    assert await chat.say("need oat milk") == (
        "Do you mean: add “oat milk” to your tasks? (yes or no)"
    )
    assert "nothing to do" in await chat.say("list my tasks"), "an order ends the offer"
    await chat.say("need oat milk")
    assert "oat milk" in await chat.say("yes")
    assert "oat milk" in await chat.say("list my tasks")
