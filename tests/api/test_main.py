"""`python -m api.main` as a process: it starts, serves, stops, and says why it can't."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from config.settings import ROOT
from tests.support.api_server import HOST
from tests.support.servers import free_port

SECRET = "a-long-and-random-looking-value-0123456789"


def start(tmp_path: Path, **env: str) -> "subprocess.Popen[str]":
    kept = {name: os.environ[name] for name in ("PATH", "ENV_FILE")}
    clean = kept | {"DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "api.main"],
        cwd=tmp_path,
        env=clean | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def health(port: int, patience: float = 20) -> httpx2.Response:
    deadline = time.monotonic() + patience
    while True:
        try:
            return httpx2.get(f"http://{HOST}:{port}/health")
        except httpx2.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, end: signal.Signals) -> None:
    port = free_port()
    with start(tmp_path, API_PORT=str(port), DATABASE_URL=f"sqlite:///{tmp_path}/a.db") as process:
        try:
            assert health(port).json() == {"status": "ok"}
            url = f"http://{HOST}:{port}/api/register"
            body = {"username": "ada", "password": "correct horse battery staple"}
            assert httpx2.post(url, json=body).status_code == 201
        finally:
            process.send_signal(end)
            said, _ = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert "listening" in said
    assert "battery" not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env", "reason"),
    [
        ({"APP_ENV": "production"}, "JWT_SECRET is missing"),
        ({"APP_ENV": "production", "JWT_SECRET": "changeme", "SERVICE_KEY": SECRET}, "JWT_SECRET"),
        ({"API_PORT": "eighty"}, "API_PORT"),
    ],
)
def test_settings_that_can_not_be_used(tmp_path: Path, env: dict[str, str], reason: str) -> None:
    with start(tmp_path, **env) as process:
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    assert reason in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as line:
        line.bind((HOST, 0))
        line.listen()
        with start(tmp_path, API_PORT=str(line.getsockname()[1])) as process:
            said, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "can't be used" in said
    assert "Traceback" not in said
