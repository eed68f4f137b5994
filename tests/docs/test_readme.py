"""The README's code blocks, run as a reader would run them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from config.settings import ROOT, Settings, load_settings
from tests.support import warm

README = (ROOT / "README.md").read_text("utf-8")
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", ".env", "var", "tests", "__pycache__", ".*_cache", ".hypothesis"
)
PROMPT = "you> "
HIDDEN, PASSWORD = "********", "correct horse battery staple"
HOUR = re.compile(r"\b\d{1,2}:\d{2}\b|\bin \d+ seconds?\b")


class Block(NamedTuple):
    """A fenced block, with the paragraph that stands before it."""

    language: str
    text: str
    before: str


def blocks(language: str) -> list[Block]:
    found = []
    for match in re.finditer(r"^( *)```(\w+)\n(.*?)^\1```$", README, re.MULTILINE | re.DOTALL):
        text = "\n".join(line.removeprefix(match[1]) for line in match[3].splitlines())
        before = README[: match.start()].rstrip().rpartition("\n\n")[2]
        found.append(Block(match[2], text + "\n", before))
    return [block for block in found if block.language == language]


def modules() -> dict[str, str]:
    """The files of the example domain, by the path that the README gives them."""
    found = {}
    for block in blocks("python"):
        path = re.findall(r"`([\w/]+\.py)`", block.before)
        assert len(path) == 1, "the paragraph before a Python block names its file"
        found[path[0]] = block.text
    return found


def transcripts() -> list[str]:
    """The conversations: first the newcomer's, then the one with the example domain."""
    return [block.text for block in blocks("text") if PROMPT in block.text]


def said(transcript: str) -> str:
    """What the person typed."""
    typed = [line for line in transcript.splitlines() if line.startswith(PROMPT)]
    words = "".join(line.removeprefix(PROMPT) + "\n" for line in typed)
    return words.replace(HIDDEN, PASSWORD)


def timeless(text: str) -> list[str]:
    """The lines, without what depends on the hour."""
    return HOUR.sub("<time>", text.strip()).splitlines()


def manage(project: Path, *arguments: str, text: str = "") -> str:
    """Run the project's manage.py to its end and return what it printed."""
    done = warm.run(
        ["manage.py", *arguments],
        cwd=project,
        env={"PATH": os.environ["PATH"], "API_PORT": "0", "PASSWORD_HASH_ROUNDS": "4"},
        text=text,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def conversation(printed: str) -> str:
    """What was printed, from the first prompt on."""
    return printed[printed.index(PROMPT) :]


@pytest.mark.slow
def test_a_newcomer_sees_what_the_readme_shows(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(ROOT, project, ignore=NOT_COPIED)
    first, with_domain = transcripts()

    printed = manage(project, "up", text=said(first))

    assert timeless(conversation(printed)) == timeless(first)

    for name, text in modules().items():
        assert not (project / name).exists(), f"{name} is taken; the README needs a free name"
        (project / name).write_text(text, "utf-8")
    migrations = project / "core" / "migrations" / "versions"
    before = set(migrations.glob("*.py"))
    manage(project, "db", "revision", "Add runs")
    (migration,) = set(migrations.glob("*.py")) - before
    assert "runs" in migration.read_text("utf-8")

    printed = manage(project, "up", text=said(with_domain))

    assert timeless(conversation(printed)) == timeless(with_domain)


def test_the_example_domain_keeps_the_projects_style(tmp_path: Path) -> None:
    for name, text in modules().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", *modules()],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def settings_blocks() -> list[str]:
    return [block.text for block in blocks("sh") if re.search(r"^[A-Z_]+=", block.text, re.M)]


@pytest.mark.parametrize("text", settings_blocks())
def test_settings_that_are_shown_are_accepted(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    env_file = tmp_path / ".env"
    env_file.write_text(f"{text}DATA_DIR={tmp_path}\n")

    settings = load_settings(env_file)

    shown = {name.lower() for name in re.findall(r"^([A-Z_]+)=", text, re.M)}
    assert settings.model_fields_set == shown | {
        "data_dir",
        "jwt_secret",
        "service_key",
        "agent_token_keys",
    }


def test_every_shell_line_is_one_that_can_be_typed() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lines = "".join(block.text for block in blocks("sh")).splitlines()
    commands = [line for line in lines if line and not re.match(r"#|[A-Z_]+=", line)]

    assert commands[:2] == ["make run", "make test"]
    for line in commands:
        program, *rest = line.split()
        assert program in ("make", "docker", ".venv/bin/python"), line
        if program == "make":
            assert re.search(rf"^{rest[0]}:", makefile, re.M), line
        if "manage.py" in rest:
            command = rest[rest.index("manage.py") + 1]
            assert f'"{command}": ' in (ROOT / "manage.py").read_text("utf-8")


def test_every_file_that_is_named_exists() -> None:
    made = {"config/.env", "var/bot.log", "var/app.db", *modules()}
    named = set(re.findall(r"`((?:[\w.]+/)+[\w.]*\.\w+)`", README))

    assert {name for name in named - made if not (ROOT / name).exists()} == set()
