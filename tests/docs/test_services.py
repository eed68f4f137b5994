"""The programs that Compose starts, run from the files that the image holds, without an engine."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import yaml
from sqlalchemy import URL

from config.settings import ROOT

SECRETS = {
    "DB_PASS": "p" * 40,
    "JWT_SECRET": "j" * 40,
    "SERVICE_KEY": "s" * 40,
    "AGENT_TOKEN_KEYS": "A" * 43 + "=",
}
services = yaml.safe_load((ROOT / "config" / "services.yml").read_text("utf-8"))["services"]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """What .dockerignore lets into the image."""
    folder = tmp_path / "app"
    rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    unwanted = shutil.ignore_patterns(".env", "__pycache__")
    for name in (rule[1:] for rule in rules if rule.startswith("!")):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def environment(postgres_url: URL) -> Iterator[dict[str, str]]:
    """Compose's environment, with the addresses of this machine and an empty database."""
    dsn = postgres_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    with closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE composed")
        yield {
            **services["app"]["environment"],
            **SECRETS,
            "PATH": os.environ["PATH"],
            "API_URL": f"http://127.0.0.1:{port}",
            "API_HOST": "127.0.0.1",
            "API_PORT": port,
            "DB_HOST": str(postgres_url.host),
            "DB_PORT": str(postgres_url.port),
            "DB_NAME": "composed",
        }
        connection.cursor().execute("DROP DATABASE composed WITH (FORCE)")


def start(name: str, image: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    _, *arguments = services[name]["command"]
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=image,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def stop(process: subprocess.Popen[str], name: str) -> str:
    """Stop a program as Docker does; return what it wrote."""
    process.send_signal(signal.SIGTERM)
    grace = float(services[name]["stop_grace_period"].removesuffix("s"))
    output, _ = process.communicate(timeout=grace)
    assert process.returncode == 0, output
    return output


def healthy(environment: dict[str, str]) -> bool:
    """Run the API's health check."""
    *_, code = services["app"]["healthcheck"]["test"]
    port = services["app"]["environment"]["API_PORT"]
    code = code.replace(f":{port}/", f":{environment['API_PORT']}/")
    return not subprocess.run([sys.executable, "-c", code], capture_output=True).returncode


@pytest.mark.slow
def test_api_and_scheduler_become_healthy_and_stop_in_time(
    image: Path, environment: dict[str, str]
) -> None:
    assert not healthy(environment)
    app = start("app", image, environment)
    try:
        deadline = time.monotonic() + 60
        while not healthy(environment):
            assert app.poll() is None, app.communicate()[0]
            assert time.monotonic() < deadline, "the API did not become healthy"
            time.sleep(0.2)
        scheduler = start("scheduler", image, environment)
        try:
            assert scheduler.stdout is not None
            line = scheduler.stdout.readline()
            assert "the scheduler runs" in line, line
            stop(scheduler, "scheduler")
        finally:
            scheduler.kill()
            scheduler.communicate()
        output = stop(app, "app")
    finally:
        app.kill()
        app.communicate()
    assert not any(secret in output for secret in SECRETS.values())
    assert not (image / "var").exists(), "nothing is kept in the container"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["app", "scheduler", "bot"])
def test_a_missing_secret_is_told(name: str, image: Path, environment: dict[str, str]) -> None:
    del environment["JWT_SECRET"]

    output, _ = (process := start(name, image, environment)).communicate(timeout=60)

    assert process.returncode == 2
    assert "JWT_SECRET is missing" in output
    assert "make secrets" in output


@pytest.mark.slow
def test_a_missing_token_is_told(image: Path, environment: dict[str, str]) -> None:
    output, _ = (process := start("bot", image, environment)).communicate(timeout=60)

    assert process.returncode == 2
    assert "DISCORD_BOT_TOKEN" in output


@pytest.mark.slow
def test_the_image_makes_secrets(image: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "secrets"],
        cwd=image,
        env={"PATH": environment["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )

    assert [line.partition("=")[0] for line in done.stdout.splitlines()] == list(SECRETS)
