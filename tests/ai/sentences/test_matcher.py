"""Texts against the sentences of a small catalogue."""

import gc
import time
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai.commands import Catalogue, CommandSpec, FieldSpec
from ai.commands import catalogue as commands
from ai.sentences import wording
from ai.sentences.matcher import Matcher, matcher_of
from ai.sentences.templates import MAX_WAYS, SentenceError
from bot.framework.registry import load_commands
from tests.ai.commands import small_catalogue

MATCHER = Matcher(small_catalogue())
WORDS = [
    *("add", "to", "my", "tasks", "shopping", "list", "remind", "me", "tomorrow", "at", "5", "pm"),
    *("please", "thanks", "and", "then", ",", "?", "rename", "is", "done", "it's", "friday", "\n"),
]


def said(text: str) -> tuple[str, dict[str, Any]] | None:
    match = MATCHER.match(text)
    return (match.spec.action, match.fields) if match else None


@pytest.mark.parametrize(
    ("text", "action", "fields"),
    [
        ("list my tasks", "show", {}),
        ("Show my open tasks!", "show", {}),
        ("complete buy milk", "complete", {"name": "buy milk"}),
        ("add buy milk to my tasks", "add", {"name": "buy milk"}),
        ("add buy milk to the shopping list", "add", {"name": "buy milk", "list": "shopping"}),
        ("rename Milk to Oat Milk", "rename", {"name": "Milk", "new_name": "Oat Milk"}),
        ("what's on my shopping list?", "show", {"list": "shopping"}),
        ("whats on my shopping list", "show", {"list": "shopping"}),
        ("laundry is done", "complete", {"name": "laundry"}),
        ("change my password", "password", {}),
        # the most fixed words win
        ("add a letter to mum to my tasks", "add", {"name": "a letter to mum"}),
        # politeness, case, punctuation
        ("Please list my tasks, thanks.", "show", {}),
        ("hey bot, can you please list my tasks", "show", {}),
        ("I'd like you to list my tasks", "show", {}),
        ("LIST MY TASKS", "show", {}),
        ("  list   my\ttasks  ", "show", {}),
        ("also add eggs to my tasks", "add", {"name": "eggs"}),
        ("could you complete buy milk for me please?", "complete", {"name": "buy milk"}),
        ("complete say thanks", "complete", {"name": "say thanks"}),
        ("complete send a thank you", "complete", {"name": "send a thank you"}),
        # other words for the same: those as written are the better ones
        ("display my open tasks", "show", {}),
        ("read me my tasks", "show", {}),
        ("tell me what's on my shopping list", "show", {"list": "shopping"}),
        ("show our open tasks", "show", {}),
        ("tick off buy milk", "complete", {"name": "buy milk"}),
        ("Alexa, list my tasks", "show", {}),
        ("ok google list my tasks", "show", {}),
        (
            "ping me to call mum tomorrow",
            "add",
            {"name": "call mum", "due": "tomorrow"},
        ),
        # slips in fixed words only
        ("lsit my tasks", "show", {}),
        ("list my taskss", "show", {}),
        ("list my tssks", "show", {}),
        ("list my taks", "show", {}),
        (
            "remimd me to call mumm in 5 minutes",
            "add",
            {"name": "call mumm", "due": "in 5 minutes"},
        ),
        ("complete lsit the taks", "complete", {"name": "lsit the taks"}),
        # free text stays as it was written
        ("complete Buy MILK 🥛 & Brot", "complete", {"name": "Buy MILK 🥛 & Brot"}),
        ("complete call Mum's friend", "complete", {"name": "call Mum's friend"}),
        ("complete mum's time", "complete", {"name": "mum's time"}),
        ("complete read\nthe   news", "complete", {"name": "read\nthe   news"}),
        (
            "complete buy {milk} @everyone **now**",
            "complete",
            {"name": "buy {milk} @everyone **now**"},
        ),
        ('complete "buy milk"', "complete", {"name": "buy milk"}),
        ("complete „Milch kaufen“", "complete", {"name": "Milch kaufen"}),
        ('complete "a" or "b"', "complete", {"name": '"a" or "b"'}),
        ("complete wait...", "complete", {"name": "wait..."}),
        ("add eggs, flour: to my tasks", "add", {"name": "eggs, flour"}),
        ("add café au lait to my tasks", "add", {"name": "café au lait"}),
        # numbers, choices, yes and no
        ("dim the light to 30 percent", "dim", {"percent": 30}),
        ("dim the light to seven percent", "dim", {"percent": 7}),
        ("light 5", "dim", {"percent": 5}),
        ("make the light RED", "colour", {"colour": "red"}),
        ("make the light warm white", "colour", {"colour": "warm white"}),
        ("make the light red for 1,5 hours", "colour", {"colour": "red", "hours": 1.5}),
        ("blinking off red", "colour", {"colour": "red", "blink": False}),
        # times
        (
            "remind me to water the plants in 3 seconds",
            "add",
            {"name": "water the plants", "due": "in 3 seconds"},
        ),
        (
            "remind me to call mum tomorrow at 5pm",
            "add",
            {"name": "call mum", "due": "tomorrow at 5pm"},
        ),
        (
            "remind me tomorrow at 5 to call mum",
            "add",
            {"name": "call mum", "due": "tomorrow at 5"},
        ),
        ("call mum tomorrow at 5, remind me", "add", {"name": "call mum", "due": "tomorrow at 5"}),
        (
            "remind me tomorrow, to fix friday's slides",
            "add",
            {"name": "fix friday's slides", "due": "tomorrow"},
        ),
        ("remind me to call mum at 5 p.m.", "add", {"name": "call mum", "due": "at 5 p.m"}),
        (
            "remind me tomorrow to call mum at 5",
            "add",
            {"name": "call mum", "due": "tomorrow at 5"},
        ),
        ("add call mum tomorrow to my tasks", "add", {"name": "call mum", "due": "tomorrow"}),
        (
            "add tomorrow at 5 call mum to my tasks",
            "add",
            {"name": "call mum", "due": "tomorrow at 5"},
        ),
        ("add tomorrow to my tasks", "add", {"name": "tomorrow"}),
        ("add tickets for friday to my tasks", "add", {"name": "tickets for friday"}),
        ("add check the friday report to my tasks", "add", {"name": "check the friday report"}),
        ("complete call mum tomorrow", "complete", {"name": "call mum tomorrow"}),
        ("remind me to pay every month", "add", {"name": "pay", "due": "every month"}),
        (
            "remind me to wash up and dry up tonight",
            "add",
            {"name": "wash up and dry up", "due": "tonight"},
        ),
    ],
)
def test_a_text_says_a_command(text: str, action: str, fields: dict[str, Any]) -> None:
    assert said(text) == (action, fields)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "🎉",
        "...",
        "hello there",
        "list",
        "complete",
        "complete   ",
        "complete ...",
        # what points at something said before
        "complete it",
        "tick off the stain on my shirt",
        "read my mail",
        "tell me a joke",
        "Bob, list my tasks",
        "complete the second one",
        "rename that to milk",
        "add to my tasks",
        "add milk",
        "list my tasks tomorrow",
        "my tasks list",
        # another meaning, one letter away
        "lost my tasks",
        "deleted my tasks",
        "lsit my oepn taskss",  # three slips
        "completed buy milk",
        # questions and talk
        "what is done",
        "is buy milk done",
        "buy milk is done?",
        "nothing is done",
        "don't list my tasks",
        "I would list my tasks if I had any",
        # ambiguous
        "rename a to b to c",
        "move x to my y list to my z list",
        # two orders
        "add milk to my tasks and remind me to call mum tomorrow",
        "complete milk and complete eggs",
        "complete milk and add eggs",
        "complete milk, then list my tasks",
        "complete milk and then wash",
        "complete milk; list my tasks",
        "complete milk\nlist my tasks",
        "complete milk. change my password",
        "add milk to my tasks & list my tasks",
        "remind me to call mum and rename milk to eggs tomorrow",
        # times that belong somewhere else
        "remind me to call mum",
        "remind me to call mum until friday",
        "remind me to buy tickets for friday",
        "remind me to call mum on friday or saturday",
        "remind me to meet from 5 to 6pm",
        "remind me tomorrow to go home on friday tomorrow",
        "remind me to call mum soonish",
        # values of another type
        "dim the light to many percent",
        "dim the light to 3.5 percent",
        "make the light blue",
        "blinking maybe red",
        "make the light red for some hours",
    ],
)
def test_a_text_says_no_command_for_sure(text: str) -> None:
    assert said(text) is None


