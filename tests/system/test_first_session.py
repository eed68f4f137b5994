"""The program as a newcomer starts it: real processes, a clean environment, piped input."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm

ROOT = Path(__file__).resolve().parents[2]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """A clean environment whose data lives in the folder."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        **kept,
        "HOME": str(folder),
        "ENV_FILE": os.devnull,
        "DATA_DIR": str(folder / "var"),
        "API_PORT": "0",
        "PASSWORD_HASH_ROUNDS": "4",
        **more,
    }


def run(
    folder: Path, *arguments: str, text: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run manage.py to its end."""
    return warm.run(
        ["manage.py", *arguments],
        cwd=ROOT,
        env=environment(folder, **more),
        text=text,
        timeout=120,
    )


def test_one_order_without_a_log_in_says_how_to_log_in(tmp_path: Path) -> None:
    done = run(tmp_path, "up", "--chat", "list my tasks")

    assert done.returncode == 1
    assert "not logged in" in done.stdout


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(tmp_path, "up", API_PORT=str(port))

    assert done.returncode == 2
    assert "API_PORT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("API_PORT", "many"), ("TIME_ZONE", "Mars/Olympus"), ("LOG_FORMAT", "xml")],
)
def test_a_bad_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    done = run(tmp_path, "up", **{name: value})

    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "secret", ["", "changeme", "tiny-one", "your-secret-key-of-enough-characters"]
)
def test_production_refuses_weak_secrets(tmp_path: Path, secret: str) -> None:
    done = run(tmp_path, "up", APP_ENV="production", JWT_SECRET=secret, SERVICE_KEY="k" * 40)

    assert done.returncode == 2
    assert "JWT_SECRET" in done.stderr
    assert "make secrets" in done.stderr
    assert not (tmp_path / "var").exists()
    if secret:
        assert secret not in done.stderr


def test_the_printed_secrets_are_accepted(tmp_path: Path) -> None:
    printed = run(tmp_path, "secrets").stdout
    values = dict(line.split("=", 1) for line in printed.splitlines())

    assert set(values) == {"DB_PASS", "JWT_SECRET", "SERVICE_KEY", "AGENT_TOKEN_KEYS"}
    done = run(
        tmp_path,
        "up",
        "--chat",
        "help",
        APP_ENV="production",
        JWT_SECRET=values["JWT_SECRET"],
        SERVICE_KEY=values["SERVICE_KEY"],
        AGENT_TOKEN_KEYS=values["AGENT_TOKEN_KEYS"],
    )
    assert "refuse" not in done.stderr
    assert done.returncode == 0, done.stderr  # it started: everybody is given help


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, stop: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    process.stdin.write("hello\n")
    process.stdin.flush()
    seen = ""
    while not re.search(r"user name", seen):
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        seen += line
    process.send_signal(stop)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 0, err
    assert "Traceback" not in out + err
