"""`manage.py`, run with settings of its own."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.settings import ROOT
from tests.support import warm
from tests.support.model_server import model_server
from tests.support.speech_server import speech_server

__all__ = ["model_server", "speech_server"]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def nobodys_port() -> Iterator[int]:
    """A port where nobody listens, and nobody else can meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def manage(tmp_path: Path, nobodys_port: int) -> Run:
    """Run manage.py with these settings alone; its data are below the test's folder."""

    def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "ENV_FILE": os.devnull,
            "DATA_DIR": str(tmp_path / "var"),
            "API_PORT": str(nobodys_port),
            **settings,
        }
        return warm.run(["manage.py", *arguments], cwd=ROOT, env=environment, timeout=120)

    return run
