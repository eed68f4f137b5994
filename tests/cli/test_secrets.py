"""`manage.py secrets`: config/.env as it is made, kept, and handed to Kubernetes."""

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kubernetes_validate
import pytest

from config.settings import ROOT, load_settings
from tests.cli.conftest import Run

NAMES = ["DB_PASS", "JWT_SECRET", "SERVICE_KEY", "AGENT_TOKEN_KEYS"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def names(text: str) -> list[str]:
    return [line.partition("=")[0] for line in text.splitlines()]


def test_a_new_file_is_for_its_owner_alone_and_good_for_production(
    manage: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = manage("secrets", ENV_FILE=str(file))

    assert (done.returncode, done.stderr) == (0, "")
    assert file.stat().st_mode & 0o777 == 0o600
    assert names(file.read_text()) == NAMES
    values = [line.partition("=")[2] for line in file.read_text().splitlines()]
    assert not any(value in done.stdout for value in values)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("APP_ENV", "production")
    assert load_settings(file).jwt_secret.get_secret_value() in values


def test_a_file_that_exists_is_never_changed(manage: Run, file: Path) -> None:
    file.write_text("DISCORD_BOT_TOKEN=token\nJWT_SECRET=mine\nDB_PASS=\n")

    done = manage("secrets", ENV_FILE=str(file))

    assert file.read_text() == "DISCORD_BOT_TOKEN=token\nJWT_SECRET=mine\nDB_PASS=\n"
    assert names(done.stdout) == NAMES, "ready to be appended"
    assert "Add DB_PASS, SERVICE_KEY, AGENT_TOKEN_KEYS to it." in done.stderr


def test_of_several_that_start_together_one_writes(manage: Run, file: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(manage, "secrets", ENV_FILE=str(file)) for _ in range(4)]
        done = [run.result() for run in runs]

    assert sum("Wrote new secrets" in one.stdout for one in done) == 1
    assert names(file.read_text()) == NAMES


def test_where_it_cant_write_it_prints(manage: Run, tmp_path: Path) -> None:
    done = manage("secrets", ENV_FILE=str(tmp_path / "absent" / ".env"))

    assert (done.returncode, names(done.stdout)) == (0, NAMES)
    assert "can't be written (No such file or directory)" in done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_secrets_is_the_same(tmp_path: Path, file: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ENV_FILE": str(file)}
    made = ["make", "--old-file=.venv/.installed", "secrets"]
    subprocess.run(made, cwd=ROOT, env=environment, check=True, capture_output=True)

    assert names(file.read_text()) == NAMES


def test_kubernetes_gets_the_secrets_alone_without_quotes_and_comments(
    manage: Run, file: Path
) -> None:
    file.write_text(
        "# a comment\n"
        'DB_PASS="a pass # word"  # the password\n'
        "export JWT_SECRET='single'\n"
        "SERVICE_KEY=plain # said aside\n"
        "TOKEN_OF_AN_AGENT=abc\n"
        "API_PORT=8080\nAPP_ENV=development\nDATABASE_URL=sqlite:///x.db\nMETRICS_TOKEN=\n"
    )

    done = manage("secrets", "--kubernetes", ENV_FILE=str(file))

    secret = json.loads(done.stdout)
    kubernetes_validate.validate(secret, kubernetes_validate.latest_version(), strict=True)
    assert secret["stringData"] == {
        "DATABASE_URL": "sqlite:///x.db",  # the ConfigMap empties it, unless you take that line out
        "DB_PASS": "a pass # word",
        "JWT_SECRET": "single",
        "SERVICE_KEY": "plain",
        "TOKEN_OF_AN_AGENT": "abc",
    }


def test_without_secrets_kubernetes_gets_none(manage: Run, file: Path) -> None:
    done = manage("secrets", "--kubernetes", ENV_FILE=str(file))

    assert (done.returncode, done.stdout) == (2, "")
    assert "make secrets" in done.stderr
