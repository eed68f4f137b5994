"""`manage.py agents test`: one exchange, as the agent answers and remembers, without Discord."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import ROOT
from tests.support import warm
from tests.support.model_server import ModelServer

TIMEOUT = 120  # seconds


class Agents:
    """`manage.py agents`, on a folder of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._environment = os.environ | {"DATA_DIR": str(folder)} | settings

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = ["manage.py", "agents", *arguments]
        return warm.run(command, cwd=ROOT, env=self._environment, timeout=TIMEOUT)

    def say(self, text: str) -> str:
        done = self("test", "writer", text)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.mark.slow
def test_one_exchange_at_a_time_is_remembered(tmp_path: Path, model_server: ModelServer) -> None:
    agents = Agents(tmp_path, OPENAI_API_KEY="a-key", OPENAI_BASE_URL=model_server.base_url)
    model = ("--set", "settings.model=m", "--disabled")
    agents("add", "writer", "--type", "llm", "--token", "env:NOT_SET", *model)
    model_server.replies("Hello, Ada!", "Ada, I think.")
    assert agents.say("I am Ada.") == "Hello, Ada!"
    assert agents.say("Who am I?") == "Ada, I think."
    assert "I am Ada." in str(model_server.requests[-1].messages)
    assert "I am Ada." not in (tmp_path / "bot.log").read_text("utf-8")


@pytest.mark.slow
def test_what_can_not_be_is_said_in_a_line(tmp_path: Path) -> None:
    agents = Agents(tmp_path)
    agents("add", "parrot", "--type", "echo", "--token", "env:NOT_SET")
    missing = agents("test", "nobody", "hello")
    assert (missing.returncode, missing.stderr) == (2, "There is no agent called nobody.\n")
    with closing(sqlite3.connect(tmp_path / "app.db")) as database, database:
        database.execute("""UPDATE agents SET settings = '{"prefix": 5}'""")
    broken = agents("test", "parrot", "hello")
    assert broken.returncode == 2
    assert broken.stderr.startswith("parrot: prefix: ")
    assert len(broken.stderr.splitlines()) == 1
