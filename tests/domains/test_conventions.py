"""What holds for every command, of this project and of those who copy it."""

import pytest

from ai.commands import CommandSpec, catalogue
from ai.sentences.matcher import Matcher
from bot.framework.help import example
from bot.framework.registry import load_commands

load_commands()
COMMANDS = [pytest.param(spec, id=".".join(spec.key)) for spec in catalogue]


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    """What understands every command."""
    return Matcher(catalogue)


@pytest.mark.parametrize("spec", COMMANDS)
def test_a_command_says_what_it_does(spec: CommandSpec) -> None:
    assert spec.description.endswith(".")
    assert spec.description[0].isupper()


@pytest.mark.parametrize("spec", COMMANDS)
def test_the_example_in_the_help_is_understood(matcher: Matcher, spec: CommandSpec) -> None:
    said = example(spec)
    assert "<" not in said, "a field needs an About(..., example=...)"
    match = matcher.match(said)
    assert match is not None
    assert match.spec.key == spec.key


@pytest.mark.parametrize("spec", COMMANDS)
def test_every_sentence_leads_to_its_command(matcher: Matcher, spec: CommandSpec) -> None:
    for sentence in spec.sentences:
        if any(sentence.count(f"{{{field.name}}}") > 1 for field in spec.fields):
            continue  # two times: no sample is the other half of itself
        said = example(spec, sentence)
        match = matcher.match(said)
        assert match is not None, said
        assert match.spec.key == spec.key, said
