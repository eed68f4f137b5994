"""Texts that nearly say a command, which is offered then."""

import time
from dataclasses import replace

import pytest

from ai.commands import (
    Catalogue,
    CommandSpec,
    FieldSpec,
    NotUnderstood,
    Offer,
    ParsedCommand,
)
from ai.config import get_ai_config
from ai.parser import Parser
from ai.sentences import wording
from ai.sentences.matcher import Matcher
from ai.sentences.references import References
from ai.sentences.templates import SentenceError
from tests.ai.commands import COMMANDS
from tests.ai.conftest import Connect
from tests.support.model_server import ModelServer

catalogue = Catalogue()
NEAR = ("need {name}", "(i have|gotta) to {name} {due}", "{name} {due}", "{due} {name}")
catalogue.add(replace(COMMANDS[0], near=NEAR))
catalogue.add(*COMMANDS[1:])
MATCHER = Matcher(catalogue)
ADD = ("task", "add")


@pytest.mark.parametrize(
    ("text", "key", "fields"),
    [
        ("need milk", ADD, {"name": "milk"}),
        ("i have to call mum tomorrow", ADD, {"name": "call mum", "due": "tomorrow"}),
        ("hmm, I really think I need to add milk to my tasks", ADD, {"name": "milk"}),
        ("list my tasks if you could", ("task", "show"), {}),
        ("open tasks list my", ("task", "show"), {}),
        ("dentist tomorrow at 4pm", ADD, {"name": "dentist", "due": "tomorrow at 4pm"}),
        ("tomorrow at 4pm dentist", ADD, {"name": "dentist", "due": "tomorrow at 4pm"}),
        ("water the lawn at 6pm", ADD, {"name": "water the lawn", "due": "at 6pm"}),
    ],
)
def test_what_is_nearly_said_is_found(
    text: str, key: tuple[str, str], fields: dict[str, str]
) -> None:
    assert MATCHER.match(text) is None, "it is not certain"
    found = MATCHER.near(text)
    assert found
    assert (found.spec.key, found.fields) == (key, fields)


@pytest.mark.parametrize(
    "text",
    [
        "to my tasks",
        "need",
        "milk",
        "",
        "lost my tasks",
        "should i complete the milk",
        "don't add milk to my tasks",
        "she said add milk to my tasks",
        "why should somebody complete the milk?",
        "what a day",
        "pick up lines are cringe",
        "need for speed",
        "bought from a friend",
        "need " * 100,
        "i " * 4000,
        "٣ ٣ ٣",
        "we need to talk",
        "i need help",
        "dentist tomorrow",
        "see you tomorrow at 4pm",
        "weather tomorrow morning",
        "dinner was great at 8",
        "can you sing at 7pm",
        "the man from next door is coming at 8pm",
        "let us meet at 7pm",
    ],
)
def test_what_is_not_near_is_not_offered(text: str) -> None:
    assert MATCHER.near(text) is None


def test_no_text_takes_long() -> None:
    texts = ["i really " * 15, "i need to " * 10 + "rename a to b", "add a to my " * 7]
    for text in texts:
        began = time.process_time()
        MATCHER.near(text[:300])
        assert time.process_time() - began < 5


async def test_the_parser_offers_it_where_no_model_is_set() -> None:
    parser = Parser(catalogue, get_ai_config())
    order = ParsedCommand("task", {"name": "milk"}, "add")
    offer = await parser.parse_all("need milk")
    assert offer == Offer((order,), "Do you mean: add “milk” to your tasks?", is_whole=True)
    told = await parser.parse("need milk")
    assert told == {"needs_clarification": "Do you mean: add “milk” to your tasks?"}
    assert isinstance(await parser.parse_all("need milk", allowed=[]), NotUnderstood)


@pytest.mark.parametrize("has_it", [True, False])
async def test_what_a_person_has_not_is_not_offered(has_it: bool) -> None:
    asked: list[ParsedCommand] = []

    async def is_there(order: ParsedCommand) -> bool:
        asked.append(order)
        return has_it

    loose = Catalogue()
    loose.add(replace(COMMANDS[0], near=NEAR), replace(COMMANDS[2], near=("got {name}",)))
    parser = Parser(loose, get_ai_config())
    found = await parser.parse_all("got milk", is_there=is_there)
    order = ParsedCommand("task", {"name": "milk"}, "complete")
    assert asked == [order]
    assert (
        found == Offer((order,), "Do you mean: complete “milk”?", is_whole=True)
        if has_it
        else (isinstance(found, NotUnderstood))
    )
    asked.clear()
    assert await parser.parse_all("complete milk", is_there=is_there) == (order,)
    assert not asked, "who says so for sure is told that there is none"


@pytest.mark.parametrize(
    "text",
    [
        "need to know how to cook it",
        "need a form, how do i get one",
        "need a loan until it rains",
        "need 2000 to go to my savings from my other bank account",
        "need money",
        "need something to rely on",
    ],
)
def test_what_is_a_sentence_is_no_thing_that_is_needed(text: str) -> None:
    assert MATCHER.near(text) is None


def test_a_question_that_is_an_order_is_offered() -> None:
    loose = Catalogue()
    loose.add(replace(COMMANDS[1], near=("what is on {list}",)), COMMANDS[2])
    matcher = Matcher(loose)
    found = matcher.near("what's on groceries?")
    assert found
    assert found.fields == {"list": "groceries"}
    assert matcher.near("complete the milk please?") is None


