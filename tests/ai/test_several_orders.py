"""Several orders in one message, what points back, and what it may cost."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ai.commands import Clarification, NotUnderstood, ParsedCommand, from_dicts
from ai.config import load_ai_config
from ai.llm.types import SENTENCES, Usage
from ai.parser import NO_ANSWER, Parser
from ai.sentences.references import References
from config.settings import ROOT
from tests.ai.commands import small_catalogue
from tests.ai.conftest import Connect
from tests.support.model_server import Answer, ModelServer

CONFIG = load_ai_config(ROOT / "ai" / "ai_config.json")
MILK = ParsedCommand("task", {"name": "oat milk"}, "add")
EGGS = ParsedCommand("task", {"name": "eggs"}, "complete")
UNUSUAL = "I could do with some oat milk, and the eggs are there"
TOLD = "to my tasks we could well add some oat milk"

Build = Callable[[], Parser]


@pytest.fixture
def local() -> Parser:
    return Parser(small_catalogue(), CONFIG)


@pytest.fixture
def build(connect: Connect) -> Build:
    return lambda: Parser(small_catalogue(), CONFIG, connect(CONFIG.model))


class Purse:
    """A budget of so many requests."""

    def __init__(self, requests: int = 99) -> None:
        self.left = requests
        self.spent: list[tuple[Usage, str]] = []

    async def allow(self, tokens: int) -> str | None:
        self.left -= 1
        return None if self.left >= 0 else "That was all for today."

    async def spend(self, usage: Usage, model: str) -> None:
        self.spent.append((usage, model))


async def test_orders_that_are_all_certain_need_no_model(local: Parser) -> None:
    assert await local.parse_all("add oat milk to my tasks, and complete eggs") == (MILK, EGGS)


async def test_one_uncertain_part_leaves_the_whole_message_to_the_model(local: Parser) -> None:
    answer = await local.parse_all("add oat milk to my tasks and sing")
    assert isinstance(answer, NotUnderstood)
    allowed = {("task", "add")}
    answer = await local.parse_all("add a to my tasks, complete eggs", allowed=allowed)
    assert isinstance(answer, NotUnderstood)


async def test_the_model_gives_a_list(model_server: ModelServer, build: Build) -> None:
    model_server.replies(
        {"commands": [MILK.as_dict(), EGGS.as_dict()], "needs_clarification": None}
    )
    assert await build().parse_all(f"{TOLD}, eggs are quite completed") == (MILK, EGGS)


async def test_what_is_wrong_with_one_of_several_is_shown(
    model_server: ModelServer, build: Build
) -> None:
    dim: dict[str, Any] = {"interaction_type": "light", "action": "dim", "percent": "lots"}
    right = {**dim, "percent": 5}
    model_server.replies({"commands": [MILK.as_dict(), dim]}, {"commands": [MILK.as_dict(), right]})
    assert await build().parse_all(f"{TOLD}, light 5") == from_dicts([MILK.as_dict(), right])
    told = model_server.requests[1].messages[-1]["content"]
    assert "- Command 2: percent must be a whole number" in told


async def test_more_than_five_are_not_carried_out(model_server: ModelServer, build: Build) -> None:
    many = [{**MILK.as_dict(), "name": str(number)} for number in range(6)]
    model_server.script = lambda _: json.dumps({"commands": many})
    assert await build().parse_all(UNUSUAL) == NotUnderstood(NO_ANSWER)
    assert "at most 5 commands" in model_server.requests[1].messages[-1]["content"]


@pytest.mark.parametrize("commands", [[], [MILK.as_dict()]])
async def test_a_question_stops_all_of_them(
    model_server: ModelServer, build: Build, commands: list[dict[str, Any]]
) -> None:
    model_server.replies({"commands": commands, "needs_clarification": "Which eggs?"})
    assert await build().parse_all(UNUSUAL) == Clarification("Which eggs?")


async def test_what_points_back_is_resolved_without_a_model(local: Parser) -> None:
    references = References({"interaction_type": "task", "action": "show"}, ("oat milk", "eggs"))
    assert await local.parse_all("complete the second one", references=references) == (EGGS,)
    assert isinstance(await local.parse_all("complete the second one"), NotUnderstood)


async def test_the_model_sees_the_last_list(model_server: ModelServer, build: Build) -> None:
    model_server.replies({"commands": [EGGS.as_dict()]})
    await build().parse_all(
        "the lower one is in the fridge", references=References(shown=("milk", "eggs"))
    )
    assert '1. "milk"\n2. "eggs"' in model_server.requests[0].user


# What it costs


async def test_each_request_is_allowed_and_noted(model_server: ModelServer, build: Build) -> None:
    purse = Purse()
    model_server.replies("no", {"commands": [MILK.as_dict()]})
    assert await build().parse_all(UNUSUAL, budget=purse) == (MILK,)
    assert [model for _, model in purse.spent] == [CONFIG.model] * 2
    assert all(usage.total for usage, _ in purse.spent)


async def test_sentences_cost_nothing(model_server: ModelServer, build: Build) -> None:
    purse = Purse(requests=0)
    assert await build().parse_all("complete eggs", budget=purse) == (EGGS,)
    assert not purse.spent
    assert not model_server.requests


async def test_a_budget_that_is_used_up_ends_the_retries_too(
    model_server: ModelServer, build: Build
) -> None:
    purse = Purse(requests=1)
    model_server.script = lambda _: "no"
    answer = await build().parse_all(UNUSUAL, budget=purse)
    assert isinstance(answer, NotUnderstood)
    assert answer.problem == "That was all for today."
    assert answer.suggestions is not None, "they were looked for"
    assert len(model_server.requests) == 1


async def test_a_refusal_is_noted_too(model_server: ModelServer, build: Build) -> None:
    purse = Purse()
    model_server.replies(Answer("no way", message={"refusal": "no"}))
    answer = await build().parse_all(UNUSUAL, budget=purse)
    assert isinstance(answer, NotUnderstood)
    assert answer.problem == SENTENCES["refused"]
    ((usage, model),) = purse.spent
    assert (usage.completion, model) == (2, CONFIG.model)