def test_free_text_may_be_as_long_as_a_message() -> None:
    name = " ".join(["word's"] * 330)
    assert said(f"add {name} to my tasks") == ("add", {"name": name})


def test_two_commands_that_share_a_sentence_match_neither() -> None:
    catalogue = Catalogue()
    catalogue.add(
        CommandSpec("a", "go", "Go.", (), ("go home",)),
        CommandSpec("b", "go", "Go.", (), ("go home",)),
        CommandSpec("b", "come", "Come.", (FieldSpec("where"),), ("come to {where}",)),
        CommandSpec("c", "come", "Come.", (FieldSpec("who"),), ("come to {who}",)),
    )
    matcher = Matcher(catalogue)
    assert matcher.match("go home") is None
    assert matcher.match("come to me") is None


def test_a_module_may_add_synonyms_and_its_own_words_are_the_better_ones() -> None:
    catalogue = Catalogue()
    synonyms = {"delete": ("throw away", "bin")}
    catalogue.add(
        CommandSpec("a", "delete", "", (FieldSpec("x"),), ("delete {x}",), synonyms=synonyms),
        CommandSpec("b", "erase", "", (FieldSpec("x"),), ("erase {x}",)),
    )
    matcher = Matcher(catalogue)
    assert matcher.match("get rid of milk") is None  # of both
    for text in ("delete milk", "throw away milk", "bin milk"):
        match = matcher.match(text)
        assert match and (match.spec.key, match.fields) == (("a", "delete"), {"x": "milk"}), text
    match = matcher.match("erase milk")
    assert match and match.spec.key == ("b", "erase")
    assert matcher.match("throw milk") is None


