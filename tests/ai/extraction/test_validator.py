"""A model's answers judged: what is carried out, asked for again, or offered."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ai.commands import Command, CommandSpec, FieldSpec
from ai.extraction.examples import Nearest
from ai.extraction.validator import ResponseValidator
from ai.llm.types import Answer
from tests.ai.commands import COMMANDS, DUE, LIST

SHOW = CommandSpec(
    "list",
    "drop",
    "Drop a list.",
    (FieldSpec("name"),),
    ("drop my {name} list", "delete the {name} list", "the {name} list can go", "bin list {name}"),
)
DAY = CommandSpec(
    "day",
    "show",
    "Show a day.",
    (FieldSpec("day", "choice", required=False, choices=("today", "tomorrow")),),
    ("what is planned [for] {day}",),
)


def judged(
    text: str,
    *commands: Command,
    again: Command | None = None,
    likely: str = "task.add",
    likeness: float = 0.4,
) -> tuple[Any, bool]:
    """Return what is made of a model's answer to a text, and whether it is certain."""
    near = Nearest([], likely, likeness)
    judge = ResponseValidator((*COMMANDS, SHOW, DAY), (), "command", text, (), text, near)
    answer = Answer(json.dumps({"commands": commands}))
    made, problems = judge.judge(answer)
    if problems and again is not None:
        assert "It is most like what is said for task.add." in problems[0]
        made, problems = judge.judge(Answer(json.dumps({"commands": [again]})))
    return made or problems, judge.is_certain


def test_an_order_of_which_all_is_made_up_is_asked_for_again() -> None:
    made_up = {"command": "day.show", "day": "tomorrow"}
    right = {"command": "task.add", "name": "toothpaste"}
    made, is_certain = judged("we are low on toothpaste", made_up, again=right)
    assert made == [{"interaction_type": "task", "action": "add", "name": "toothpaste"}]
    assert is_certain
    assert judged("we are low on toothpaste", made_up, again=made_up)[1] is False


@pytest.mark.parametrize(
    ("text", "command", "is_certain"),
    [
        ("we are low on oats", {"command": "task.add", "name": "oats"}, True),
        ("oats for the camp list", {"command": "task.add", "name": "oats", "list": "camp"}, True),
        # A value was made up:
        ("we are low on oats", {"command": "task.add", "name": "oats", "due": "tomorrow"}, False),
        ("we are low on oats", {"command": "task.add", "name": "oats", "list": "none"}, True),
        # Nothing but the value was said:
        ("you're the best", {"command": "task.complete", "name": "you're the best"}, False),
        ("tengo una moto", {"command": "task.add", "name": "tengo una moto"}, False),
        # No word of it was said, and a day is said in talk of anything:
        ("will it snow today", {"command": "day.show", "day": "today"}, False),
        ("anything planned today", {"command": "day.show", "day": "today"}, True),
        # The word that all of its sentences have was not said:
        ("delete the piñata, please", {"command": "list.drop", "name": "piñata"}, False),
        ("scrap the piñata list", {"command": "list.drop", "name": "piñata"}, True),
        # No sentences are written in other languages:
        ("borra la lista piñata", {"command": "list.drop", "name": "piñata"}, True),
        ("qué tengo para hoy", {"command": "day.show", "day": "today"}, False),
    ],
)
def test_what_the_words_do_not_order_is_not_certain(
    text: str, command: Command, is_certain: bool
) -> None:
    assert judged(text, command)[1] is is_certain


