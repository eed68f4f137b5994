"""`manage.py understand`: what is made of a text, and why."""

import json
import os
import re
import subprocess
from collections.abc import Callable

import pytest

from ai.commands import FieldSpec
from cli.understand import _read
from config.settings import ROOT, Settings
from tests.support import warm
from tests.support.model_server import ModelServer

Understand = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def understand() -> Understand:
    """Run the command, in a zone of its own, and without a database."""

    def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        own = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "DATA_DIR": "/nowhere"}
        env = own | {"TIME_ZONE": "Europe/Berlin"} | settings
        return warm.run(["manage.py", "understand", *arguments], cwd=ROOT, env=env, timeout=60)

    return run


def test_what_a_sentence_says_is_told_with_its_time(understand: Understand) -> None:
    printed = understand("send me a digest every day at 8").stdout

    told = "Understood by a sentence: notification digest\n  at: every day at 8 = "
    assert told in printed
    assert re.search(r", 08:00 CES?T, again by FREQ=DAILY$", printed, re.MULTILINE)
    assert "No model was asked: OPENROUTER_API_KEY is not set." in printed


def test_what_is_not_understood_is_told_with_each_sentences_reason(understand: Understand) -> None:
    printed = understand("delete my acount today").stdout

    assert "Not understood: I did not understand that." in printed
    assert "delete my account" in printed
    assert "“delete my acount” it wants no more, not “today”" in printed
    assert "A time in it: “today”, of which the bot asks: At what time today?" in printed


def test_the_prompt_and_the_models_answer_are_shown(
    understand: Understand, model_server: ModelServer
) -> None:
    good = {"commands": [{"interaction_type": "account", "action": "delete"}]}
    model_server.replies("Gladly!", json.dumps(good))
    settings = {"OPENROUTER_API_KEY": "k", "OPENROUTER_BASE_URL": model_server.base_url}

    printed = understand("wipe me off this earth", **settings).stdout

    assert "Understood by the model: account delete" in printed
    assert printed.count("--- system, to the model ---") == 1
    assert "wipe me off this earth" in printed
    assert printed.index("Gladly!") < printed.index(json.dumps(good))
    assert len(model_server.requests) == 2
    sentence = understand("delete my account", **settings).stdout
    assert "No model was asked: a sentence fits." in sentence
    assert "No model was asked: --no-model" in understand("hm", "--no-model", **settings).stdout
    assert len(model_server.requests) == 2


def test_a_model_that_fails_is_told_with_its_reason(
    understand: Understand, model_server: ModelServer
) -> None:
    model_server.script = lambda _: ""
    settings = {"OPENROUTER_API_KEY": "k", "OPENROUTER_BASE_URL": "http://127.0.0.1:9/v1"}

    printed = understand("wipe me off this earth", **settings).stdout

    assert "Not understood: The language model can't be reached right now." in printed
    assert "no answer: unreachable" in printed


def test_help_and_what_is_too_long_are_told(understand: Understand) -> None:
    assert "it asks for help" in understand("help").stdout
    done = understand("x" * 4001)
    assert (done.returncode, done.stderr.strip()) == (2, "The bot reads up to 4,000 characters.")


@pytest.mark.parametrize(
    ("field", "words", "told"),
    [
        (FieldSpec("d", "date", tense="any"), "12 may 2001", " = Sat 12 May 2001"),
        (FieldSpec("d", "decimal", unit="km"), "800m", " = 0.8"),
        (FieldSpec("w", "when"), "12 may 2001", ", of which the bot asks: That is in the past"),
    ],
)
def test_what_is_read_in_words_depends_on_the_field(
    field: FieldSpec, words: str, told: str
) -> None:
    assert _read(words, Settings(time_zone="UTC"), field).startswith(told)