def test_behind_nothing_but_a_time_stands_something_to_do() -> None:
    catalogue = Catalogue()
    fields = (FieldSpec("name"), FieldSpec("due", "when"))
    catalogue.add(
        CommandSpec("task", "add", "", fields, ("{due} {name}", "remind me {due} {name}"))
    )
    matcher = Matcher(catalogue)
    match = matcher.match("20:00 get milk")
    assert match and match.fields == {"due": "20:00", "name": "get milk"}
    match = matcher.match("remind me tomorrow dentist")
    assert match and match.fields == {"due": "tomorrow", "name": "dentist"}
    for text in (
        *("tomorrow is my birthday", "at 5 pay day was over", "5pm get lost", "20:00 get"),
        *("remind me tomorrow or friday", "remind me at 5 if it rains", "tonight take it easy"),
    ):
        assert matcher.match(text) is None, text


def test_nothing_that_is_offered_has_a_field_s_name_in_it() -> None:
    load_commands()
    offered = Matcher(commands).nearest("add milk share my list", 1000)
    assert len(offered) > 20
    assert not [one for one in offered if {"<", ">", "{", "}", "_"} & {*one}]


NAMES = FieldSpec("name", each=True)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("milk, eggs and bread", ["milk", "eggs", "bread"]),
        ("milk, eggs", ["milk", "eggs"]),
        ("mac and cheese, oat milk, 2 eggs & ham", ["mac and cheese", "oat milk", "2 eggs", "ham"]),
        (", ".join(["egg"] * 20), ["egg"] * 20),
        ("mac and cheese", ["mac and cheese"]),
        ('"call mum" and "buy tape"', ["call mum", "buy tape"]),
        ('"The Lion, the Witch and the Wardrobe"', ["The Lion, the Witch and the Wardrobe"]),
        (
            "the report for Bob, who is in a very great hurry",
            ["the report for Bob, who is in a very great hurry"],
        ),
    ],
)
def test_names_in_a_row_are_an_order_each(said: str, names: list[str]) -> None:
    catalogue = Catalogue()
    fields = (NAMES, FieldSpec("list", required=False), FieldSpec("due", "when", required=False))
    sentences = ("add {name} to my {list} list", "add {name} to my tasks")
    catalogue.add(CommandSpec("task", "add", "", fields, sentences))
    found = Matcher(catalogue).match_all(f"add {said} to my x list")
    assert [one.fields for one in found] == [{"name": name, "list": "x"} for name in names]
    found = Matcher(catalogue).match_all(f"add {said} to my tasks")
    assert [one.fields for one in found] == [{"name": name} for name in names]


def test_what_goes_to_no_place_or_is_a_sentence_is_no_row() -> None:
    catalogue = Catalogue()
    catalogue.add(
        CommandSpec("task", "add", "", (NAMES,), ("remember to {name}",)),
        CommandSpec("task", "delete", "", (NAMES,), ("delete {name}",)),
    )
    matcher = Matcher(catalogue)
    assert len(matcher.match_all("delete milk, eggs and bread")) == 3
    assert len(matcher.match_all("remember to buy milk, eggs and bread")) == 1
    assert matcher.match_all("delete eggs, i have some") == []
    near = matcher.near("delete eggs, i have some")
    assert near is not None
    assert near.fields == {"name": "eggs"}


