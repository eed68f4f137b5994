"""Texts that nearly say a command, which is offered then."""

import time
from dataclasses import replace

import pytest

from ai.commands import Catalogue, NotUnderstood, Offer, ParsedCommand
from ai.config import get_ai_config
from ai.parser import Parser
from ai.sentences.matcher import Matcher
from tests.ai.commands import COMMANDS

catalogue = Catalogue()
catalogue.add(replace(COMMANDS[0], near=("need {name}", "(i have|gotta) to {name} {due}")))
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
        "need " * 100,
        "i " * 4000,
        "٣ ٣ ٣",
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


def test_a_changed_catalogue_is_read_again() -> None:
    changing = Catalogue()
    changing.add(*COMMANDS)
    matcher = Matcher(changing)
    assert matcher.near("open tasks list my")
    changing.remove("task")
    assert matcher.near("open tasks list my") is None
