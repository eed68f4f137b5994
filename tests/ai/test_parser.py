"""From a text to a command, by sentences and by a scripted model."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from ai.commands import Catalogue, CommandSpec, FieldSpec, NotUnderstood, Offer, ParsedCommand
from ai.config import AIConfig, Prompt, Validation, load_ai_config
from ai.extraction import validator
from ai.llm.types import SENTENCES, Problem
from ai.parser import NO_ANSWER, NOT_UNDERSTOOD, ONE_AT_A_TIME, Parser, register_validator
from config.settings import ROOT, ConfigError
from tests.ai.commands import COMMANDS, small_catalogue
from tests.ai.conftest import Connect
from tests.support.model_server import Answer, ModelServer

CONFIG = load_ai_config(ROOT / "ai" / "ai_config.json")
ADD = {"interaction_type": "task", "action": "add", "name": "oat milk"}
UNUSUAL = "I could do with some oat milk"

Build = Callable[..., Parser]


@pytest.fixture
def local() -> Parser:
    return Parser(small_catalogue(), CONFIG)


@pytest.fixture
def build(connect: Connect) -> Build:
    def make(config: AIConfig = CONFIG, **options: Callable[[], list[str]]) -> Parser:
        return Parser(small_catalogue(), config, connect(config.model), **options)

    return make


@pytest.fixture
def validators() -> Iterator[None]:
    before = dict(validator._validators)
    yield
    validator._validators.clear()
    validator._validators.update(before)


# Without a model


async def test_a_sentence_becomes_a_command_without_a_model(local: Parser) -> None:
    assert await local.parse("remind me to call mum tomorrow at 5pm") == {
        "interaction_type": "task",
        "action": "add",
        "name": "call mum",
        "due": "tomorrow at 5pm",
    }


async def test_without_a_model_the_nearest_sentences_are_offered(local: Parser) -> None:
    answer = await local.parse("put oat milk on my tasks")
    assert answer["error"] == NOT_UNDERSTOOD
    assert len(answer["suggestions"]) == 3
    assert "add buy milk to my tasks" in answer["suggestions"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("was steht morgen auf meiner Liste?", "kann ich nur Englisch"),
        ("apunta leche en mi lista", "solo sé inglés"),
        ("qu'est-ce qui est sur ma liste ?", "je ne parle qu'anglais"),
    ],
)
async def test_without_a_model_another_language_is_answered_in_it(
    local: Parser, text: str, answer: str
) -> None:
    said = await local.parse(text)
    assert answer in said["error"]
    assert said["suggestions"] == []  # which are English sentences


async def test_a_command_that_is_not_allowed_is_not_understood(local: Parser) -> None:
    answer = await local.parse("list my tasks", allowed={("task", "complete")})
    assert answer["error"] == NOT_UNDERSTOOD
    assert answer["suggestions"] in (["complete buy milk"], ["buy milk is done"])


async def test_an_interaction_type_bounds_the_commands(local: Parser) -> None:
    assert (await local.parse("light 5", "light"))["action"] == "dim"
    assert "error" in await local.parse("light 5", "task")


# With a model


async def test_the_model_is_not_asked_where_a_sentence_fits(
    model_server: ModelServer, build: Build
) -> None:
    assert (await build().parse("list my tasks"))["action"] == "show"
    assert not model_server.requests


async def test_the_model_gives_the_same_command(model_server: ModelServer, build: Build) -> None:
    model_server.replies({**ADD, "due": None, "list": None, "needs_clarification": None})
    assert await build().parse(UNUSUAL) == ADD
    (request,) = model_server.requests
    assert UNUSUAL in request.user
    assert "task.add(" in request.messages[0]["content"]
    schema = request.body["response_format"]["json_schema"]["schema"]
    assert '"percent"' in json.dumps(schema)


async def test_the_model_hears_only_of_what_is_allowed(
    model_server: ModelServer, build: Build
) -> None:
    model_server.replies({"interaction_type": "task", "action": "delete"}, ADD)
    assert await build().parse(UNUSUAL, allowed={("task", "add")}) == ADD
    first, second = model_server.requests
    assert "task / rename" not in json.dumps(first.body)
    assert "There is no" in second.messages[-1]["content"]


async def test_the_last_turns_are_given(model_server: ModelServer, build: Build) -> None:
    model_server.replies(ADD)
    await build().parse(UNUSUAL, history=[("hi there", {"needs_clarification": "What?"})])
    assert '"hi there" -> {"needs_clarification": "What?"}' in model_server.requests[0].user


async def test_answers_that_are_wrong_are_asked_for_again_with_the_errors(
    model_server: ModelServer, build: Build
) -> None:
    model_server.replies(
        "I would add oat milk.",
        {"interaction_type": "light", "action": "dim", "percent": "lots"},
        {"interaction_type": "light", "action": "dim", "percent": "30"},
    )
    assert await build().parse("a bit brighter please, 30 or so") == {
        "interaction_type": "light",
        "action": "dim",
        "percent": 30,
    }
    second, third = (request.messages for request in model_server.requests[1:])
    assert second[-2]["content"] == "I would add oat milk."
    assert "no valid JSON" in second[-1]["content"]
    assert "percent must be a whole number, not 'lots'" in third[-1]["content"]
    assert len(third) == len(second) + 2


async def test_after_the_last_try_the_person_is_told(
    model_server: ModelServer, build: Build
) -> None:
    model_server.script = lambda _: "no"
    assert await build().parse(UNUSUAL) == {"error": NO_ANSWER}
    assert len(model_server.requests) == 3
    config = CONFIG.model_copy(update={"validation": Validation(max_retries=1)})
    await build(config).parse(UNUSUAL)
    assert len(model_server.requests) == 4


async def test_tries_that_count_as_used_are_not_made(
    model_server: ModelServer, build: Build
) -> None:
    model_server.script = lambda _: "no"
    await build().parse(UNUSUAL, retry_count=2, errors=["too short"])
    (request,) = model_server.requests
    assert "- too short" in request.user
    assert await build().parse(UNUSUAL, retry_count=3) == {"error": NO_ANSWER}
    assert len(model_server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(None, message={"reasoning": json.dumps(ADD)}),
        Answer(f"<think>Hm.</think>\n```json\n{json.dumps(ADD)}\n```"),
        Answer(json.dumps({**ADD, "action": {"name": "add", "fields": {"list": None}}})),
        Answer(json.dumps({"command": {"interaction_type": "task.add", "name": "oat milk"}})),
        Answer(json.dumps([{**ADD, "interaction_type": "Task"}])),
    ],
)
async def test_strange_answers_are_understood(
    model_server: ModelServer, build: Build, answer: Answer
) -> None:
    model_server.replies(answer)
    assert await build().parse(UNUSUAL) == ADD


@pytest.mark.parametrize("first", [Answer(""), Answer('{"action": "add"', finish_reason="length")])
async def test_empty_and_cut_off_answers_are_asked_for_again(
    model_server: ModelServer, build: Build, first: Answer
) -> None:
    model_server.replies(first, ADD)
    assert await build().parse(UNUSUAL) == ADD


@pytest.mark.parametrize(
    "answer",
    [
        {"needs_clarification": " Which milk? "},
        {"interaction_type": None, "action": None, "needs_clarification": "Which milk?"},
        {**ADD, "needs_clarification": "Which milk?"},
    ],
)
async def test_a_question_is_passed_on(
    model_server: ModelServer, build: Build, answer: dict[str, Any]
) -> None:
    model_server.replies(answer)
    assert await build().parse(UNUSUAL) == {"needs_clarification": "Which milk?"}


async def test_the_conversation_asks_for_fields_that_are_missing(
    model_server: ModelServer, build: Build
) -> None:
    model_server.replies({**ADD, "name": None, "needs_clarification": "Add what?"})
    assert await build().parse("add something") == {"interaction_type": "task", "action": "add"}


async def test_who_takes_one_order_alone_has_the_person_asked_for_one(
    model_server: ModelServer, build: Build, local: Parser
) -> None:
    model_server.replies(json.dumps([ADD, {**ADD, "name": "eggs"}]))
    assert await build().parse("oat milk and eggs") == {"needs_clarification": ONE_AT_A_TIME}
    assert await local.parse("complete a, complete b") == {"needs_clarification": ONE_AT_A_TIME}


async def test_a_refusal_in_json_is_passed_on(model_server: ModelServer, build: Build) -> None:
    model_server.replies({"error": "That is not something I can do."})
    assert await build().parse("sing") == {"error": "That is not something I can do."}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(status=401), "key"),
        (Answer(status=402), "credit"),
        (Answer(None, message={"refusal": "no"}), "refused"),
        (Answer(status=429, headers={"Retry-After": "600"}), "busy"),
    ],
)
async def test_a_model_that_fails_is_told_in_one_sentence(
    model_server: ModelServer,
    build: Build,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
    problem: Problem,
) -> None:
    model_server.replies(answer)
    with caplog.at_level(logging.DEBUG, "ai"):
        said = await build().parse(UNUSUAL)
    assert said["error"] == SENTENCES[problem]
    assert said["suggestions"] == [], "no sentence is like it"
    assert problem in caplog.text
    assert "oat milk" not in caplog.text
    assert "sk-secret" not in caplog.text


async def test_a_slow_model_holds_up_no_other_person(
    model_server: ModelServer, build: Build
) -> None:
    model_server.script = lambda _: Answer(json.dumps(ADD), delay=3)
    parser = build()
    slow = asyncio.create_task(parser.parse(UNUSUAL))
    await asyncio.sleep(0.2)
    assert (await parser.parse("list my tasks"))["action"] == "show"
    assert not slow.done()
    assert await slow == ADD


# Validators, and types outside the catalogue


def no_oats(command: dict[str, Any]) -> list[str]:
    return ["Oats are out."] if "oat" in str(command.get("name")) else []


@pytest.mark.usefixtures("validators")
async def test_a_validator_is_held_against_every_result_of_its_type(
    model_server: ModelServer, build: Build, local: Parser
) -> None:
    register_validator("task", no_oats)
    model_server.replies(ADD, {**ADD, "name": "some milk"})
    assert (await build().parse(UNUSUAL))["name"] == "some milk"
    assert "- Oats are out." in model_server.requests[1].messages[-1]["content"]
    assert (await local.parse("add oat milk to my tasks"))["error"] == "Oats are out."
    assert (await local.parse("complete eggs"))["action"] == "complete"


@pytest.mark.usefixtures("validators")
async def test_a_sentence_that_a_validator_rejects_goes_to_the_model_with_the_error(
    model_server: ModelServer, build: Build
) -> None:
    register_validator("task", no_oats)
    model_server.replies({**ADD, "name": "milk"})
    assert (await build().parse("add oat milk to my tasks"))["name"] == "milk"
    assert "- Oats are out." in model_server.requests[0].user


@pytest.mark.usefixtures("validators")
async def test_what_a_validator_still_rejects_is_told_in_its_words(
    model_server: ModelServer, build: Build
) -> None:
    register_validator("task", lambda _: ["one", "two"])
    register_validator("task", no_oats)  # takes the place of the first
    model_server.script = lambda _: Answer(json.dumps(ADD))
    assert await build().parse(UNUSUAL) == {"error": "Oats are out."}


HABITS = CONFIG.model_copy(
    update={"prompts": {**CONFIG.prompts, "habit": Prompt(system="Find the habit.")}}
)


@pytest.mark.usefixtures("validators")
async def test_a_prompt_of_its_own_gives_what_its_validator_lets_through(
    model_server: ModelServer, build: Build
) -> None:
    register_validator("habit", lambda command: [] if command.get("habit") else ["habit missing"])
    model_server.replies({"action": "track"}, {"action": "track", "habit": "yoga", "note": None})
    assert await build(HABITS).parse("I did yoga", "habit") == {
        "interaction_type": "habit",
        "action": "track",
        "habit": "yoga",
    }
    request = model_server.requests[0]
    assert request.messages[0]["content"] == "Find the habit."
    assert request.user == "I did yoga"
    assert "response_format" not in request.body
    assert "habit missing" in model_server.requests[1].messages[-1]["content"]


async def test_a_raw_handlers_type_is_understood_from_the_common_prompt(
    model_server: ModelServer, build: Build
) -> None:
    answer = {"interaction_type": "habit", "action": "track", "habit": "yoga"}
    model_server.replies(answer, answer, answer, answer)
    parser = build(raw_types=lambda: {"task": "", "habit": ""})
    assert await parser.parse("I did yoga") == answer
    sent = json.dumps(model_server.requests[0].body["response_format"])
    assert '{"interaction_type": {"const": "habit"}' in sent
    told = "I can't do that. I know about task, light, account, diary."
    assert await build().parse("I did yoga") == {"error": told}


@pytest.mark.parametrize("name", ["habit", "habit_parser"])
async def test_a_model_is_told_of_raw_types_with_the_text_of_their_prompt(
    model_server: ModelServer, build: Build, name: str
) -> None:
    prompts = {**CONFIG.prompts, name: Prompt(system="Find the habit.")}
    types = {"habit": "Fields: action.", "mood": "Fields: feeling."}
    parser = build(CONFIG.model_copy(update={"prompts": prompts}), raw_types=lambda: types)
    model_server.replies({"interaction_type": "habit_parser", "action": "track"})
    command = await parser.parse("I did yoga", "command_parser")
    assert command == {"interaction_type": "habit", "action": "track"}
    told = model_server.requests[0].messages[0]["content"]
    assert '"habit", "action": ...} with fields of its own.\nFind the habit.\n' in told
    assert "Fields: feeling." in told
    assert "Fields: action." not in told


@pytest.mark.parametrize("kind", [["habit"], {"habit": 1}, 7, True])
async def test_a_type_that_is_no_text_is_asked_for_again(
    model_server: ModelServer, build: Build, kind: object
) -> None:
    model_server.replies({"interaction_type": kind, "action": "track"}, ADD)
    assert (
        await build(raw_types=lambda: {"habit": ""}).parse("I did yoga, and I need oat milk") == ADD
    )


async def test_a_prompt_that_does_not_exist_is_named(build: Build) -> None:
    with pytest.raises(ConfigError, match=r"no prompts\.habit"):
        await build().parse("I did yoga", "habit")


async def test_a_module_without_a_prompt_uses_the_common_one(
    model_server: ModelServer, build: Build
) -> None:
    model_server.replies({"action": "dim", "percent": 3})
    assert await build().parse("a bit brighter, by 3", "light") == {
        "interaction_type": "light",
        "action": "dim",
        "percent": 3,
    }
    assert "task.add(" not in model_server.requests[0].messages[0]["content"]


async def test_what_is_not_there_is_offered_to_be_made(
    model_server: ModelServer, connect: Connect
) -> None:
    add, *others = COMMANDS
    add = replace(
        add, examples=(("tell me of the newts", {"name": "newts", "list": "pond", "due": "at 9"}),)
    )
    catalogue = Catalogue()
    catalogue.add(add, *others)
    parser = Parser(catalogue, CONFIG, connect(CONFIG.model))
    move = {"interaction_type": "task", "action": "move", "name": "newts", "list": "pond"}
    model_server.replies(move, move)
    there = [False, True]

    async def is_there(order: ParsedCommand) -> bool:
        assert order.action == "move"
        return there.pop(0)

    text = "I was asked to tell somebody of newts for the pond"
    offer = await parser.parse_all(text, is_there=is_there)
    assert isinstance(offer, Offer)
    assert offer.orders == (ParsedCommand("task", {"name": "newts", "list": "pond"}, "add"),)
    assert await parser.parse_all(text, is_there=is_there) == (ParsedCommand.from_dict(move),)


async def test_a_time_is_given_to_what_is_not_told_to_be_there(
    model_server: ModelServer, connect: Connect
) -> None:
    schedule = CommandSpec(
        "task",
        "schedule",
        "Change a time.",
        (FieldSpec("name"), FieldSpec("due", "when")),
        ("reschedule {name} to {due}",),
    )
    catalogue = Catalogue()
    catalogue.add(*COMMANDS, schedule)
    parser = Parser(catalogue, CONFIG, connect(CONFIG.model))
    values = {"name": "recycling", "due": "every other wednesday"}
    model_server.replies({"interaction_type": "task", "action": "schedule", **values})
    offer = await parser.parse_all("every other wednesday the recycling goes out, keep at me")
    assert isinstance(offer, Offer)
    assert offer.orders == (ParsedCommand("task", values, "add"),)


async def test_what_is_of_something_else_is_not_offered(
    model_server: ModelServer, connect: Connect
) -> None:
    day = CommandSpec(
        "day",
        "show",
        "Show a day.",
        (FieldSpec("day", "choice", choices=("today", "tomorrow")),),
        ("what is planned for {day}",),
        examples=(("how busy am I tomorrow", {"day": "tomorrow"}),),
    )
    catalogue = Catalogue()
    catalogue.add(*COMMANDS, day)
    parser = Parser(catalogue, CONFIG, connect(CONFIG.model))
    model_server.script = lambda _: '{"commands": [{"command": "day.show", "day": "tomorrow"}]}'
    assert isinstance(await parser.parse_all("it may snow tomorrow, I think"), NotUnderstood)
    assert isinstance(await parser.parse_all("what have we planned, tomorrow"), Offer | tuple)