def test_a_colon_in_a_sentence_must_stand_in_the_text() -> None:
    catalogue = Catalogue()
    fields = (FieldSpec("list"), FieldSpec("name"))
    catalogue.add(CommandSpec("task", "add", "", fields, ("{list} list: {name}",)))
    matcher = Matcher(catalogue)
    found = matcher.match("packing list: socks")
    assert found
    assert found.fields == {"list": "packing", "name": "socks"}
    assert matcher.match("packing list socks") is None
    assert wording.joined(["{list}", "list", ":", "{name}"]) == "{list} list: {name}"


def test_a_length_goes_where_one_belongs() -> None:
    catalogue = Catalogue()
    name = FieldSpec("name")
    catalogue.add(
        CommandSpec("a", "move", "", (name,), ("delay {name}",)),
        CommandSpec("a", "delay", "", (name, FieldSpec("by", "duration")), ("delay {name} {by}",)),
    )
    found = Matcher(catalogue).match("delay laundry 30 min")
    assert found
    assert found.fields == {"name": "laundry", "by": "30 min"}
    assert Matcher(catalogue).match("delay 30 min") is None, "a length is no name"


def test_a_choice_may_be_said_in_other_words_and_short() -> None:
    days = ("today", "tomorrow")
    day = FieldSpec("day", "choice", choices=days, said_as={"today": ("the day",)})
    catalogue = Catalogue()
    catalogue.add(CommandSpec("a", "show", "", (day,), ("plans for {day}",)))
    matcher = Matcher(catalogue)
    for said, meant in (("the day", "today"), ("tmrw", "tomorrow"), ("2day", "today")):
        found = matcher.match(f"plans for {said}")
        assert found and found.fields == {"day": meant}, said


def test_too_many_names_in_a_row_are_left_to_the_model() -> None:
    catalogue = Catalogue()
    sentence = "add {name} to my {list} list"
    catalogue.add(CommandSpec("task", "add", "", (NAMES, FieldSpec("list")), (sentence,)))
    names = ", ".join(["egg"] * 21)
    assert Matcher(catalogue).match_all(f"add {names} to my x list") == []


def test_a_slip_between_two_fixed_words_matches_neither() -> None:
    catalogue = Catalogue()
    catalogue.add(
        CommandSpec("a", "light", "Light.", (), ("lights",)),
        CommandSpec("a", "night", "Night.", (), ("lightf",)),
    )
    assert Matcher(catalogue).match("lightd") is None


def test_commands_that_come_later_are_noticed() -> None:
    catalogue = small_catalogue()
    matcher = Matcher(catalogue)
    assert matcher.match("sing a song") is None
    catalogue.add(CommandSpec("song", "sing", "Sing.", (), ("sing a song",)))
    match = matcher.match("sing a song")
    assert match and match.spec.action == "sing"


@pytest.mark.parametrize(
    ("sentence", "problem"),
    [
        ("add {nam}", r"names \{nam\}, which is none of its fields"),
        ("add {name} {name}", r"names \{name\} twice"),
        ("[add] {name}", "has a way to say it without any fixed word"),
        ("add {name} {text}", r"needs a word between \{name\} and \{text\}"),
        ("log in with {password}", "a secret that is never said"),
        ("add [{name}", "can't be read"),
        ("add <rule> {name}", "can't be read"),
        ("", "can't be read"),
        (
            "(a|b|c|d) (a|b|c|d) (a|b|c|d) (a|b|c|d) (a|b|c|d) (a|b|c|d)",
            f"more than {MAX_WAYS} ways",
        ),
    ],
)
def test_a_sentence_that_cannot_work_stops_the_start(sentence: str, problem: str) -> None:
    catalogue = Catalogue()
    fields = (FieldSpec("name"), FieldSpec("text"), FieldSpec("password", "secret"))
    catalogue.add(CommandSpec("task", "add", "Add.", fields, (sentence,)))
    with pytest.raises(SentenceError, match=f"of 'task add' .*{problem}"):
        Matcher(catalogue)


def test_words_may_be_put_together_in_a_sentence() -> None:
    catalogue = Catalogue()
    catalogue.add(CommandSpec("a", "show", "Show.", (FieldSpec("n", "integer"),), ("page[s]{n}",)))
    match = Matcher(catalogue).match("pages 3")
    assert match and match.fields == {"n": 3}


