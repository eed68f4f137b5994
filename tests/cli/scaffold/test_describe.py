"""`manage.py new-domain --describe`: what a model proposes is checked, and written after a yes."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ai.commands import CommandSpec
from ai.llm.clients.openai_completions import OpenAICompatible
from bot.framework.registry import load_commands
from cli.scaffold.describe import EXAMPLE, MAX_DESCRIPTION, TRIES, Plan, propose
from cli.scaffold.domain import CALCULATIONS, BadName, More, Report, read_field, render
from tests.support import warm
from tests.support.model_server import ModelServer, model_server
from tests.support.project import copied, copy_types

__all__ = ["model_server"]

DESCRIPTION = "my workouts: exercise, sets, weight in kg, when; tell me my best per exercise"
PROPOSAL: dict[str, Any] = {
    "name": "Workout",
    "columns": [
        {"name": "name", "type": "text", "unit": "", "choices": [], "optional": False},
        {"name": "exercise", "type": "text", "unit": "", "choices": [], "optional": False},
        {"name": "sets", "type": "int", "unit": "", "choices": [], "optional": False},
        {"name": "Weight", "type": "decimal", "unit": "kg", "choices": [], "optional": True},
        {"name": "day", "type": "past_date", "unit": "", "choices": [], "optional": False},
        {"name": "mood", "type": "choices", "unit": "", "choices": ["Good", "bad"],
         "optional": True},
    ],
    "sentences": [
        "I did {sets} sets of {exercise}.",
        "{sets} {exercise}",
        "how many {sets} did I do",
        "log {distance}",
        'say "); import os; ("',
        "delete my account",
    ],
    "hint": "somebody tells of their training",
    "report": {
        "calculation": "max",
        "column": "weight",
        "by": "exercise",
        "sentence": "What is my best per exercise?",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def known() -> list[CommandSpec]:
    """A few of the commands: with each proposal, the sentences of all are tried again."""
    return [spec for spec in load_commands().specs if spec.interaction_type == "account"]


async def proposed(
    server: ModelServer, known: list[CommandSpec], description: str = DESCRIPTION
) -> Plan:
    model = OpenAICompatible(server.base_url, "key", "test-model")
    try:
        return await propose(model, description, known, None)
    finally:
        await model.aclose()


def with_report(**changes: str) -> dict[str, Any]:
    return PROPOSAL | {"report": PROPOSAL["report"] | changes}


def with_column(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    first, *rest = PROPOSAL["columns"][1:]
    return PROPOSAL | {"columns": [first | changes, *rest]}


async def test_what_can_be_used_is_planned_and_the_rest_is_told(
    model_server: ModelServer, known: list[CommandSpec]
) -> None:
    model_server.replies(PROPOSAL)
    plan = await proposed(model_server, known)
    assert [field.written for field in plan.fields] == [
        *("exercise:text", "sets:int", "day:past_date", "weight:decimal:kg?", "mood:good|bad?"),
    ]
    assert plan.more.sentences == ("i did {sets} sets of {exercise}",)
    shown = "\n".join(plan.lines())
    for told in (
        "Highest weight by exercise, by saying: what is my best per exercise, summarize my",
        "new-domain workout exercise:text sets:int day:past_date 'weight:decimal:kg?'",
        "Left out: the sentence '{sets} {exercise}', in which two fields touch.",
        "Left out: the sentence 'how many {sets} did i do', which is a question.",
        "Left out: the sentence 'log {distance}', which names 'distance', which is no field.",
        "which is not of plain words and {fields}.",
        "Left out: a sentence, because 'delete my account' would not be understood for it.",
    ):
        assert told in shown
    assert "import os" not in "".join(plan.files.values())
    (request,) = model_server.requests
    assert DESCRIPTION in request.user


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("I'd rather not.", "no valid JSON"),
        ({"name": "workout"}, "columns: Field required"),
        (PROPOSAL | {"name": "../../etc"}, ""),
        (PROPOSAL | {"name": "class"}, "'class' can't be used"),
        (PROPOSAL | {"name": "x" * 61}, "name: String should have at most"),
        (with_column(name="password; DROP TABLE"), ""),
        (with_column(name="id"), "another meaning"),
        (with_column(name="sets"), "Two things have the same name"),
        (with_column(type="blob"), "columns.0.type"),
        (with_column(type="choices", choices=["one"]), "fewer than two"),
        (with_column(type="decimal", unit="furlong"), "only a decimal has a unit"),
        (PROPOSAL | {"columns": [PROPOSAL["columns"][1] | {"name": f"f{n}"} for n in range(20)]},
         "Up to 12 fields"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_asked_again_with_the_reason(
    wrong: object, reason: str, model_server: ModelServer, known: list[CommandSpec]
) -> None:
    model_server.script = lambda _: wrong if isinstance(wrong, str) else json.dumps(wrong)
    if not reason:  # a name can be made of it
        plan = await proposed(model_server, known)
        assert re.fullmatch(r"[a-z_]+", plan.word)
        return
    with pytest.raises(BadName, match=re.escape(reason)):
        await proposed(model_server, known)
    assert len(model_server.requests) == TRIES
    assert reason in str(model_server.requests[-1].body)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"column": "exercise"}, "'exercise' is no number"),
        ({"column": "nothing"}, "'nothing' is no number"),
        ({"by": "day"}, "the grouping of the report by 'day'"),
        ({"by": "sets"}, "the grouping of the report by 'sets'"),
        ({"sentence": 'best"); ("'}, "of the report, which is not of plain words"),
        ({"sentence": "i live in berlin"}, "'i live in Berlin' would no longer be understood"),
        ({"sentence": "list my workouts"}, "'list my workouts' would not be understood"),
    ],
)
async def test_what_is_wrong_in_a_report_is_left_out(
    changes: dict[str, str], left: str, model_server: ModelServer, known: list[CommandSpec]
) -> None:
    model_server.replies(with_report(**changes))
    plan = await proposed(model_server, known)
    assert any(left in reason for reason in plan.left_out)


@pytest.mark.parametrize("calculation", CALCULATIONS)
@pytest.mark.parametrize("by", ["", "name", "label", "mood"])
def test_every_report_can_be_written(calculation: str, by: str) -> None:
    written = ["label:text?", "mood:good|bad", "n:int", "x:float?", "w:decimal:kg", "t:duration?"]
    fields = {field.name: field for field in map(read_field, written)}
    for column in ("n", "x", "w", "t"):
        field = None if calculation == "count" else fields[column]
        report = Report(calculation, field, by, fields.get(by), ("sum it up",), "things")
        files = render("thing", "things", [*fields.values()], More(report=report))
        for path, text in files.items():
            if path.endswith(".py"):
                compile(text, path, "exec")
        assert "async def report" in files["bot/commands/things.py"]
        assert report.shown in files["tests/domains/things/test_things.py"]


@pytest.mark.parametrize("text", ["", " ", "x" * (MAX_DESCRIPTION + 1)])
async def test_a_description_of_no_use_asks_no_model(
    text: str, model_server: ModelServer, known: list[CommandSpec]
) -> None:
    with pytest.raises(BadName, match="Describe it"):
        await proposed(model_server, known, text)
    assert not model_server.requests


async def test_the_example_that_models_see_can_be_written(
    model_server: ModelServer, known: list[CommandSpec]
) -> None:
    model_server.replies(EXAMPLE[1])
    plan = await proposed(model_server, known, EXAMPLE[0])
    assert plan.left_out == ()
    assert plan.word == "trip"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project."""
    folder = copied(tmp_path_factory.mktemp("project") / "copy", with_tests=True)
    copy_types(folder)
    return folder


