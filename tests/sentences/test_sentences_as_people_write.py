"""The utterances of this folder against the sentences of the real commands, without a model."""

import subprocess
import sys
from functools import lru_cache

import pytest

from ai.catalogue import catalogue
from ai.openai_compatible import OpenAICompatible
from ai.sentences import Matcher
from bot.command_registry import load_commands
from config.settings import ROOT
from tests.evaluate import Command, Score, Utterance, evaluate, report, utterances
from tests.support.model_server import ModelServer, model_server

__all__ = ["model_server"]

UTTERANCES = [*utterances()]


@lru_cache(maxsize=1)
def matcher() -> Matcher:
    load_commands()
    return Matcher(catalogue)


def matched(text: str) -> Command | None:
    match = matcher().match(text)
    if match is None:
        return None
    kind, action = match.spec.key
    return {"interaction_type": kind, "action": action, **match.fields}


@pytest.mark.parametrize("utterance", UTTERANCES, ids=lambda utterance: utterance.text)
def test_an_utterance_is_understood_or_left_to_the_model(utterance: Utterance) -> None:
    assert matched(utterance.text) == (None if utterance.is_beyond else utterance.expected)


def test_there_are_enough_of_each_kind() -> None:
    assert len(UTTERANCES) >= 250
    assert len({utterance.text for utterance in UTTERANCES}) == len(UTTERANCES)
    assert sum(utterance.expected is None for utterance in UTTERANCES) >= 80
    said = [u.expected for u in UTTERANCES if u.expected and not u.is_beyond]
    for spec in matcher()._catalogue:
        assert any((c["interaction_type"], c["action"]) == spec.key for c in said), spec.key


def test_the_evaluation_prints_its_table() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.evaluate"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"OPENROUTER_API_KEY": "", "PATH": ""},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    head, *_ = done.stdout.splitlines()
    assert head.split()[:6] == ["sentences", "alone", "right", "wrong", "missed", "tokens"]


async def test_a_model_is_asked_what_no_sentence_covers(model_server: ModelServer) -> None:
    model_server.script = lambda _: '{"needs_clarification": "Pardon?"}'
    model = OpenAICompatible(model_server.base_url, "sk-secret", "some/model")
    scores = await evaluate(model)
    await model.aclose()
    assert len(model_server.requests) == sum(u.is_beyond or not u.expected for u in UTTERANCES)
    assert all(score.tokens > 0 and not score.wrong for score in scores.values())


def test_the_table_counts_what_was_wrong() -> None:
    score = Score()
    utterance = Utterance("task", "list my tasks", {"action": "show"})
    for found in ({"action": "show"}, None, {"action": "delete"}):
        score.add(utterance, found, 0.001)
    lines = [*report("x", {"task": score})]
    assert lines[1].split() == ["task", "1", "1", "1", "0", "1.00", "1.00"]
    assert lines[2].split()[0] == "all"
    assert lines[3] == "  wrong: 'list my tasks' was taken for {'action': 'delete'}"