def test_what_is_most_like_an_example_is_more_certain() -> None:
    today = {"command": "day.show", "day": "today"}
    assert judged("qué tengo para hoy", today, likely="day.show")[1]
    complete = {"command": "task.complete", "name": "oats"}
    assert judged("the oats are here", complete, likely="task.complete")[1]
    assert judged("the oats are here", complete)[1]  # nothing that it could be like was given
    assert judged("the oats are here", complete, likely="none", likeness=0.7)[1] is False
    assert judged("the oats are here", complete, likely="none", likeness=0.55)[1]
    made, is_certain = judged("the oats are here", complete, likely="task.rename", likeness=0.7)
    assert (made[0]["action"], is_certain) == ("complete", False)
    # Its fields fit, so the example's command is offered:
    made, is_certain = judged("the oats are here", complete, likely="list.drop", likeness=0.7)
    assert made == [{"interaction_type": "list", "action": "drop", "name": "oats"}]
    assert not is_certain


@pytest.mark.parametrize(
    ("text", "command", "is_certain"),
    [
        ("what is a good task for ada", {"command": "task.complete", "name": "ada"}, False),
        ("what else is on the camp list", {"command": "task.show", "list": "camp"}, True),
    ],
)
def test_a_question_orders_what_answers_questions(
    text: str, command: Command, is_certain: bool
) -> None:
    assert judged(text, command, likely="account.password")[1] is is_certain


def test_a_name_is_without_the_words_of_the_sentence() -> None:
    made, _ = judged("scrap the piñata list", {"command": "list.drop", "name": "piñata list"})
    assert made[0]["name"] == "piñata"
    made, _ = judged("scrap the list list", {"command": "list.drop", "name": "list"})
    assert made[0]["name"] == "list"


def test_an_echo_of_an_order_is_left_out() -> None:
    move = {"command": "task.move", "name": "passport", "list": "travel"}
    rename = {"command": "task.rename", "name": "passport", "new_name": "travel passport"}
    made, _ = judged("the passport belongs on travel", move, rename)
    assert [one["action"] for one in made] == ["move"]
    made, _ = judged("move passport to travel and rename passport to travel passport", move, rename)
    assert [one["action"] for one in made] == ["move", "rename"]
    two = [{"command": "task.complete", "name": name} for name in ("Paket", "abgeholt")]
    made, _ = judged("Paket ist abgeholt", *two)
    assert [one["name"] for one in made] == ["Paket"]
    two = [{"command": "task.add", "name": name} for name in ("oats", "Geschirr")]
    made, _ = judged("we need oats", *two)
    assert [one["name"] for one in made] == ["oats"]


def test_a_time_is_no_name() -> None:
    made, _ = judged("what's on today", {"command": "task.show", "list": "today"})
    assert "names no list “today”" in made[0]
    command = {"command": "task.show", "list": "today"}
    made, _ = judged("what's on today", command, likely="day.show")
    assert made == [{"interaction_type": "day", "action": "show", "day": "today"}]


WIPE = CommandSpec(
    "list", "wipe", "Wipe a list.", (FieldSpec("name"),), ("wipe the {name} list clean",)
)
OPEN = CommandSpec("task", "open", "Show open ones.", (), ("show my open chores",))
ALL = CommandSpec("task", "all", "Show all.", (), ("show my chores", "my chores"))