def test_the_nearest_sentences_are_offered_one_a_command() -> None:
    assert "add buy milk to my tasks" in MATCHER.nearest("Put milk on MY tasks!")
    assert len(MATCHER.nearest("tasks", 3)) == 3
    assert MATCHER.nearest("dim the light", allowed={("light", "dim")}) == [
        "dim the light to 3 percent"
    ]
    assert MATCHER.nearest("tasks", allowed=()) == []


@pytest.mark.parametrize(
    "text",
    [
        "rename a to " * 330 + "b",
        "move x to my " * 330 + "list",
        "remind me to " + "tomorrow at 5 " * 280,
        "remind me to " * 300 + "x tomorrow",
        "please " * 600,
        "first second third " * 200,
        "in 1 hour and " * 280,
        "add x and " * 400 + "to my tasks",
        "x" * 4000,
        "5" * 4000,
        "\n" * 4000,
    ],
    ids=lambda text: text[:20],
)
def test_a_text_made_to_take_long_is_given_up_soon(text: str) -> None:
    started = time.process_time()
    MATCHER.match(text)
    assert time.process_time() - started < 0.5


@given(st.text(max_size=200) | st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join))
def test_no_text_breaks_it(text: str) -> None:
    match = MATCHER.match(text)
    if match:
        assert {field.name for field in match.spec.fields} >= match.fields.keys()
        for value in match.fields.values():
            assert not isinstance(value, str) or value.strip()


def test_a_catalogue_has_one_matcher_that_sees_what_is_added() -> None:
    catalogue = small_catalogue()
    matcher = matcher_of(catalogue)
    assert matcher_of(catalogue) is matcher
    assert matcher_of(small_catalogue()) is not matcher
    assert matcher.match("dance now") is None
    catalogue.add(CommandSpec("dance", "start", "Dance", (), ("dance now",)))
    assert matcher_of(catalogue).match("dance now") is not None


def test_a_matcher_goes_with_the_last_who_keep_it() -> None:
    catalogue = small_catalogue()
    kept = matcher_of(catalogue)
    is_there = weakref.ref(kept)
    del kept
    gc.collect()
    assert is_there() is None


ALARM = CommandSpec(
    "alarm",
    "add",
    "Set an alarm.",
    (FieldSpec("due", "when", repeats=True),),
    ("set an alarm for {due}", "set alarms for {due} and {due}", "set a {due} alarm [{due}]"),
)


@pytest.mark.parametrize(
    ("text", "dues"),
    [
        ("set alarms for 8pm and 9pm", ["8pm", "9pm"]),
        ("set alarms for 6:30 and 7", ["6:30", "7"]),
        ("set a daily alarm at 9", ["daily at 9"]),
        ("set a 9am alarm tomorrow", ["9am tomorrow"]),
        ("set a 9am alarm at 10", []),  # neither one time nor two
    ],
)
def test_two_times_are_one_or_one_each(text: str, dues: list[str]) -> None:
    catalogue = Catalogue()
    catalogue.add(ALARM)
    assert [one.fields["due"] for one in Matcher(catalogue).match_all(text)] == dues


def test_suggestions_have_no_time_in_front_of_what_it_is_of() -> None:
    catalogue = Catalogue()
    catalogue.add(ALARM)
    assert Matcher(catalogue).nearest("an alarm, whatever") == ["set an alarm for tomorrow at 5pm"]
    assert Matcher(catalogue).nearest("qwe zxcv") == [], "nothing is like it"


ROLE = FieldSpec(
    "role",
    "choice",
    required=False,
    choices=("editor", "viewer"),
    said_as={"viewer": ("read only", "just to look"), "editor": ("with edits",)},
)
SHARE = CommandSpec(
    "list",
    "share",
    "Share a list.",
    (FieldSpec("name"), FieldSpec("person"), ROLE),
    ("share my {name} list with {person}", "share {name} with {person} as {role}"),
)


@pytest.mark.parametrize(
    ("text", "person", "role"),
    [
        ("share my camp list with tom, read-only", "tom", "viewer"),
        ("share my camp list with tom just to look", "tom", "viewer"),
        ("share my camp list with tom", "tom", None),
        ("share my camp list with read only", "read only", "viewer"),
        ("share my camp list with tom, read only, with edits", "tom", None),
        ("share my camp list with tom threads only", "tom threads only", None),
    ],
)
def test_a_choice_may_be_said_in_other_words(text: str, person: str, role: str | None) -> None:
    catalogue = Catalogue()
    catalogue.add(SHARE)
    found = Matcher(catalogue).match(text)
    assert found is not None
    assert (found.fields.get("role"), found.fields["name"]) == (role, "camp")
    if role:
        assert found.fields["person"] == person
