"""The commands that an answer names, and their values held against their types."""

import pytest

from ai.commands import FieldSpec, typed
from ai.extraction.checks import check, find_spec, unknown
from tests.ai.commands import COMMANDS

SPECS = {spec.key: spec for spec in COMMANDS}


@pytest.mark.parametrize(
    ("kind", "action", "expected"),
    [
        ("task", "add", ("task", "add")),
        ("Task", " ADD ", ("task", "add")),
        ("", "task.add", ("task", "add")),
        ("task", "task/add", ("task", "add")),
        ("task:add", "", ("task", "add")),
        (None, "rename", ("task", "rename")),
        ("command", "rename", ("task", "rename")),
        ("light", "rename", None),
        ("task", "explode", None),
        ("task", None, None),
        (7, ["add"], None),
    ],
)
def test_the_command_of_an_answer_is_found(
    kind: object, action: object, expected: tuple[str, str] | None
) -> None:
    spec = find_spec({"interaction_type": kind, "action": action}, COMMANDS)
    assert (spec.key if spec else None) == expected


def test_an_unknown_command_is_told_with_those_that_exist() -> None:
    told = unknown({"interaction_type": "task", "action": "explode"}, COMMANDS)
    assert "'task' with action 'explode'" in told
    assert "task / add" in told


@pytest.mark.parametrize(
    ("field", "said", "expected"),
    [
        (FieldSpec("x"), " buy milk ", "buy milk"),
        (FieldSpec("x"), 2027, "2027"),
        (FieldSpec("x"), ["buy milk"], "buy milk"),
        (FieldSpec("x", "when"), "tomorrow", "tomorrow"),
        (FieldSpec("x", "integer"), "3", 3),
        (FieldSpec("x", "integer"), 3.0, 3),
        (FieldSpec("x", "integer"), "-3", -3),
        (FieldSpec("x", "integer"), "Three", 3),
        (FieldSpec("x", "number"), "2,5", 2.5),
        (FieldSpec("x", "number"), 2, 2.0),
        (FieldSpec("x", "number"), "two", 2.0),
        (FieldSpec("x", "boolean"), True, True),
        (FieldSpec("x", "boolean"), "No", False),
        (FieldSpec("x", "boolean"), 1, True),
        (FieldSpec("x", "choice", choices=("Red", "blue")), "red", "Red"),
    ],
)
def test_a_value_becomes_its_type(field: FieldSpec, said: object, expected: object) -> None:
    value = typed(field, said)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("field", "said", "problem"),
    [
        (FieldSpec("x"), {"a": 1}, "single value"),
        (FieldSpec("x"), ["a", "b"], "single value"),
        (FieldSpec("x"), None, "single value"),
        (FieldSpec("x"), True, "of the kind text"),
        (FieldSpec("x"), "  ", "of the kind text"),
        (FieldSpec("x", "integer"), "3.5", "a whole number"),
        (FieldSpec("x", "integer"), "9" * 30, "a whole number"),
        (FieldSpec("x", "integer"), False, "of the kind integer"),
        (FieldSpec("x", "number"), "many", "a number"),
        (FieldSpec("x", "number"), "1e5", "a number"),
        (FieldSpec("x", "boolean"), "perhaps", "true or false"),
        (FieldSpec("x", "choice", choices=("red", "blue")), "green", "one of red, blue"),
    ],
)
def test_a_value_of_another_type_is_told(field: FieldSpec, said: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        typed(field, said)


def test_a_command_keeps_its_own_fields_only() -> None:
    answer = {
        "name": "milk",
        "list": None,
        "due": " ",
        "priority": "high",
        "user_uuid": "someone-else",
        "password": "x",
    }
    assert check(answer, SPECS["task", "add"], "add milk") == (
        {"interaction_type": "task", "action": "add", "name": "milk"},
        [],
        {},
    )
    command, problems, _ = check({"new": "hunter22"}, SPECS["account", "password"], "")
    assert (command, problems) == ({"interaction_type": "account", "action": "password"}, [])


def test_a_missing_field_is_left_for_the_conversation_to_ask() -> None:
    command, problems, _ = check({"due": "tomorrow"}, SPECS["task", "add"], "remind me tomorrow")
    assert command == {"interaction_type": "task", "action": "add", "due": "tomorrow"}
    assert not problems


def test_every_wrong_field_is_told() -> None:
    answer = {"colour": "green", "hours": "many", "blink": "perhaps"}
    _, problems, _ = check(answer, SPECS["light", "colour"], "")
    assert len(problems) == 3


@pytest.mark.parametrize(
    ("due", "said", "is_copied"),
    [
        ("tomorrow at 5pm", "milk tomorrow at 5pm", True),
        ("tomorrow at 17:00", "milk morgen um 17 Uhr", True),
        ("2026-06-11 17:00", "milk tomorrow at 5pm", False),
        ("11 June 2026 at 17:00", "milk tomorrow at 5pm", False),
        ("2026-06-11 17:00", "milk on 2026-06-11 17:00", True),
        ("in 2000 seconds", "milk in 2000 seconds", True),
    ],
)
def test_a_time_is_copied_and_never_worked_out(due: str, said: str, is_copied: bool) -> None:
    _, problems, _ = check({"name": "milk", "due": due}, SPECS["task", "add"], said)
    assert (not problems) == is_copied
