"""The first day: a clone gets a name of its own, and its own domain instead of the examples."""

import re
from pathlib import Path

import pytest
import typer

from cli.scaffold import rename
from config.settings import ROOT
from tests.support.project import PYTHON, cloned, git, published, ran, ran_line

PAGE = (ROOT / "docs" / "first-day.md").read_text("utf-8")
OLD_NAME = "plain-language-bot"
OLD = "plain[- ]language[- ]bot"
IS_TEMPLATE = (
    f'name = "{OLD_NAME}"' in (ROOT / "pyproject.toml").read_text("utf-8")
    and (ROOT / "bot" / "commands" / "tasks.py").exists()
)
TESTS = ("tests/docs", "tests/domains")  # all of them run in the workflow, in such a clone

OWN_MODULE = """
from bot.framework import CommandModule, Context

greetings = CommandModule("greeting", "Greetings")


@greetings.command("greet the crew")
async def greet(ctx: Context) -> str:
    \"\"\"Greet everybody.\"\"\"
    return "Ahoy!"
"""


def steps() -> list[str]:
    return "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)).splitlines()


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("first-day") / "origin")


@pytest.mark.slow
@pytest.mark.skipif(not IS_TEMPLATE, reason="the first day of this project is over")
def test_the_page_leads_to_a_bot_of_ones_own_that_passes_its_checks(
    origin: Path, tmp_path: Path
) -> None:
    clone = cloned(origin, tmp_path / "clone")
    for line in steps():
        if line.startswith("git"):
            git(clone, *line.replace('"', "").split(" ", 3)[1:])
        elif line not in ("make test", "make run"):
            printed = ran_line(clone, line, text="y\n")
            assert line != "make check" or "All checks passed!" in printed

    assert git(clone, "status", "--short") == ""
    bearing = git(clone, "grep", "-il", "--extended-regexp", OLD, code=None)
    assert {one for one in bearing.split() if not one.startswith("tests/")} == {"LICENSE"}
    assert 'name = "trail-mate"' in (clone / "pyproject.toml").read_text("utf-8")
    left = {path.stem for path in (clone / "bot" / "commands").glob("*.py")}
    assert {"hikes", "account"} <= left
    assert not left & {"tasks", "lists", "example"}
    schema = (clone / "config" / "schema.sql").read_text("utf-8")
    assert "CREATE TABLE hikes" in schema
    assert not re.search(r"\b(?:tasks|task_lists|examples)\b", schema)
    (clone / "bot" / "commands" / "greetings.py").write_text(OWN_MODULE, "utf-8")
    tested = ran(clone, PYTHON, "-m", "pytest", "-q", "-n", "2", "-m", "not slow", *TESTS)
    assert re.search(r"^\d+ passed", tested, re.MULTILINE), tested
    said = "register\nada\ncorrect horse\nadd a hike called Blue Moon with km 7\nlist my tasks\n"
    talked = ran(clone, "make", "run", text=said)
    assert "Added Blue Moon: km 7." in talked
    assert "I did not understand that." in talked


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            " ",
            "Bo",
            "bot",
            "4ever",
            "Trail  Mate",
            "Trail Mate ",
            "Trail_Mate",
            "-rf",
            "Tr\nail",
        ),
        *(
            "Trail; rm -rf /",
            "$(reboot)",
            'Trail"Mate',
            "Trail'Mate",
            "../Trail",
            "Trail\0",
            "x" * 41,
        ),
        *("Caf\u00e9 Bot", "\u0422rail", "Trail \U0001f97e", "Trail\u202eetaM", "T" * 100_000),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_one_line(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        rename.rename(name)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert len(told) < 250
    assert "Nothing was changed." in told


@pytest.fixture
def texts() -> dict[Path, bytes]:
    return {
        ROOT / "pyproject.toml": b'[project]\nname = "old-name"\n',
        ROOT / "api" / "main.py": b'    title="Old name",\n',
        ROOT / "a.md": b"# Old name\r\nold-name, old-names, my-old-name, Old name's Old names\r\n",
        ROOT / "b.md": b"Bot core\n\xff\xfe",
    }


def test_a_name_changes_where_it_stands_alone(texts: dict[Path, bytes]) -> None:
    changes = rename.changed(texts, "New Name-2")
    after = {path.name: new for path, (_, new) in changes.items()}
    assert after == {
        "pyproject.toml": b'[project]\nname = "new-name-2"\n',
        "main.py": b'    title="New Name-2",\n',
        "a.md": b"# New Name-2\r\nnew-name-2, old-names, my-old-name, New Name-2's Old names\r\n",
    }
    renamed = texts | {path: new for path, (_, new) in changes.items()}
    again = rename.changed(renamed, "Old name")
    assert renamed | {path: new for path, (_, new) in again.items()} == texts


@pytest.mark.parametrize("name", ["Bot", "Core", "Bot core"])
def test_a_name_that_the_files_use_already_is_refused(
    name: str, texts: dict[Path, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    texts[ROOT / "c.md"] = b"bot, core"
    with pytest.raises(typer.Exit):
        rename.changed(texts, name)
    assert "take a name that no file has. Nothing was changed." in capsys.readouterr().err


def test_the_same_name_again_changes_nothing(
    texts: dict[Path, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    texts[ROOT / "pyproject.toml"] = b'[project]\nname = "old-name"\n'
    with pytest.raises(typer.Exit):
        rename.changed(texts, "Old name")
    assert "called Old name already" in capsys.readouterr().err


@pytest.fixture(scope="module")
def project(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    clone = cloned(origin, tmp_path_factory.mktemp("drop") / "clone")
    ran(clone, PYTHON, "manage.py", "new-domain", "book")
    ran(clone, PYTHON, "manage.py", "new-domain", "shelf", "--plural", "shelves")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message=Two domains")
    return clone


@pytest.mark.parametrize(
    ("file", "old", "new", "dropped", "told"),
    [
        ("", "", "", ["nothing"], "'nothing' is no domain that can be dropped; there are: book,"),
        ("", "", "", ["account"], "'account' is no domain that can be dropped"),
        ("", "", "", ["book", "../../etc"], "'../../etc' is no domain that can be dropped"),
        (
            "bot/commands/shelves.py",
            "/api/shelves",
            "/api/books",
            ["book"],
            "bot/commands/shelves.py uses /api/books, which would go",
        ),
        (
            "scheduler/jobs/odd.py",
            "",
            '"""Odd."""\nfrom api.routes.books import books\n',
            ["book"],
            "scheduler/jobs/odd.py uses api.routes.books, which would go",
        ),
        (
            "api/routes/shelves.py",
            "    created_at_column(),\n",
            '    created_at_column(),\n    Column("book", ForeignKey("books.id")),\n',
            ["book"],
            "The table shelves refers to books.",
        ),
        (
            "bot/commands/books.py",
            "books = CommandModule(",
            'films = CommandModule("film", "Films")\nbooks = CommandModule(',
            ["book"],
            "film is in the same file: name it as well.",
        ),
    ],
)
def test_what_something_needs_stays(
    project: Path, file: str, old: str, new: str, dropped: list[str], told: str
) -> None:
    if file:
        path = project / file
        text = path.read_text("utf-8") if path.exists() else ""
        text = text.replace("import Column,", "import Column, ForeignKey,")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
    before = git(project, "status", "--short")
    try:
        printed = ran(project, PYTHON, "manage.py", "drop-domain", "--yes", *dropped, code=2)
        assert git(project, "status", "--short") == before
    finally:
        git(project, "checkout", "--quiet", ".")
        git(project, "clean", "--quiet", "--force")
    assert told in printed
    assert printed.count("\n") == 1


def test_a_domain_that_cannot_be_dropped_is_put_back(project: Path) -> None:
    path = project / "bot" / "agents" / "odd.py"
    path.write_text("1 / 0\n", "utf-8")  # so that no file can be generated
    try:
        printed = ran(project, PYTHON, "manage.py", "drop-domain", "--yes", "book", code=2)
        assert git(project, "status", "--short") == "?? bot/agents/odd.py\n"
    finally:
        path.unlink()
    assert "bot/agents/odd.py" in printed
    assert "Nothing was removed." in printed


def test_nothing_is_dropped_without_a_yes(project: Path) -> None:
    assert "Go on?" in ran(project, PYTHON, "manage.py", "drop-domain", "book", text="n\n", code=1)
    assert ran(project, PYTHON, "manage.py", "drop-domain", "book", code=1).endswith("Aborted.\n")
    assert git(project, "status", "--short") == ""


def test_a_dropped_domain_is_gone_from_a_database_that_had_it(project: Path) -> None:
    said = "register\nada\ncorrect horse\nadd a book called Emma\nadd a shelf called Top\n"
    assert "Added Emma." in ran(project, "make", "run", text=said)
    dropped = ran(project, PYTHON, "manage.py", "drop-domain", "--yes", "book")
    assert "The next start deletes the tables books with all their rows." in dropped
    said = "ada\ncorrect horse\nlist my books\nlist my shelves\n"
    after = ran(project, "make", "run", text=said)
    assert "I did not understand that." in after
    assert "• Top" in after
    assert ran(project, PYTHON, "manage.py", "db", "check") == (
        "The database is as the program declares it.\n"
    )
    git(project, "checkout", "--quiet", ".")
    git(project, "clean", "--quiet", "--force")