@pytest.mark.parametrize(
    ("text", "commands", "made", "is_certain"),
    [
        # Another command's sentence is said in full:
        ("walk me through my chores", [{"command": "task.open"}], ["all"], False),
        ("walk me through my chores", [{"command": "task.all"}], ["all"], True),
        # It says nothing of moving or of renaming:
        (
            "wipe the picnic list clean but keep it",
            [{"command": "task.move", "name": "wipe the picnic", "list": "clean"}],
            ["move"],
            False,
        ),
        # More words of another are said, though that one takes other fields:
        (
            "wipe the picnic list clean but keep it",
            [{"command": "task.show", "list": "picnic"}],
            ["show"],
            False,
        ),
        # Several commands, of which one is not told of:
        (
            "move the oats to camp and wipe that",
            [
                {"command": "task.move", "name": "oats", "list": "camp"},
                {"command": "task.complete", "name": "wipe"},
            ],
            ["move", "complete"],
            False,
        ),
        (
            "den Hafer brauche ich nicht, streich das",
            [
                {"command": "task.add", "name": "streich"},
                {"command": "task.complete", "name": "Hafer"},
            ],
            ["add", "complete"],
            False,
        ),
        # In another language a command without any value is told by examples alone:
        ("enséñame la lista del jardín", [{"command": "task.all"}], ["all"], False),
        # A time that is left out, a part of one in a name, and a word for any list:
        (
            "at 8 and tomorrow in the evening oats",
            [{"command": "task.add", "name": "oats", "due": "at 8"}],
            ["add"],
            False,
        ),
        (
            "add oats sunday next to my tasks by 9pm",
            [{"command": "task.add", "name": "oats sunday next", "due": "sunday"}],
            ["add"],
            False,
        ),
        # One of a row is left out:
        ("add oats and salt to camp", [{"command": "task.add", "name": "oats"}], ["add"], False),
        (
            "add oats and salt to camp",
            [{"command": "task.add", "name": "oats"}, {"command": "task.add", "name": "salt"}],
            ["add", "add"],
            True,
        ),
    ],
)
def test_the_words_have_to_tell_of_all_that_is_done(
    text: str, commands: list[Command], made: list[str], is_certain: bool
) -> None:
    row = replace(COMMANDS[0], fields=(replace(COMMANDS[0].fields[0], each=True), LIST, DUE))
    given = (("newts to the attic", {"name": "newts"}),)
    complete, rename, move = (replace(one, examples=given) for one in COMMANDS[2:5])
    specs = (
        row,
        replace(COMMANDS[1], examples=given),
        complete,
        rename,
        move,
        *COMMANDS[5:],
        WIPE,
        OPEN,
        ALL,
    )
    judge = ResponseValidator(specs, (), "command", text, (), text, Nearest([], "none", 0.2))
    found, _ = judge.judge(Answer(json.dumps({"commands": commands})))
    assert ([one["action"] for one in found], judge.is_certain) == (made, is_certain)


def test_what_is_one_name_is_no_name_and_a_list() -> None:
    bottle = {"command": "task.add", "name": "bottle", "list": "wine"}
    assert judged("fetch a bottle of wine", bottle)[1] is False
    assert judged("fetch a bottle for wine", bottle)[1]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("what is planned for today", [("day", "show")]),
        ("what is planned for today, and list my tasks", [("day", "show"), ("task", "show")]),
    ],
)
def test_a_command_without_values_of_which_nothing_is_said_is_left_out(
    text: str, made: list[tuple[str, str]]
) -> None:
    specs = (DAY, replace(COMMANDS[1], examples=(("all of it", {}),)))
    judge = ResponseValidator(specs, (), "command", text, (), text)
    answer = {"commands": [{"command": "day.show", "day": "today"}, {"command": "task.show"}]}
    found, _ = judge.judge(Answer(json.dumps(answer)))
    assert [(one["interaction_type"], one["action"]) for one in found] == made


def test_a_name_is_written_as_people_do() -> None:
    made, _ = judged("scrap the hat shop list", {"command": "list.drop", "name": "hat_shop"})
    assert made[0]["name"] == "hat shop"


def test_what_names_nothing_but_a_list_is_no_name() -> None:
    assert judged("name every list", {"command": "list.drop", "name": "list"})[1] is False


@pytest.mark.parametrize(
    ("text", "name", "due", "expected"),
    [
        ("call grandma sunday evening", "grandma sunday evening", "sunday", "sunday evening"),
        ("note that Sam's party is next saturday", "Sam's party is next saturday", "tomorrow", ""),
    ],
)
def test_a_time_is_taken_whole_and_leaves_nothing_in_the_name(
    text: str, name: str, due: str, expected: str
) -> None:
    made, _ = judged(text, {"command": "task.add", "name": name, "due": due})
    assert made[0]["due"] == (expected or "next saturday")
    assert made[0]["name"] in ("call grandma", "Sam's party")


