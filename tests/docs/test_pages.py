"""The pages of docs/: complete, short, and their blocks run as a reader would run them."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import manage
from config.settings import ROOT, Settings, load_settings
from tests.support import warm
from tests.support.api import is_ready
from tests.support.project import copied
from tests.support.waiting import wait_until

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"^([A-Z_]+)=", re.MULTILINE)
PROMPT = "you> "
LOG_IN = ["register", "ada", "correct horse battery staple"]
PROGRAMS = ("make", "git", "docker", "kubectl", "chmod", "curl", ".venv/bin/python")
MAX_LINES = 150  # lines


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a language, without the indent that they have in a list."""
    found = []
    for indent, named, text in FENCE.findall((DOCS / page).read_text("utf-8")):
        if named == language:
            found.append("".join(f"{x.removeprefix(indent)}\n" for x in text.splitlines()))
    return found


def test_the_index_names_every_page() -> None:
    linked = re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "README.md").read_text("utf-8"))

    assert {*linked} == {page.name for page in PAGES} - {"README.md"}
    assert "](docs/README.md)" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_short(page: Path) -> None:
    if page.stem != "cookbook":  # nobody reads that one from beginning to end
        assert page.read_text("utf-8").count("\n") <= MAX_LINES


def test_the_table_of_model_servers_names_tests_that_exist() -> None:
    text = (DOCS / "model-servers.md").read_text("utf-8")
    quirks = re.search(r"`Q` is `(.*)`", text)
    assert quirks
    named = re.findall(r"`(Q|tests/[\w/]+\.py)(?:::(\w+))?`", text.partition("| --- |")[2])

    assert len(named) > 20
    for path, name in named:
        tests = (ROOT / (quirks[1] if path == "Q" else path)).read_text("utf-8")
        assert f"def {name}(" in tests if name else "def test_" in tests, name


def test_the_walks_name_functions_that_exist() -> None:
    """A function in a step is defined in a file that the step names."""
    text = (DOCS / "architecture.md").read_text("utf-8")
    steps = re.split(r"\n\n|\n(?=\d+\. )", text)
    named = [(step, name) for step in steps for name in re.findall(r"`(\w+)\(\)`", step)]

    assert len(named) > 10
    for step, name in named:
        files = re.findall(r"`([\w/.]+\.py)`", step)
        code = "\n".join((ROOT / file).read_text("utf-8") for file in files)
        assert re.search(rf"\bdef {name}\(", code), f"{name} is in none of {files}"


def settings_blocks() -> list[tuple[str, str]]:
    return [
        (page.name, text)
        for page in PAGES
        for text in blocks(page.name, "sh")
        if SETTING.match(text.lstrip())
    ]


@pytest.mark.parametrize(("page", "text"), settings_blocks())
def test_settings_that_are_shown_are_accepted(
    page: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    env_file = tmp_path / ".env"
    env_file.write_text(f"{text}DATA_DIR={tmp_path}\n")

    read = load_settings(env_file)

    shown = {name.lower() for name in SETTING.findall(text)}
    assert shown <= read.model_fields_set, f"{page} shows a setting that there is not"


def commands_of(group: object, prefix: str = "") -> set[str]:
    """Every command of manage.py, groups included."""
    found = set()
    for name, command in getattr(group, "commands", {}).items():
        found |= {f"{prefix}{name}"} | commands_of(command, f"{prefix}{name} ")
    return found


def test_every_shell_line_is_one_that_can_be_typed() -> None:
    known = commands_of(manage.app)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lines = [
        line
        for page in PAGES
        for text in blocks(page.name, "sh")
        for line in text.splitlines()
        if line and not re.match(r"#|[A-Z_]+=", line)
    ]
    assert len(lines) > 15
    for line in lines:
        program, *rest = line.split()
        assert program in PROGRAMS, line
        if program == "make":
            assert re.search(rf"^{rest[0]}:", makefile, re.MULTILINE), line
        if "manage.py" in rest:
            at = rest.index("manage.py")
            assert {rest[at + 1], " ".join(rest[at + 1 : at + 3])} & known, line
        for path in re.findall(r"(?:--kustomize|--file) (\S+)", line):
            assert (ROOT / path).exists(), line


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("docs") / "project", with_tests=True)


def run(project: Path, *arguments: str, text: str = "", **settings: str) -> str:
    environment = {"PATH": os.environ["PATH"], "API_PORT": "0", "PASSWORD_HASH_ROUNDS": "4"}
    done = warm.run(arguments, cwd=project, env=environment | settings, text=text, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def talk(project: Path, *lines: str) -> list[str]:
    """What is printed from the first of these lines on."""
    said = "".join(f"{line}\n" for line in lines)
    printed = run(project, "manage.py", "up", text=said)
    return printed[printed.index(PROMPT + lines[0]) :].strip().splitlines()


@pytest.mark.slow
def test_the_domain_that_is_written_talks_as_the_page_shows(project: Path) -> None:
    (command,) = [
        line for line in blocks("domain.md", "sh")[0].splitlines() if "new-domain" in line
    ]
    (transcript,) = [text for text in blocks("domain.md", "text") if PROMPT in text]
    typed = [x.removeprefix(PROMPT) for x in transcript.splitlines() if x.startswith(PROMPT)]

    run(project, *command.split()[1:])
    run(project, "manage.py", "up", text="".join(f"{line}\n" for line in LOG_IN))

    assert talk(project, *typed) == transcript.strip().splitlines()


@pytest.mark.slow
def test_a_bot_moves_as_the_page_shows(project: Path) -> None:
    module, script = blocks("moving.md", "python")
    text = (DOCS / "moving.md").read_text("utf-8")
    (command,) = re.findall(r"`manage\.py (new-domain [^`]+)`", text)
    run(project, "manage.py", *command.split())
    (project / "bot" / "commands" / "water.py").write_text(module, "utf-8")
    (project / "import_water.py").write_text(script, "utf-8")

    name, password = "grace", "her password"
    said = f"register\n{name}\n{password}\n!water 2\n"
    data = str(project / "moved")
    printed = run(project, "manage.py", "up", text=said, DATA_DIR=data)
    assert "That makes 2 more." in printed
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    api = subprocess.Popen(
        [sys.executable, "-m", "api.main"],
        cwd=project,
        env={"PATH": os.environ["PATH"], "API_PORT": port, "DATA_DIR": data},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: is_ready(url), 60)
        printed = run(project, "import_water.py", name, password, "3", "4", API_URL=url)
    finally:
        api.terminate()
        api.communicate(timeout=30)
    assert [line.split()[0] for line in printed.splitlines()] == ["201", "201"]


@pytest.mark.slow
def test_the_doctor_says_what_the_page_shows(tmp_path: Path) -> None:
    (shown,) = [text for text in blocks("start.md", "text") if "✓" in text]
    environment = {"PYTHONUTF8": "1", "ENV_FILE": os.devnull, "DATA_DIR": str(tmp_path / "var")}
    done = run(ROOT, "manage.py", "doctor", **environment)

    def subjects(text: str) -> list[str]:
        lines = [line for line in text.strip().splitlines() if not line.startswith(" ")]
        return [line.partition(":")[0] for line in lines]

    # With the tools for development installed, Python's line may have a warning beside it.
    assert [x for x in subjects(done) if x != "! Packages"][:-1] == subjects(shown)[:-1]
