"""The catalogue of commands."""

import pytest

from ai.commands import CommandSpec, FieldSpec, trim, typed
from tests.ai.commands import COMMANDS, small_catalogue


def test_commands_are_found_by_name_and_module_in_their_order() -> None:
    catalogue = small_catalogue()
    assert [*catalogue] == [*COMMANDS]
    assert len(catalogue) == len(COMMANDS)
    assert next(iter(catalogue)) == COMMANDS[0]
    assert ("task", "explode") not in set(catalogue.keys())
    assert [spec.action for spec in catalogue.of("light")] == ["dim", "colour"]


def test_all_commands_are_added_or_none() -> None:
    catalogue = small_catalogue()
    before = catalogue.version
    new = CommandSpec("song", "sing", "Sing.")
    for pair in ([new, COMMANDS[0]], [new, new]):
        with pytest.raises(ValueError, match="is there twice"):
            catalogue.add(*pair)
    assert ("song", "sing") not in set(catalogue.keys())
    assert catalogue.version == before
    catalogue.add(new)
    assert catalogue.version == before + 1


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("'fix the gate'", "fix the gate"),
        ("‘fix the gate’", "fix the gate"),  # noqa: RUF001
        ("'tis done", "'tis done"),
        ("'mum's cake'", "'mum's cake'"),
        ("the boys'", "the boys'"),
        ("''", "''"),
    ],
)
def test_single_quotation_marks_around_a_name_are_not_part_of_it(said: str, name: str) -> None:
    assert trim(said) == name


def test_what_a_field_refuses_is_none_of_its_values() -> None:
    field = FieldSpec("place", accepts=str.istitle)
    assert typed(field, " Berlin ") == "Berlin"
    with pytest.raises(ValueError, match="place can't be 'fear'"):
        typed(field, "fear")


def test_a_field_describes_itself_as_json_schema() -> None:
    assert FieldSpec("n", "integer", description="how many").json_schema == {
        "type": "integer",
        "description": "how many",
    }
    assert FieldSpec("c", "choice", required=False, choices=("a", "b")).json_schema == {
        "type": ["string", "null"],
        "enum": ["a", "b", None],
    }
    assert FieldSpec("c", "choice", choices=("a",)).json_schema["enum"] == ["a"]
