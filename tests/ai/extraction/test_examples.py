"""Of all the examples, a model is shown those that are nearest to a message."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from ai.extraction.examples import NO_ORDERS, NONE, SHOWN, is_done, nearest
from config.settings import ROOT
from tests.ai.commands import COMMANDS

SPECS = {spec.key: spec for spec in COMMANDS}
ADD = replace(
    SPECS["task", "add"],
    examples=(
        ("ich brauche noch Zwirn", {"name": "Zwirn"}),
        ("schreib Hefe auf die Liste Brotzeit", {"name": "Hefe", "list": "Brotzeit"}),
        ("il me faut du fil", {"name": "fil"}),
        ("remind me of the newts on sunday", {"name": "newts", "due": "on sunday"}),
    ),
)
COMPLETE = replace(
    SPECS["task", "complete"],
    examples=(
        ("the harp is tuned at last", {"name": "harp"}),
        ("j'ai accordé la harpe", {"name": "harpe"}),
    ),
)
KNOWN = (ADD, COMPLETE)


@pytest.mark.parametrize(
    ("text", "example"),
    [
        ("ich brauch noch Klopapier", "ich brauche noch Zwirn"),
        ("schreib Brot auf die Liste Einkauf", "schreib Hefe auf die Liste Brotzeit"),
        ("il me faut des piles", "il me faut du fil"),
        ("remind me of the dentist at 5", "remind me of the newts on sunday"),
        ("the car is washed at last", "the harp is tuned at last"),
        ("j'ai payé le loyer", "j'ai accordé la harpe"),
        ("how do birds find north?", "how do bees find their way home?"),
    ],
)
def test_the_nearest_comes_last(text: str, example: str) -> None:
    assert nearest(KNOWN, text).shown[-1][0] == example


def test_they_are_few_and_one_of_them_orders_nothing() -> None:
    shown = nearest(KNOWN, "ich brauch noch Klopapier").shown
    assert len(shown) == SHOWN
    assert NONE in [commands[0]["command"] for _, commands in shown]
    assert nearest((), "anything").shown[-1][0] in {said for said, _ in NO_ORDERS}


def test_an_example_may_be_of_several_orders() -> None:
    several = ("oboe and reeds on concert", {"name": ["oboe", "reeds"], "list": "concert"})
    add = SPECS["task", "add"]
    fields = tuple(replace(field, each=field.name == "name") for field in add.fields)
    specs = (replace(add, fields=fields, examples=(several,)),)
    assert nearest(specs, "milk and eggs on groceries").shown[-1][1] == [
        {"command": "task.add", "name": "oboe", "list": "concert"},
        {"command": "task.add", "name": "reeds", "list": "concert"},
    ]


def test_values_count_for_nothing() -> None:
    said, _ = nearest(KNOWN, "Zwirn Hefe Brotzeit accordé").shown[-1]
    assert said not in {one for one, _ in ADD.examples}


def test_no_message_takes_long() -> None:
    nearest(KNOWN, "warm up")
    began = time.process_time()
    nearest(KNOWN, " ".join(f"word{number}" for number in range(1000))[:4000])
    assert time.process_time() - began < 0.1


def test_each_process_chooses_the_same() -> None:
    asked = (
        "from tests.ai.extraction.test_examples import KNOWN\n"
        "from ai.extraction.examples import nearest\n"
        "texts = 'remind me of it', 'schreib es auf', 'a b c', 'is the harp on the list', 'à 9h'\n"
        "print([nearest(KNOWN, text)[:3] for text in texts])"
    )
    said = set()
    for seed in ("1", "2", "3"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", asked]
        answer = subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=environment)
        said.add(answer.stdout)
    assert len(said) == 1


@pytest.mark.parametrize(
    "said",
    ["rang the plumber", "I finally swept the yard", "hab den Hof gekehrt", "barrí, pagué el taxi"],
)
def test_what_somebody_did_is_one_word_whatever_the_verb(said: str) -> None:
    done = replace(
        COMMANDS[2],
        examples=(
            ("waxed the kayak", {"name": "kayak"}),
            ("hab den Kajak gewachst", {"name": "Kajak"}),
            ("afiné el arpa", {"name": "arpa"}),
        ),
    )
    add = replace(COMMANDS[0], examples=(("wax for the kayak", {"name": "wax for the kayak"}),))
    assert nearest((add, done), said).likely == "task.complete"


@pytest.mark.parametrize("word", ["need", "feed", "todo", "gehört", "terminó", "milk", ""])
def test_what_only_looks_like_it_is_not_done(word: str) -> None:
    assert not is_done(word)
