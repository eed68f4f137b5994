"""The README's code blocks, run as a reader would run them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from config.settings import ROOT, Settings, load_settings
from tests.support.project import cloned, published, ran, ran_line

README = (ROOT / "README.md").read_text("utf-8")
PROMPT = "you> "
HIDDEN, PASSWORD = "********", "correct horse battery staple"
NO_COMMAND = re.compile(r"#|[A-Z_]+=")  # a comment, or a setting
DOMAINS = re.compile(r"(?<=I can help you with ).*?(?=Help)", re.DOTALL)
HOUR = re.compile(r"\b\d{1,2}:\d{2}\b|\bin \d+ seconds?\b")


class Block(NamedTuple):
    """A fenced block, with the paragraph that stands before it."""

    language: str
    text: str
    before: str


def blocks(*languages: str) -> list[Block]:
    found = []
    for match in re.finditer(r"^( *)```(\w+)\n(.*?)^\1```$", README, re.MULTILINE | re.DOTALL):
        text = "\n".join(line.removeprefix(match[1]) for line in match[3].splitlines())
        before = README[: match.start()].rstrip().rpartition("\n\n")[2]
        found.append(Block(match[2], text + "\n", before))
    return [block for block in found if block.language in languages]


def typed(block: Block) -> list[str]:
    """The lines of a shell block that are commands."""
    return [line for line in block.text.splitlines() if line and not NO_COMMAND.match(line)]


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
    """The lines, without what depends on the hour and on the domains that there are."""
    return DOMAINS.sub("<domains>", HOUR.sub("<time>", text.strip())).splitlines()


def conversation(printed: str) -> str:
    """What was printed, from the first prompt on."""
    return printed[printed.index(PROMPT) :]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the project as somebody gets it."""
    folder = tmp_path_factory.mktemp("readme")
    return cloned(published(folder / "origin"), folder / "clone")


@pytest.mark.slow
def test_who_follows_the_readme_meets_no_other_word_than_it_prints(clone: Path) -> None:
    runs = sum(typed(block).count("make run") for block in blocks("sh"))
    log_in = f"{PROMPT}register\n{PROMPT}ada\n{PROMPT}{HIDDEN}\n"  # where none is shown
    shown = iter([*[log_in] * (runs - len(transcripts())), *transcripts()])
    done = []
    for block in blocks("python", "sh"):
        if block.language == "python":
            (path,) = re.findall(r"`([\w/]+\.py)`", block.before)
            assert not (clone / path).exists(), f"{path} is taken; the README needs a free name"
            (clone / path).write_text(block.text, "utf-8")
            continue
        for line in typed(block):
            if line.startswith("docker") or line == "make test":  # what runs this, and Docker's own
                continue
            transcript = next(shown) if line == "make run" else ""
            printed = ran_line(clone, line, text=said(transcript))
            if transcript not in ("", log_in):
                assert timeless(conversation(printed)) == timeless(transcript)
            done.append(line)

    assert done == [
        "make run",
        '.venv/bin/python manage.py db revision "Add runs"',
        "make format",
        "make run",
        "make secrets",
    ]
    assert list(shown) == []
    assert "JWT_SECRET=" in (clone / "config" / ".env").read_text("utf-8")
    assert "CREATE TABLE runs" in (clone / "config" / "schema.sql").read_text("utf-8")
    printed = ran(clone, "make", "check")
    assert "All checks passed!" in printed


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
    commands = [line for block in blocks("sh") for line in typed(block)]

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
