"""The utterances of each domain against the sentences of the real commands, without a model."""

import json
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from ai.commands import catalogue
from ai.llm.clients.openai_completions import OpenAICompatible
from ai.sentences.matcher import Matcher
from bot.framework.registry import load_commands
from config.settings import ROOT
from tests.evaluate import (
    DOMAINS,
    Command,
    Score,
    Utterance,
    evaluate,
    report,
    sample,
    utterances,
)
from tests.support.model_server import Answer, ModelServer, Request, model_server

__all__ = ["model_server"]

UTTERANCES = [*utterances()]


@lru_cache(maxsize=1)
def matcher() -> Matcher:
    load_commands()
    return Matcher(catalogue)


def understood(utterance: Utterance) -> tuple[Command, ...]:
    return tuple(one.command for one in matcher().match_all(utterance.text, utterance.references))


@pytest.mark.parametrize("domain", sorted({utterance.domain for utterance in UTTERANCES}))
def test_utterances_are_understood_or_left_to_the_model(domain: str) -> None:
    said = [utterance for utterance in UTTERANCES if utterance.domain == domain]
    found = [(u.text, understood(u)) for u in said]
    assert found == [(u.text, () if u.is_beyond else u.expected) for u in said]


def test_there_are_enough_of_each_kind() -> None:
    assert len({(u.text, u.references.shown, str(u.references.last)) for u in UTTERANCES}) == len(
        UTTERANCES
    )
    assert sum(not u.expected for u in UTTERANCES) >= 100
    said = [made for u in UTTERANCES if not u.is_beyond for made in u.expected]
    keys = {(c["interaction_type"], c["action"]) for c in said}
    tried = {kind for kind, _ in keys}  # a module without a file of utterances is nobody's fault
    missing = {spec.key for spec in matcher()._catalogue if spec.interaction_type in tried} - keys
    assert not missing, "add an utterance of each to its sentences.yaml"


async def test_what_is_no_order_is_hardly_ever_offered_as_one() -> None:
    nothing = [utterance for utterance in UTTERANCES if not utterance.expected]
    offered = [line for score in (await evaluate(said=nothing)).values() for line in score.misled]
    assert len(offered) <= len(nothing) * 0.02, offered


async def test_a_model_is_asked_what_no_sentence_covers(model_server: ModelServer) -> None:
    model_server.script = lambda _: '{"needs_clarification": "Pardon?"}'
    model = OpenAICompatible(model_server.base_url, "sk-secret", "some/model")
    some = UTTERANCES[::4]
    scores = await evaluate(model, some)
    await model.aclose()
    asked = [u.domain for u in some if u.is_beyond or not u.expected]
    assert len(model_server.requests) == len(asked)
    assert {domain for domain, score in scores.items() if score.usages} == {*asked}
    assert not any(score.wrong for score in scores.values())


def knows_it_all(request: Request) -> Answer:
    """Answer as a model would that is always right, and takes its time."""
    said = request.user.rpartition("<message>")[2].rpartition("</message>")[0].strip()
    meant = next((u for u in UTTERANCES if u.text == said), None)
    commands = list(meant.expected) if meant else []
    question = None if commands else "What would you like me to do?"
    return Answer(json.dumps({"commands": commands, "needs_clarification": question}), delay=0.005)


def test_the_evaluation_measures_the_model_that_is_configured(
    model_server: ModelServer, tmp_path: Path
) -> None:
    model_server.script = knows_it_all
    texts = (path.read_text("utf-8") for path in sorted(DOMAINS.rglob("sentences*.yaml")))
    cases = [case for text in texts for case in re.split(r"^(?=- )", text, flags=re.MULTILINE)[1:]]
    file = tmp_path / "some.yaml"
    file.write_text("".join(cases[::8]), "utf-8")
    some = [*utterances(file)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.evaluate", "--file", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            "OPENROUTER_API_KEY": "key",
            "OPENROUTER_BASE_URL": model_server.base_url,
            "PATH": "",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)  # noqa: T201 - for people who want to see it
    lines = done.stdout.splitlines()
    assert lines[0].split()[:6] == ["sentences", "alone", "right", "wrong", "missed", "offered"]
    told = re.search(r"A model is told of (\d+) commands in about (\d+) tokens", done.stdout)
    assert told
    assert 0 < int(told[1]) < int(told[2]) <= 1200, "the shipped commands fit in the prompt"
    languages = {utterance.language for utterance in some}
    assert ("  in de: " in done.stdout) == ("de" in languages)
    alone, with_model = (line.split() for line in lines if line.startswith("all "))
    beyond = sum(u.is_beyond for u in some)
    assert int(alone[3]) + int(alone[4]) == beyond
    assert int(with_model[3]) < beyond / 10
    right, requests, prompt, output, p50, p99 = (float(with_model[n]) for n in (1, 7, 8, 9, 10, 11))
    assert right > float(alone[1])
    assert requests >= beyond
    assert prompt > output > 0
    assert 0 < p50 < p99


