"""A start imports what it needs and no more: modules are counted, for time is the machine's."""

import inspect
import os
import re
import subprocess
import sys

import pytest

import manage
from cli.lazy import LazyCommand, LazyGroup, load
from config.settings import ROOT
from tests.support import warm

SELDOM = {"alembic", "anthropic", "apprise", "discord", "openai"}  # imported where they are used
NOT_YET = {"aiohttp", "jsonschema", "pymysql"}  # where a message is sent, an agent or MySQL used
ENVIRONMENT = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "PASSWORD_HASH_ROUNDS": "4"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a database that is up to date."""
    folder = str(tmp_path_factory.mktemp("data"))
    done = warm.run(
        ["manage.py", "db", "upgrade"],
        cwd=ROOT,
        env={**ENVIRONMENT, "DATA_DIR": folder},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return folder


def imported(data: str, *words: str) -> set[str]:
    """Every module that a Python with these arguments imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words],
        cwd=ROOT,
        env={**ENVIRONMENT, "DATA_DIR": data},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE))


@pytest.mark.parametrize(
    ("words", "most", "never"),
    [
        (["manage.py", "--help"], 380, {"sqlalchemy", "aiohttp", "flask", "cryptography"}),
        (["manage.py", "agents", "--help"], 450, {"sqlalchemy", "aiohttp", "flask"}),
        (["manage.py", "agents", "list"], 700, {"aiohttp", "flask", "hassil", "rapidfuzz"}),
        (["manage.py", "up", "--chat", "help"], 1400, {"prompt_toolkit", "rich", "pymysql"}),
        (["-c", "import api.main"], 1000, {"hassil", "rapidfuzz", "typer", "bot", "ai", *NOT_YET}),
        (["-c", "import scheduler.daemon"], 650, {"hassil", "flask", "limits", "bot", *NOT_YET}),
        (
            ["-c", "from bot.agent import load_agent_types; load_agent_types()"],
            750,
            {"sqlalchemy", "flask", "httpx2", "mcp", "core"},
        ),
        (["-c", "import bot.bot"], 950, {"sqlalchemy", "flask", "limits", "httpx2", "core"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_start_imports_what_it_needs(
    data: str, words: list[str], most: int, never: set[str]
) -> None:
    modules = imported(data, *words)

    needed = {"discord"} if "import bot.bot" in words else set()
    assert modules & (SELDOM - needed | never) == set()
    assert len(modules) <= most


def commands_of(group: LazyGroup) -> list[LazyCommand]:
    found = []
    for command in group.commands.values():
        found += commands_of(command) if isinstance(command, LazyGroup) else [command]
    return found


@pytest.mark.parametrize("command", commands_of(manage.app), ids=lambda command: command.target)
def test_every_command_can_be_chosen_and_says_what_it_does(command: LazyCommand) -> None:
    command.read_help()

    assert command.help == inspect.getdoc(load(command.target))
