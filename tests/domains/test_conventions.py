"""What holds for every command, of this project and of those who copy it."""

import re

import pytest

from ai.commands import CommandSpec, catalogue
from ai.sentences.matcher import Matcher
from bot.framework.help import example, examples
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


ODD = re.compile(
    r"\b(?:a|an|my|the)\s+(?:tomorrow|today|yesterday|every|in|at|\d+)\b"  # "my tomorrow alarm"
    r"|\b(?:at \d+ ?[ap]m|minutes|hours?)\s+(?!to\b|and\b|until\b|[.,])\w"  # "at 5pm alarm"
    r"|\b(?:for|of|about|with|on) (?:buy|call|for|of|on)\b"  # "of buy milk", "on for"
    r"|\b(\w+) \1\b|\ba [aeio]|[<>{}_…]"
)


@pytest.mark.parametrize("spec", COMMANDS)
def test_what_is_shown_of_a_command_reads_as_english(matcher: Matcher, spec: CommandSpec) -> None:
    shown = [*examples(spec)]
    assert [said for said in shown if ODD.search(said)] == []
    for sentence in spec.sentences:
        offered = matcher.nearest(example(spec, sentence), 1, allowed={spec.key})
        assert {*offered} <= {*shown}, "a suggestion is a sentence that help shows"


@pytest.mark.parametrize(
    "said", ["cancel my tomorrow at 5pm alarm", "set me a timer on for 10 minutes", "a is a alarm"]
)
def test_what_reads_oddly_is_noticed(said: str) -> None:
    assert ODD.search(said)


@pytest.mark.parametrize("spec", COMMANDS)
def test_every_sentence_leads_to_its_command(matcher: Matcher, spec: CommandSpec) -> None:
    for sentence in spec.sentences:
        if any(sentence.count(f"{{{field.name}}}") > 1 for field in spec.fields):
            continue  # two times: no sample is the other half of itself
        said = example(spec, sentence)
        match = matcher.match(said)
        assert match is not None, said
        assert match.spec.key == spec.key, said