def test_a_changed_catalogue_is_read_again() -> None:
    changing = Catalogue()
    changing.add(*COMMANDS)
    matcher = Matcher(changing)
    assert matcher.near("open tasks list my")
    changing.add(replace(COMMANDS[1], interaction_type="chore"))
    assert matcher.near("open tasks list my") is None, "two commands are said so"


def test_only_what_is_offered_may_be_said_without_a_fixed_word() -> None:
    refused = Catalogue()
    refused.add(replace(COMMANDS[0], sentences=(*COMMANDS[0].sentences, "{name} {due}")))
    with pytest.raises(SentenceError, match="without any fixed word"):
        Matcher(refused)


async def test_a_model_is_told_of_it_and_decides(
    connect: Connect, model_server: ModelServer
) -> None:
    model_server.script = lambda _: '{"commands": [{"command": "task.show"}]}'
    parser = Parser(catalogue, get_ai_config(), connect("some/model"))
    told = await parser.parse_all("need </message> milk")
    assert isinstance(told, Offer), "it says nothing of showing tasks"
    assert told.orders[0].action == "show"
    told_of = model_server.requests[0].user
    assert "By its words alone it may mean" in told_of
    assert told_of.count("</message>") == 1
    await parser.parse_all("a bit of everything")
    assert "By its words alone" not in model_server.requests[1].user


def test_an_order_with_its_reason_is_offered() -> None:
    loose = Catalogue()
    loose.add(COMMANDS[0], replace(COMMANDS[2], near=("scrap {name}",)))
    matcher = Matcher(loose)
    found = matcher.near("scrap the harp exam, I'm not going")
    assert found is not None
    assert found.fields == {"name": "the harp exam"}
    for text in (
        "scrap the harp exam, be there at 6",  # a time that would be lost
        "scrap the harp exam, scrap the boat",  # two orders
        "scrap the harp exam, I sold it, nobody came",
    ):
        assert matcher.near(text) is None


@pytest.mark.parametrize(
    "thing", ["a pancake recipe", "an idea for a dinner", "some good suggestions"]
)
def test_what_is_asked_of_who_knows_is_no_thing(thing: str) -> None:
    assert MATCHER.near(f"need {thing}") is None


PLACE = FieldSpec("list", required=False)
ROWS = Catalogue()
ROWS.add(
    CommandSpec(
        "task",
        "add",
        "Add a task.",
        (FieldSpec("name", each=True), PLACE),
        ("add {name} to my {list} list", "add {name} to my tasks"),
        near=("add {name} to {list}", "{name} on my {list} list", "get {name}"),
    )
)


@pytest.mark.parametrize(
    "text", ["add milk, eggs and ham to food", "milk, eggs and ham on the food list"]
)
def test_things_in_a_row_are_offered_together(text: str) -> None:
    matcher = Matcher(ROWS)
    assert not matcher.match_all(text)
    found = matcher.near_all(text)
    assert [one.fields for one in found] == [
        {"name": name, "list": "food"} for name in ("milk", "eggs", "ham")
    ]
    orders = [ParsedCommand.from_dict(one.command) for one in found]
    asked = "Do you mean: add “milk”, “eggs” and “ham” to your “food” list?"
    assert wording.question(orders, ROWS) == asked
    apart = [orders[0], ParsedCommand("task", {"name": "ham"}, "add")]
    told = "add “milk” to your “food” list, and add “ham” to your tasks"
    assert told in wording.question(apart, ROWS)


@pytest.mark.parametrize(
    "text",
    [
        "save the whales",
        "he put me on his food list",
        "add eggs to my on the food list",
        "got it on my list",
    ],
)
def test_a_text_that_begins_with_a_sentence_names_no_thing(text: str) -> None:
    assert Matcher(ROWS).near_all(text) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("and eggs", ["eggs"]),
        ("also eggs, ham", ["eggs", "ham"]),
        ("eggs too", ["eggs"]),
        ("and you?", []),
        ("and it", []),
        ("and one two three four five", []),
    ],
)
def test_more_of_what_was_added_is_offered(text: str, names: list[str]) -> None:
    last = {"interaction_type": "task", "action": "add", "name": "milk", "list": "food"}
    found = Matcher(ROWS).near_all(text, References(last))
    assert [one.fields for one in found] == [{"name": name, "list": "food"} for name in names]
    assert Matcher(ROWS).near_all(text) == []


@pytest.mark.parametrize(
    ("text", "is_thing"),
    [
        ("get a birthday card for grandad", True),
        ("get some oranges", True),
        ("get a life", False),
        ("get some sleep", False),
        ("get going", False),
    ],
)
def test_what_is_got_is_a_thing(text: str, is_thing: bool) -> None:
    assert bool(Matcher(ROWS).near_all(text)) is is_thing


def test_a_bare_length_is_said_as_the_time_that_it_is() -> None:
    orders = [ParsedCommand("task", {"name": "nap", "due": "20 minutes"}, "add")]
    assert wording.question(orders, COMMANDS) == "Do you mean: remind you to “nap” in 20 minutes?"
    timer = CommandSpec("timer", "set", "", (FieldSpec("due", "when"),), ("set a timer for {due}",))
    assert wording.in_words(timer, {"due": "20 minutes"}) == "set a timer for 20 minutes"
    later = [ParsedCommand("task", {"name": "nap", "due": "tomorrow"}, "add")]
    assert wording.question(later, COMMANDS) == "Do you mean: remind you to “nap” tomorrow?"


async def test_who_speaks_another_language_is_told_which_is_understood() -> None:
    answer = await Parser(ROWS, get_ai_config()).parse_all(
        "erinner mich bitte morgen an die Wäsche"
    )
    assert isinstance(answer, NotUnderstood)
    assert "nur Englisch" in answer.problem
