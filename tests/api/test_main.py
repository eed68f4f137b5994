"""`python -m api.main` as a process: it starts, serves, stops, and says why it can't."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx2
import psycopg2
import pytest
from sqlalchemy import make_url

from config.settings import ROOT
from core import migrations
from core.db.engine import Database
from tests.support.api import HOST
from tests.support.postgres import postgres_server
from tests.support.servers import free_port

SECRET = "a-long-and-random-looking-value-0123456789"


def start(tmp_path: Path, module: str = "api.main", **env: str) -> "subprocess.Popen[str]":
    kept = {name: os.environ[name] for name in ("PATH", "ENV_FILE")}
    clean = kept | {"DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=tmp_path,
        env=clean | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ask(port: int, path: str, status: int = 200, patience: float = 20) -> httpx2.Response:
    """Ask until this status comes."""
    deadline = time.monotonic() + patience
    while True:
        try:
            answer = httpx2.get(f"http://{HOST}:{port}{path}")
            if answer.status_code == status or time.monotonic() > deadline:
                return answer
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
            assert ask(port, "/ready").json() == {"status": "ok"}
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


@pytest.mark.slow
def test_probes_are_answered_while_the_database_is_migrated(tmp_path: Path) -> None:
    with (
        postgres_server() as url,
        closing(psycopg2.connect(url.replace("+psycopg2", ""))) as other,
        start(tmp_path, API_PORT=str(port := free_port()), DATABASE_URL=url) as process,
    ):
        try:
            with other.cursor() as cursor:  # as another process would that migrates
                cursor.execute("SELECT pg_advisory_lock(%s)", [migrations.POSTGRES_LOCK])
            assert ask(port, "/health").status_code == 200
            assert ask(port, "/ready", 503).status_code == 503
            refused = ask(port, "/api/notifications", 503)
            assert "starting" in refused.json()["error"]
            assert int(refused.headers["Retry-After"]) > 0
            other.rollback()
            other.close()
            assert ask(port, "/ready").status_code == 200
            assert ask(port, "/api/notifications", 401).status_code == 401
        finally:
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert "applied migration 0001: The first tables" in said


NEWER = "UPDATE alembic_version SET version_num = '9999', oldest_compatible = '9999'"


@pytest.mark.slow
@pytest.mark.parametrize("module", ["api.main", "scheduler.daemon"])
def test_a_database_of_a_newer_program_is_told_in_one_line(tmp_path: Path, module: str) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    with closing(Database(url)) as database:
        migrations.upgrade(database)
        database.run(lambda cursor: cursor.execute(NEWER))
    with start(tmp_path, module, API_PORT=str(free_port()), DATABASE_URL=url) as process:
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "at migration 9999, newer than this program" in said.splitlines()[-1]
    assert [line for line in said.splitlines() if " INFO " not in line] == said.splitlines()[-1:]


@pytest.mark.slow
@pytest.mark.parametrize("module", ["api.main", "scheduler.daemon"])
def test_a_wrong_password_of_the_database_is_told_at_once(tmp_path: Path, module: str) -> None:
    with postgres_server("right") as url:
        wrong = make_url(url).set(password="hunter2")
        started = time.monotonic()
        with start(
            tmp_path,
            module,
            API_PORT=str(free_port()),
            DATABASE_URL=wrong.render_as_string(hide_password=False),
        ) as process:
            assert process.stdout is not None
            line = next(line for line in process.stdout if "WARNING" in line)
            assert time.monotonic() - started < 20
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=20)
    assert 'password authentication failed for user "app"' in line
    assert "hunter2" not in line + rest
