"""The programs that Compose starts, run from the files that the image holds, without an engine."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import httpx2
import psycopg2
import pytest
import yaml
from sqlalchemy import URL

import manage
from config.settings import ROOT
from tests.support import compose, warm
from tests.support.api import is_ready
from tests.support.waiting import wait_until

AGENT_KEY = "A" * 43 + "="
pytestmark = compose.needs_compose
EXPECTED = {"deliveries show": 2}  # there is none of that id
CHANGE_THE_SOURCE = {"generate", "new-domain", "rename", "drop-domain", "db revision", "db merge"}
# These are said elsewhere, or of no use in a container.
DOCUMENTS = {"agents knowledge add", "agents knowledge remove"}
OUTSIDE = {"up", "secrets", "agents logs", *DOCUMENTS, *CHANGE_THE_SOURCE}
services = yaml.safe_load((ROOT / "deploy" / "services.yml").read_text("utf-8"))["services"]


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
def environment(
    postgres_url: URL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Compose's environment, with the addresses of this machine and an empty database."""
    dsn = postgres_url.set(drivername="postgresql").render_as_string(hide_password=False)
    project = compose.checkout(tmp_path_factory.mktemp("project"))
    read = compose.services(project, f"{compose.GOOD}AGENT_TOKEN_KEYS={AGENT_KEY}\n")
    given: dict[str, str] = read["app"]["environment"]
    with socket.create_server(("127.0.0.1", 0)) as probe, socket.create_server(("", 0)) as other:
        port, metrics_port = (str(free.getsockname()[1]) for free in (probe, other))
    with closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE composed")
        yield {
            **given,
            "PATH": os.environ["PATH"],
            "API_URL": f"http://127.0.0.1:{port}",
            "API_HOST": "127.0.0.1",
            "API_PORT": port,
            "METRICS_HOST": "127.0.0.1",
            "METRICS_PORT": "0",
            "FREE_PORT": metrics_port,
            "LOG_FORMAT": "json",
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


def healthy(name: str, port: str) -> bool:
    """Run a service's health check, with the port that it has here."""
    *_, code = services[name]["healthcheck"]["test"]
    code = re.sub(r":\d+/", f":{port}/", code)
    return not subprocess.run([sys.executable, "-c", code], capture_output=True).returncode


@contextmanager
def running_app(image: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run the API until the block ends; it is healthy before."""
    app = start("app", image, environment)
    try:
        deadline = time.monotonic() + 60
        while not healthy("app", environment["API_PORT"]):
            assert app.poll() is None, app.communicate()[0]
            assert time.monotonic() < deadline, "the API did not become healthy"
            time.sleep(0.2)
        yield app
    finally:
        app.kill()
        app.communicate()


def until_healthy(name: str, image: Path, environment: dict[str, str]) -> str:
    """Run a service until its health check passes and it has written a line; then stop it."""
    port = environment["FREE_PORT"]
    process = start(name, image, environment | {"METRICS_PORT": port})
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert healthy(name, port), line
        return line + stop(process, name)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_the_services_become_healthy_and_stop_in_time(
    image: Path, environment: dict[str, str]
) -> None:
    assert not healthy("app", environment["API_PORT"])
    with running_app(image, environment) as app:
        assert "the scheduler runs" in until_healthy("scheduler", image, environment)
        assert "There is no agent to run yet" in until_healthy("bot", image, environment)
        output = stop(app, "app")
    assert not any(secret in output for secret in (*compose.SECRETS.values(), AGENT_KEY))
    assert not (image / "var").exists(), "nothing is kept in the container"


def documented(how: str) -> list[list[str]]:
    """The lines of docs/operation.md that run manage.py in a container, as words of a shell."""
    text = (ROOT / "docs" / "operation.md").read_text("utf-8")
    lines = re.findall(rf"^docker compose {how} app (python manage.py .+)$", text, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def in_the_container(words: list[str], image: Path, environment: dict[str, str]) -> str:
    """Run such a line, its redirection included; return what it wrote to the screen."""
    with ExitStack() as files:
        said, screen, errors = (files.enter_context(TemporaryFile()) for _ in range(3))
        said.write(b"y\n")
        said.seek(0)
        streams = [said, screen, errors]
        if words[-2] in ("<", ">"):
            path = image.parent / words[-1]
            stream = path.open("rb") if words[-2] == "<" else path.open("wb")
            streams["<>".index(words[-2])] = files.enter_context(stream)
            words = words[:-2]
        stdin, stdout, stderr = (stream.fileno() for stream in streams)
        process = warm.start(
            words[1:], cwd=image, env=environment, stdin=stdin, stdout=stdout, stderr=stderr
        )
        code = process.wait(60)
        screen.seek(0)
        errors.seek(0)
        written = (screen.read() + errors.read()).decode()
    assert code == EXPECTED.get(" ".join(words[2:4]), 0), (words, written)
    assert "Traceback" not in written, written
    return written


def commands(group: object, prefix: str = "") -> set[str]:
    """Every command of manage.py that does something by itself."""
    inside = getattr(group, "commands", None)
    if inside is None:
        return {prefix.strip()}
    return set().union(*(commands(one, f"{prefix}{name} ") for name, one in inside.items()))


@pytest.mark.parametrize(
    "words",
    ["generate", "new-domain book", "rename X", "drop-domain task", "db merge", "db revision x"],
)
def test_a_command_that_changes_the_projects_files_is_refused_in_the_image(
    image: Path, words: str
) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *words.split()],
        cwd=image,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "This changes the project's files: run it in a checkout of it.\n"


@pytest.mark.slow
def test_every_documented_command_works_with_what_the_image_has(
    image: Path, environment: dict[str, str]
) -> None:
    lines = [*documented("exec"), *documented("exec -T")]
    restores = documented("run --rm -T")
    shown = {" ".join(line[2:5]) for line in [*lines, *restores]}
    needed = commands(manage.app) - OUTSIDE
    assert {
        name for name in needed if not any(f"{one} ".startswith(f"{name} ") for one in shown)
    } == set()

    agents = "agents: {other: {type: echo, token: 'env:AGENT_TOKEN_OTHER'}}\n"
    (image.parent / "agents.yml").write_text(agents)
    environment |= {"AGENT_TOKEN_HELPER": "a-token", "AGENT_TOKEN_OTHER": "another-token"}
    with running_app(image, environment):
        url = f"{environment['API_URL']}/api/register"
        wait_until(lambda: is_ready(environment["API_URL"]), 60)  # it migrates the new database
        account = {"username": "ada", "password": "correct horse battery staple"}
        assert httpx2.post(url, json=account).status_code == 201
        written = {" ".join(line[2:]): in_the_container(line, image, environment) for line in lines}
    for words, expected in {
        "users promote ada": "ada is an administrator",
        "agents test helper hello": "hello",
        "understand add milk to my tasks": "task",
        "agents apply - < agents.yml": "added other",
        "backup - > bot.backup": "Backed up",
    }.items():
        assert expected in written[words]

    (line,) = restores
    in_the_container([*line[:3], "--force", *line[3:]], image, environment)
    assert "other:" in (image.parent / "agents.yml").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["app", "scheduler", "bot"])
def test_a_missing_secret_is_told(name: str, image: Path, environment: dict[str, str]) -> None:
    del environment["JWT_SECRET"]

    output, _ = (process := start(name, image, environment)).communicate(timeout=60)

    assert process.returncode == 2
    assert "JWT_SECRET is missing" in output
    assert "make secrets" in output


@pytest.mark.slow
def test_the_image_prints_secrets(image: Path, environment: dict[str, str]) -> None:
    """There, config/ can't be written: it belongs to root, and the file system is read-only."""
    done = subprocess.run(
        [sys.executable, "manage.py", "secrets"],
        cwd=image,
        env={"PATH": environment["PATH"], "ENV_FILE": str(image / "not-to-be-written" / ".env")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert [line.partition("=")[0] for line in done.stdout.splitlines()] == [
        *compose.SECRETS,
        "AGENT_TOKEN_KEYS",
    ]
