"""What `manage.py doctor` asks, on loopback: Discord, ntfy and a model; and the command itself."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request

from config.settings import ROOT
from tests.support import warm
from tests.support.api import running
from tests.support.model_server import model_server
from tests.support.speech_server import speech_server

__all__ = ["model_server", "speech_server"]

TOKEN = "a-token.of-the.bot"
NTFY_TOKEN = "tk_of_the_ntfy_server"
KEY = "sk-the-key-of-the-model"
READS_MESSAGES = 1 << 19
Run = Callable[..., "subprocess.CompletedProcess[str]"]


class Outside:
    """Discord's REST interface and an ntfy server in one."""

    def __init__(self) -> None:
        self.flags = READS_MESSAGES
        self.healthy = True
        self.date: str | None = None
        self.app = Flask("outside")
        self.app.add_url_rule("/users/@me", view_func=self.me)
        self.app.add_url_rule("/oauth2/applications/@me", view_func=self.application)
        self.app.add_url_rule("/v1/health", view_func=self.health)
        self.app.add_url_rule("/v1/account", view_func=self.account)
        self.app.add_url_rule("/models", view_func=self.models)
        self.app.add_url_rule("/v1/models", view_func=self.models)
        self.app.after_request(self.tell_the_time)

    def tell_the_time(self, response: Response) -> Response:
        if self.date:
            response.headers["Date"] = self.date
        return response

    def me(self) -> Any:  # noqa: ANN401
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return {"message": "401: Unauthorized", "code": 0}, 401
        return {"id": "1", "username": "jeeves", "bot": True}

    def application(self) -> dict[str, Any]:
        return {"id": "77", "name": "jeeves", "flags": self.flags}

    def account(self) -> Any:  # noqa: ANN401
        known = request.headers.get("Authorization") == f"Bearer {NTFY_TOKEN}"
        return {"username": "bot"} if known else ({"code": 40101}, 401)

    def models(self) -> Any:  # noqa: ANN401
        given = {request.headers.get("Authorization"), request.headers.get("x-api-key")}
        return {"data": []} if given & {KEY, f"Bearer {KEY}"} else ({"error": "key"}, 401)

    def health(self) -> dict[str, bool]:
        return {"healthy": self.healthy}


@contextmanager
def outside_server() -> Iterator[tuple[Outside, str]]:
    outside = Outside()
    with running(outside.app) as url:
        yield outside, url


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