def test_the_table_counts_what_was_wrong() -> None:
    score = Score()
    utterance = Utterance("task", "list my tasks", ({"action": "show"},))
    for found in ([{"action": "show"}], [], [{"action": "delete", "name": "tasks", "due": "5pm"}]):
        score.add(utterance, found, 0.001)
    lines = [*report("x", {"task": score})]
    assert lines[1].split() == ["task", *"111001000", "1.00", "1.00"]
    assert lines[2].split()[0] == "all"
    assert lines[3].startswith("  wrong: 'list my tasks' was taken for [{'action': 'delete'")


def test_the_table_counts_offers_and_languages() -> None:
    score, languages = Score(), {"de": Score(), "en": Score()}
    utterance = Utterance("task", "x", ({"action": "show"},), language="de")
    for found in ([{"action": "show"}], [{"action": "delete"}]):
        for one in (score, languages["de"]):
            one.add(utterance, found, 0.001, is_offer=True)
    lines = [*report("x", {"task": score}, languages)]
    assert lines[1].split()[1:6] == [*"00011"]
    offered = "'x' was offered [{'action': 'delete'}], and means [{'action': 'show'}]"
    assert lines[3] == f"  misled: {offered}"
    assert lines[4] == "  in de: 0 right and 1 offered of 2, 0 wrong, 1 misled, 0 missed"


async def test_a_model_alone_is_asked_for_every_utterance_of_a_sample(
    model_server: ModelServer,
) -> None:
    model_server.script = lambda _: '{"needs_clarification": "Pardon?"}'
    assert sample(5, seed=3) == sample(5, seed=3) != sample(5, seed=4)
    some = [utterance for utterance in sample(500, seed=3) if utterance.expected][:5]
    model = OpenAICompatible(model_server.base_url, "sk-secret", "some/model")
    scores = await evaluate(model, some, is_alone=True)
    await model.aclose()
    assert sum(len(score.usages) for score in scores.values()) == 5
    lines = [*report("alone", scores)]
    assert next(line for line in lines if line.startswith("all")).split()[7] == "5"
    assert any("Pardon?" in line for line in lines if line.startswith("  missed: "))
    assert re.fullmatch(r"  tokens of a request: \d+ in at most, \d+ out .* \d+ at most", lines[-1])


def test_utterances_of_ones_own_are_measured(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "- {say: add milk to my errands, is: {command: errand add, name: The milk}}\n"
        "- {say: blue moon, is: null, in: de}\n"
        "- {say: show my errands, is: {command: x y}, or: [[{command: errand show}]]}\n",
        "utf-8",
    )
    read = [*utterances(mine)]
    assert [(one.domain, one.language) for one in read] == [
        ("mine", "en"), ("mine", "de"), ("mine", "en"),
    ]  # fmt: skip
    assert read[0].is_meant([{"interaction_type": "errand", "action": "add", "name": "milk"}])
    assert read[1].is_meant([])
    assert read[2].is_meant([{"interaction_type": "errand", "action": "show"}])
    assert not read[2].is_meant([])
    mine.write_text("- {is: null}\n")
    with pytest.raises(ValueError, match="needs say and is"):
        [*utterances(mine)]


def test_times_in_other_words_are_the_same() -> None:
    said = {"interaction_type": "errand", "action": "add", "name": "x", "due": "tomorrow at 5pm"}
    utterance = Utterance("errand", "x", (said,))
    assert utterance.is_meant([{**said, "due": "at 17:00 tomorrow"}])
    assert not utterance.is_meant([{**said, "due": "tomorrow at 6pm"}])