def test_a_day_that_is_left_out_is_taken_where_the_likely_command_has_one() -> None:
    answer = {"command": "task.show"}
    made, is_certain = judged(
        "is there a lot planned today", answer, likely="day.show", likeness=0.55
    )
    assert made == [{"interaction_type": "day", "action": "show", "day": "today"}]
    assert is_certain
    made, _ = judged("is there a lot planned today", answer, likely="day.show", likeness=0.3)
    assert made == [{"interaction_type": "task", "action": "show"}]


def test_what_a_model_says_beside_an_order_is_no_answer_of_its_own() -> None:
    oats = {"command": "task.add", "name": "oats"}
    made, _ = judged("we need oats", oats, {"command": "none", "reply": "I'm not sure."})
    assert [one["name"] for one in made] == ["oats"]
    assert "error" in judged("we need oats", {"command": "none", "reply": "Yes."})[0][0]


def test_a_choice_in_other_words_is_taken_from_the_message() -> None:
    said_as = {"warm white": ("cosy",)}
    colour = FieldSpec("colour", "choice", False, choices=("red", "warm white"), said_as=said_as)
    spec = replace(COMMANDS[0], fields=(*COMMANDS[0].fields, colour))
    text = "a cosy lamp for my tasks, add it"
    judge = ResponseValidator((spec,), (), "command", text, (), text)
    made, _ = judge.judge(Answer('{"commands": [{"command": "task.add", "name": "lamp"}]}'))
    assert made[0]["colour"] == "warm white"


@pytest.mark.parametrize(
    ("text", "is_certain"),
    [
        ("can I get oats", False),  # it asks for leave, or somebody else
        ("is there time for oats", False),
        ("can you get oats", True),
        ("need oats, can I", True),
    ],
)
def test_a_question_for_leave_is_no_order(text: str, is_certain: bool) -> None:
    oats = {"command": "task.add", "name": "oats"}
    assert judged(text, oats, likely="account.password")[1] is is_certain


def test_what_is_over_is_nothing_to_come() -> None:
    saw = {"command": "task.add", "name": "film", "due": "yesterday"}
    assert judged("ayer vi un film", saw)[1] is False
    assert judged("yesterday I saw a film", saw)[1] is False


@pytest.mark.parametrize("text", ["wie hoch ist der Turm", "qué es una torre", "où est la tour"])
def test_a_question_in_another_language_adds_nothing(text: str) -> None:
    name = text.rpartition(" ")[2]
    assert judged(text, {"command": "task.add", "name": name}, likely="none")[1] is False


TOLD = Nearest([], "task.add", 0.4, frozenset({"get", "some"}))


def _judged(text: str, *commands: Command, near: Nearest = TOLD) -> tuple[list[Command], bool]:
    given = (("newts to the attic", {"name": "newts"}),)
    add = replace(
        COMMANDS[0], fields=(replace(COMMANDS[0].fields[0], each=True), LIST, DUE), examples=given
    )
    remind = replace(add, action="remind", fields=(add.fields[0], DUE), examples=(), sentences=())
    move = CommandSpec("task", "schedule", "Change it.", (add.fields[0], DUE), ("{name} to {due}",))
    mute = CommandSpec("bell", "mute", "M.", (FieldSpec("since"),), ("no pings since {since}",))
    role = FieldSpec("role", "choice", required=False, choices=("editor", "viewer"))
    share = CommandSpec("list", "share", "S.", (FieldSpec("name"), role), ("share {name}",))
    specs = (add, remind, move, mute, share, *COMMANDS[1:])
    judge = ResponseValidator(specs, (), "command", text, (), text, near)
    return judge.judge(Answer(json.dumps({"commands": commands})))[0], judge.is_certain


