"""Conventions that hold for every file."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from config.settings import ROOT

PACKAGES = ("ai", "api", "bench", "bot", "cli", "config", "core", "docs", "runtime", "scheduler")
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "stuff"}
PRINTS = {"manage.py", "bot/console.py"}

sources = sorted(
    path
    for path in [
        ROOT / "manage.py",
        *(p for package in (*PACKAGES, "tests") for p in (ROOT / package).rglob("*.py")),
    ]
    if "__pycache__" not in path.parts
)
TOP = ("README.md", "CHANGELOG.md", "AGENTS.md", "CONTRIBUTING.md", "llms.txt")
documents = sorted([*(ROOT / name for name in TOP), *(ROOT / "docs").rglob("*.md")])
decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def calls_of(path: Path, function: str) -> list[int]:
    """The lines of a file that call a function by its bare name."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == function
    ]


def test_no_file_has_a_vague_name() -> None:
    assert [name_of(path) for path in sources if path.stem in VAGUE] == []


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone")
def test_no_link_is_in_the_repository() -> None:
    command = ["git", "ls-files", "--stage"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert [line for line in listed.splitlines() if line.startswith("120000")] == []


def test_nothing_is_left_for_later() -> None:
    mark = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    others = [path for path in [*sources, *documents] if path != Path(__file__)]

    assert [name_of(path) for path in others if mark.search(path.read_text("utf-8"))] == []


def test_the_screen_belongs_to_the_command_line_and_the_console() -> None:
    printing = {name_of(path) for path in sources if calls_of(path, "print")}

    assert {name for name in printing if not name.startswith(("bench/", "tests/"))} <= PRINTS


def test_only_its_transport_imports_discord() -> None:
    importing = {
        name_of(path)
        for path in sources
        if re.search(r"^\s*(?:import|from) discord\b", path.read_text("utf-8"), re.MULTILINE)
    }

    named = re.compile(r"tests/.+|bot/discord/\w+\.py")
    assert [name for name in importing if not named.fullmatch(name)] == []


@pytest.mark.parametrize("path", documents, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), target


recipes = ROOT / "docs" / "cookbook.md"  # its own test writes the files that it names


@pytest.mark.parametrize("path", [one for one in documents if one != recipes], ids=name_of)
def test_the_files_and_folders_that_a_page_names_exist(path: Path) -> None:
    made = re.compile(
        r"config/\.env|var/.*|.*/books/.*|.*(?:books?|habits|runs)\..*|config/agents\.yml|bot/commands/water\.py"
    )
    named = re.findall(r"`((?:[\w.-]+/)+(?:[\w-]*\.\w+)?)`", path.read_text("utf-8"))

    assert [x for x in named if not (ROOT / x).exists() and not made.fullmatch(x)] == []


def test_nobody_imports_what_is_private_to_another_module() -> None:
    imported = re.compile(
        r"^\s*from [\w.]*(?<!\w)_[a-z][\w.]* import|^\s*from [\w.]+ import.*\b_[a-z]", re.M
    )
    code = [path for path in sources if not name_of(path).startswith("tests/")]

    assert [
        name_of(path)
        for path in code
        if imported.search(re.sub(r" as _\w+", "", path.read_text("utf-8")))
    ] == []


def anchors(path: Path) -> set[str]:
    """The anchors that a Markdown page's headings get."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", decisions, ids=name_of)
def test_a_decision_has_its_form_and_fits_a_page(path: Path) -> None:
    text = path.read_text("utf-8")

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert len(text.split()) <= 450


def test_no_two_decisions_have_one_number() -> None:
    numbers = [int(path.name[:4]) for path in decisions]
    assert len(set(numbers)) == len(numbers)


def test_every_make_target_that_the_documents_name_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    text = "\n".join(path.read_text("utf-8") for path in documents)
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE))

    assert named
    assert named <= targets


def test_the_checks_before_a_commit_need_no_download() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))

    assert [repo["repo"] for repo in hooks["repos"]] == ["local"]
    installed = {path for hook in hooks["repos"][0]["hooks"] for path in [hook["entry"].split()[0]]}
    assert all(path.startswith(".venv/bin/") for path in installed)


def test_the_license_is_the_one_that_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert (ROOT / "LICENSE").read_text("utf-8").startswith(f"{project['license']} License")