@pytest.fixture
def server(model_server: ModelServer) -> Iterator[ModelServer]:
    model_server.script = lambda _: json.dumps(PROPOSAL)
    return model_server


def run(folder: Path, *arguments: str, text: str = "", code: int = 0, **more: str) -> str:
    kept = {"PATH": os.environ["PATH"], "HOME": str(folder), "ENV_FILE": os.devnull}
    done = warm.run(arguments, cwd=folder, env=kept | more, text=text, timeout=500)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_nothing_is_written_without_a_yes_and_what_is_written_works(
    project: Path, server: ModelServer
) -> None:
    ask = ("manage.py", "new-domain", "--describe", DESCRIPTION)
    told = run(project, *ask, code=2)
    assert "There is no model to ask: set OPENROUTER_API_KEY" in told
    with_model = {"OPENROUTER_API_KEY": "key", "OPENROUTER_BASE_URL": server.base_url}
    told = run(project, *ask, text="n\n", code=1, **with_model)
    assert "Write it?" in told
    assert not (project / "bot" / "commands" / "workouts.py").exists()
    told = run(project, "manage.py", "new-domain", "workout", "--describe", "x", code=2)
    assert "Give a name, such as book, or what it is about by --describe." in told

    told = run(project, *ask, text="y\n", **with_model)
    assert "Wrote bot/commands/workouts.py." in told
    files = ["bot/commands/workouts.py", "api/routes/workouts.py", "tests/domains/workouts"]
    run(project, "-m", "ruff", "check", "--no-cache", *files)
    run(project, "-m", "ruff", "format", "--check", "--no-cache", *files)
    run(project, "-m", "mypy", *files[:2])
    run(project, "manage.py", "generate", "--check")
    tests = ["tests/domains/workouts", "tests/domains/test_sentences.py"]
    passed = run(project, "-m", "pytest", "-n", "0", "-q", *tests, "-k", "workouts or understood")
    assert " failed" not in passed