@pytest.mark.parametrize(
    ("text", "name", "is_certain"),
    [
        ("get some oats", "oats", True),
        ("get some oats cookies", "oats", False),
        ("get some oats for Fridolin", "oats", False),
        ("we had lovely oats", "oats", False),
        ("in 45 mins", "45 mins", False),
    ],
)
def test_a_word_that_is_in_no_order_is_doubted(text: str, name: str, is_certain: bool) -> None:
    assert _judged(text, {"command": "task.add", "name": name})[1] is is_certain


def test_a_time_that_can_not_be_read_is_offered() -> None:
    said = {"command": "task.add", "name": "oats", "due": "on the evening, maybe 8ish"}
    assert _judged("get some oats on the evening, maybe 8ish", said)[1] is False


def test_what_repeats_is_rarely_there_already() -> None:
    moved = {"command": "task.schedule", "name": "Hafer", "due": "every monday"}
    made, is_certain = _judged("jeden Montag Hafer holen", moved)
    assert made == [
        {"interaction_type": "task", "action": "add", "name": "Hafer holen", "due": "every monday"}
    ]
    assert not is_certain


def test_two_commands_that_make_the_same_are_one() -> None:
    reminded = {"command": "task.remind", "name": "oats", "due": "at 5pm"}
    assert _judged("get some oats at 5pm", reminded)[0][0]["action"] == "add"
    assert _judged("get some oats", {**reminded, "due": None})[0][0]["action"] == "remind"


def test_a_chatty_end_is_no_second_order() -> None:
    muted = {"command": "bell.mute", "since": "22"}
    early = {"command": "task.complete", "name": "earlies"}
    assert len(_judged("no pings since 22 thanks, i do earlies", muted, early)[0]) == 1
    assert len(_judged("no pings since 22 thanks, tick earlies", muted, early)[0]) == 2


def test_a_choice_that_was_said_in_other_words_is_offered() -> None:
    shared = {"command": "list.share", "name": "oats", "role": "viewer"}
    made, is_certain = _judged("share oats but hands off", shared)
    assert (made[0]["role"], is_certain) == ("viewer", False)


def test_a_row_of_things_is_an_order_each() -> None:
    made, is_certain = _judged(
        "camp list: oats, salt and tea", {"command": "task.add", "name": "camp list: oats, salt"}
    )
    assert [(one["name"], one["list"]) for one in made] == [
        ("oats", "camp"),
        ("salt", "camp"),
        ("tea", "camp"),
    ]
    assert not is_certain


def test_what_belongs_to_a_thing_is_no_second_one() -> None:
    oats = {"command": "task.add", "name": "oats"}
    shop = {"command": "task.add", "name": "shop"}
    assert len(_judged("get some oats from the shop", oats, shop)[0]) == 1
    assert len(_judged("get some oats and the shop", oats, shop)[0]) == 2
    assert len(_judged("get (.*) from oats", {**oats, "name": "(.*)"}, oats)[0]) == 1


def test_the_word_of_an_order_is_no_thing() -> None:
    oats = {"command": "task.add", "name": "oats"}
    assert len(_judged("oats, get", oats, {**oats, "name": "get"})[0]) == 1
    wake = CommandSpec("bell", "wake", "W.", (DUE,), ("wake at {due}",))
    near = Nearest([], "bell.wake", 0.4, frozenset({"awake"}))
    judge = ResponseValidator(
        (*COMMANDS, wake), (), "command", "awake at 5pm", (), "awake at 5pm", near
    )
    added = {"command": "task.add", "name": "awake", "due": "at 5pm"}
    made, _ = judge.judge(Answer(json.dumps({"commands": [added]})))
    assert made == [{"interaction_type": "bell", "action": "wake", "due": "at 5pm"}]
    assert not judge.is_certain


def test_tomorrow_may_be_written_shorter() -> None:
    day = {"command": "day.show", "day": "tomorrow"}
    assert judged("anything planned tmrw", day)[0][0]["day"] == "tomorrow"
