"""What models answer, and the JSON in it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai.extraction.json_reply import NoCommand, extract

ADD = {"interaction_type": "task", "action": "add", "name": "buy milk"}
PLAIN = json.dumps(ADD)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"  \n{PLAIN}\n",
        f"```json\n{PLAIN}\n```",
        f"```\n{PLAIN}```",
        f"Sure! Here you are:\n\n{PLAIN}\n\nAnything else?",
        f"I use {{braces}} and [brackets] first. {PLAIN}",
        f'<think>maybe {{"action": "delete"}}?</think>\n{PLAIN}',
        f'<thinking>{{"action": "delete"</thinking>{PLAIN}',
        f'I thought {{"action": "delete"}}. </think> {PLAIN}',
        f'First I had {{"action": "delete"}}, but now: {PLAIN}',
        f"[{PLAIN}]",
        f"[{PLAIN}, {PLAIN}]",
        f"[1, 2] {PLAIN}",
        "{'interaction_type': 'task', 'action': 'add', 'name': 'buy milk'}",
        '{interaction_type: "task", action: "add", name: "buy milk"}',
        '{"interaction_type": "task", "action": "add", "name": "buy milk",}',
        '{"interaction_type": "task" "action": "add", "name": "buy milk"} Bye.',
        '```json\n{"interaction_type": "task", "action": "add", "name": "buy milk",}\n```',
        json.dumps({"command": ADD}),
        json.dumps({"result": {"command": ADD}}),
        json.dumps({"response": [ADD]}),
        '{"interaction_type": "task", "action": "add", "fields": {"name": "buy milk"}}',
        '{"interaction_type": "task", "action": {"action": "add", "name": "buy milk"}}',
        json.dumps({**ADD, "action": {"name": "add", "parameters": {"name": "buy milk"}}}),
        '{"action": {"type": "add", "interaction_type": "task", "args": {"name": "buy milk"}}}',
        json.dumps({"action": {"interaction_type": "task", "command": {**ADD}}}),
    ],
)
def test_the_command_is_found_however_it_is_wrapped(text: str) -> None:
    assert extract(text) == [ADD]


def test_reasoning_counts_where_the_answer_itself_holds_nothing() -> None:
    assert extract("", PLAIN) == [ADD]
    assert extract("Here it is.", f"I think {PLAIN}") == [ADD]
    assert extract(PLAIN, '{"action": "delete"}') == [ADD]


def test_what_stands_outside_wins_over_what_is_nested() -> None:
    nested = '{"action": "add", "data": {"action": "delete", "name": "x"}}'
    assert extract(nested) == [{"action": "add", "name": "x"}]


def test_nesting_without_end_is_left_as_it_is() -> None:
    nested: dict[str, Any] = {"action": "add"}
    for _ in range(50):
        nested = {"command": nested}
    assert "command" in extract(json.dumps(nested))[0]
    with pytest.raises(NoCommand):
        extract("[" * 100_000)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "was empty"),
        (" \n ", "was empty"),
        ("I can't do that.", "no valid JSON"),
        ("[]", "no valid JSON"),
        ("{}", "no valid JSON"),
        ("42", "no valid JSON"),
        ('"task"', "no valid JSON"),
        ('{"action": "add", "name": "buy mi', "no valid JSON"),
        ('{"action": "add", "args": {"a": 1}, "name": "buy mi', "no valid JSON"),
        ('{"action": "add"', "no valid JSON"),
    ],
)
def test_what_holds_no_command_is_told_so(text: str, told: str) -> None:
    with pytest.raises(NoCommand, match=told):
        extract(text)


def test_an_answer_that_was_cut_off_is_never_repaired() -> None:
    cut = '{"action": "add", "args": {"list": "x"}, name: "buy"}'
    assert extract(cut) == [{"action": "add", "list": "x", "name": "buy"}]
    with pytest.raises(NoCommand, match="cut off"):
        extract(cut, is_cut_off=True)
    assert extract(PLAIN, is_cut_off=True) == [ADD]


EGGS = {**ADD, "name": "eggs"}


@pytest.mark.parametrize(
    "answer",
    [
        [ADD, EGGS],
        [ADD, EGGS, ADD],
        {"commands": [ADD, EGGS]},
        {"commands": [ADD, EGGS], "needs_clarification": None},
        {"commands": [{"command": ADD}, {"action": EGGS}]},
        [{"commands": [ADD]}, {"commands": [EGGS]}],
    ],
)
def test_several_commands_come_in_their_order(answer: object) -> None:
    assert extract(f"Here: {json.dumps(answer)}") == [ADD, EGGS]


def test_a_question_beside_a_list_of_commands_is_kept() -> None:
    question = {"needs_clarification": "Which one?"}
    assert extract(json.dumps({"commands": [], **question})) == [question]
    assert extract(json.dumps({"commands": [ADD], **question})) == [{**ADD, **question}]


@given(st.text(), st.text(), st.booleans())
def test_nonsense_never_breaks_it(text: str, reasoning: str, is_cut_off: bool) -> None:
    try:
        found = extract(text, reasoning, is_cut_off=is_cut_off)
    except NoCommand:
        return
    assert found
    assert all(isinstance(one, dict) for one in found)


KEYS = st.text(min_size=1)


@given(st.dictionaries(KEYS, st.text() | st.integers() | st.booleans(), min_size=1))
def test_flat_json_comes_back_as_it_went_in(data: dict[str, Any]) -> None:
    assert extract(f"Here: {json.dumps(data)} is it.") == [data]
