"""The recipes of docs/cookbook.md: each block is put where the page says, and used."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.settings import ROOT
from tests.support.http_sink import HttpSink, as_json
from tests.support.project import PYTHON, cloned, published, ran, ran_line

PAGE = (ROOT / "docs" / "cookbook.md").read_text("utf-8")
SAID = "register\nada\ncorrect horse\n"
BILL = "add a bill called {} with amount {} eur and due {}\n"


def recipe(title: str, language: str = "python") -> list[str]:
    """Return the blocks of a recipe."""
    part = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


def file_in(title: str, number: int = 0) -> str:
    """Return the path of a file that a recipe names."""
    part = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"`([\w/]+\.py)`", part)[number]


def put(project: Path, title: str, *paths: str) -> None:
    """Write the files of a recipe."""
    names = re.findall(r"`([\w/]+\.py)`", PAGE.split(f"## {title}\n")[1])
    blocks = recipe(title)
    for path, block in zip(paths or names[: len(blocks)], blocks, strict=True):
        (project / path).write_text(f'"""A recipe."""\n\n{block}', "utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the domain of the page and every recipe."""
    folder = tmp_path_factory.mktemp("cookbook")
    clone = cloned(published(folder / "origin"), folder / "clone")
    intro = PAGE.split("\n## ")[0]
    (command,) = re.findall(r"^```sh\n(.*?)^```$", intro, re.MULTILINE | re.DOTALL)
    ran_line(clone, command)
    put(clone, "Sum and group")
    put(clone, "A job that messages everybody")
    put(clone, "Ask another service")
    put(clone, "Read a file from a message")
    put(clone, "Pages with buttons", "bot/commands/bill_names.py")
    put(clone, "For administrators")
    put(clone, "A shared list", "api/routes/trips.py", "tests/domains/bills/test_trips.py")
    put(clone, "A second language", "bot/commands/rechnungen.py")
    put(clone, "Metrics of your own", "bot/commands/questions.py")
    put(clone, "Test it")
    routes = clone / "api" / "routes" / "bills.py"
    text = routes.read_text("utf-8")
    (reminded,) = recipe("A reminder on a row")
    imports, _, body = reminded.partition("\n\n\n")
    text = text.replace("\nfrom apiflask", f"\n{imports}\nfrom apiflask", 1)
    text = text.replace("resource = OwnedResource(", f"{body}\n\nresource = RemindedBills(")
    column, field = recipe("A relation")
    ran(clone, PYTHON, "manage.py", "new-domain", "payee")
    text = text.replace(
        "    created_at_column(),\n", f"    {column.rstrip()},\n    created_at_column(),\n"
    )
    text = re.sub(r"(    note: Name \| None = None\n)", rf"\1    {field}", text)
    text = text.replace("import Column,", "import Column, ForeignKey, Uuid,")
    routes.write_text(text, "utf-8")
    (revision,) = recipe("A relation", "sh")
    ran_line(clone, revision)
    ran(clone, "make", "format")
    return clone


@pytest.mark.slow
def test_the_recipes_pass_the_checks_and_their_test(project: Path) -> None:
    assert "All checks passed!" in ran(project, "make", "check")
    tested = ran(project, PYTHON, "-m", "pytest", "-q", str(Path(file_in("Test it")).parent))
    assert re.search(r"^\d+ passed", tested, re.MULTILINE), tested


@pytest.mark.slow
def test_the_recipes_do_what_they_say(project: Path) -> None:
    said = (
        SAID
        + BILL.format("rent", 700, "tomorrow at 5pm")
        + BILL.format("power", "40.50", "in 2 seconds")
        + "sum up my bills\nshow the names of my bills\nzeige meine rechnungen\nmust i pay\n"
        + "how many bills are there\nimport my bills\nhow many dollars is a euro\n"
    )
    with HttpSink() as sink:
        sink.answer("/rates", as_json(200, {"rates": {"USD": 1.25}}))
        settings = project / "config" / ".env"
        settings.write_text(f"RATES_URL={sink.url}/rates\n", "utf-8")
        talked = ran(project, "make", "run", text=said)
    for expected in (
        "• other: 740.50 eur",
        "     • power",
        "Du hast 2 Rechnungen.",
        "Sooner or later.",
        "Attach a CSV file",
        "A euro is 1.25 dollars.",
        "Pay power",  # the reminder
        "I did not understand that.",  # what administrators alone may ask
    ):
        assert expected in talked, (expected, talked)
    ran(project, PYTHON, "manage.py", "users", "promote", "ada")
    asked = "ada\ncorrect horse\nhow many bills are there\nhow many dollars is a euro\n"
    again = ran(project, "make", "run", text=asked)
    assert "There are 2 bills." in again
    assert "The exchange rates can't be reached." in again


async def test_a_file_is_read() -> None:
    module: dict[str, Any] = {}
    exec(compile(recipe("Read a file from a message")[0], "imports.py", "exec"), module)  # noqa: S102
    posted: list[object] = []

    async def post(path: str, body: object) -> None:
        posted.append((path, body))

    file = "rent,700,2030-01-01T00:00:00Z\nno bill\n"
    ctx = SimpleNamespace(quoted=file, api=SimpleNamespace(post=post))
    assert await module["add"](ctx) == "Added 1 bills."
    bill = {"name": "rent", "amount": "700", "due": "2030-01-01T00:00:00Z"}
    assert posted == [("/api/bills", bill)]
