"""`manage.py new-domain`: what it writes works as it is."""

import os
import re
from pathlib import Path

import pytest

from cli.scaffold.domain import BadName, literal, plural_of, read_field, render
from tests.support import warm
from tests.support.project import copied, copy_types

FIELDS = [
    "author:text", "pages:int", "rating:float", "price:decimal:eur", "read:bool", "bought:when",
    "date:date", "amount:decimal?", "lent:past_date?", "length_read:duration?",
    "status:open|in_hand", "tags:texts?",
]  # fmt: skip
OF_BOOKS = [
    "api/routes/books.py",
    "bot/commands/books.py",
    "tests/domains/books/test_books.py",
    "tests/domains/books/sentences.yaml",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project with two domains more."""
    folder = tmp_path_factory.mktemp("project") / "copy"
    copied(folder, with_tests=True)
    copy_types(folder)
    assert "Wrote api/routes/books.py." in run(folder, "manage.py", "new-domain", "book", *FIELDS)
    run(folder, "manage.py", "new-domain", "inventory_item", "--plural", "stock")
    return folder


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "ENV_FILE": os.devnull}
    done = warm.run(arguments, cwd=folder, env=environment, timeout=500)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_its_tests_pass_as_they_are_written(project: Path) -> None:
    tests = ["tests/domains/books", "tests/domains/stock"]
    conventions = ["tests/domains/test_conventions.py"]
    documented = [
        f"tests/api/docs/test_conformance.py::test_every_answer_is_as_documented[{mode}-{part}-sqlite]"
        for mode in ("positive", "negative")
        for part in ("books", "stock")
    ]
    sentences = ["tests/domains/test_sentences.py"]
    selected = "books or stock or conventions or understood"
    everything = [*tests, *conventions, *documented, *sentences]

    printed = run(project, "-m", "pytest", "-n", "0", "-v", *everything, "-k", selected)

    assert " failed" not in printed
    for file in ("books", "stock", "conventions", "conformance", "sentences"):
        assert re.search(rf"test_{file}\.py::.* PASSED", printed), file


@pytest.mark.slow
def test_it_keeps_the_projects_style_and_types(project: Path) -> None:
    paths = [path for path in OF_BOOKS if path.endswith(".py")]
    (migration,) = (project / "core" / "migrations" / "versions").glob("*_add_books.py")

    run(project, "-m", "ruff", "check", "--no-cache", *paths, str(migration))
    run(project, "-m", "ruff", "format", "--check", "--no-cache", *paths, str(migration))
    run(project, "-m", "mypy", "api/routes/books.py", "bot/commands/books.py")
    run(project, "manage.py", "generate", "--check")


@pytest.mark.slow
def test_what_is_there_is_left_alone(project: Path) -> None:
    before = (project / "api" / "routes" / "books.py").read_text("utf-8")

    told = run(project, "manage.py", "new-domain", "book", code=2)

    assert "api/routes/books.py" in told
    assert "Nothing was written" in told
    assert (project / "api" / "routes" / "books.py").read_text("utf-8") == before


@pytest.mark.parametrize(
    "field",
    [
        "pages", "pages:number", ":int", "Pages:int", "my pages:int", "class:text", "id:text",
        "status:open|open", "status:open|", "status:A|b", "n:int:km",
        "n:decimal:furlong", "n:decimal:",
        "n:?", "name:text", "user_uuid:text", "copy:text", "model_x:int", "x'; DROP:text",
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_refused(field: str) -> None:
    with pytest.raises(BadName):
        read_field(field)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["user", "undo", "help", "login"])
def test_a_name_that_means_something_is_refused_in_a_line(project: Path, name: str) -> None:
    told = run(project, "manage.py", "new-domain", name, code=2)

    assert "means something here already" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("word", "plural", "fields"),
    [
        ("Book", "books", []),
        ("../book", "books", []),
        ("book", "import", []),
        ("b" * 31, "books", []),
        ("book", "books", ["pages:int", "pages:text"]),
        ("book", "books", ["books:int"]),
    ],
)
def test_a_name_that_cannot_be_is_refused(word: str, plural: str, fields: list[str]) -> None:
    with pytest.raises(BadName):
        render(word, plural, [read_field(field) for field in fields])


@pytest.mark.parametrize(
    ("word", "plural"),
    [("book", "books"), ("city", "cities"), ("day", "days"), ("box", "boxes"), ("dish", "dishes")],
)
def test_the_plural_follows_the_rules(word: str, plural: str) -> None:
    assert plural_of(word) == plural


def test_a_long_text_is_written_over_several_lines() -> None:
    text = "add a book called {name} " * 9

    written = literal(text)

    assert all(len(line) < 95 for line in written.splitlines())
    assert "".join(line.strip()[1:-1] for line in written.splitlines()) == text


def test_a_day_brings_its_own_on() -> None:
    fields = [read_field(one) for one in ("spent_on:past_date", "carry_on:text")]
    command = render("expense", "expenses", fields)["bot/commands/expenses.py"]
    assert "spent {ctx.day(row['spent_on'])}" in command
    assert "carry on {escape(row['carry_on'])}" in command
