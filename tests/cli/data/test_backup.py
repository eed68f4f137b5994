"""`manage.py backup` and `restore`, as they are typed."""

import gzip
import hashlib
import os
import pty
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import ROOT
from tests.cli.conftest import Run


def users(file: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT username FROM users ORDER BY 1").fetchall()


def add(file: Path, name: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO users (username, password_hashed) VALUES (?, ?)", (name, b"x")
        )


def test_a_file_there_and_back(manage: Run, tmp_path: Path) -> None:
    assert manage("db", "upgrade").returncode == 0
    database = tmp_path / "var" / "app.db"
    add(database, "ada")
    kept = tmp_path / "kept.backup"

    done = manage("backup", str(kept))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "1 rows of 1 tables; read back and complete" in done.stderr
    assert hashlib.sha256(kept.read_bytes()).hexdigest() in done.stderr
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600, "password hashes are in it"
    assert list(tmp_path.glob("*.tmp")) == []

    add(database, "grace")
    refused = manage("restore", str(kept))
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert users(database) == [("ada",), ("grace",)]

    assert manage("restore", str(kept), "--force").returncode == 0
    assert users(database) == [("ada",)]


def test_through_a_pipe(manage: Run, tmp_path: Path) -> None:
    assert manage("db", "upgrade").returncode == 0
    add(tmp_path / "var" / "app.db", "ada")
    command = f"{sys.executable} manage.py"

    def environment(folder: str) -> str:
        return f"ENV_FILE=/dev/null DATA_DIR={tmp_path / folder}"

    pipe = f"{environment('var')} {command} backup - | {environment('new')} {command} restore -"
    piped = subprocess.run(
        ["/bin/sh", "-c", pipe], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert piped.returncode == 0, piped.stderr
    assert "read back and complete. SHA-256: " in piped.stderr
    assert users(tmp_path / "new" / "app.db") == [("ada",)]


def test_what_cannot_be_read_is_told(manage: Run, tmp_path: Path) -> None:
    other, cut, foreign = (tmp_path / name for name in ("other", "cut", "foreign"))
    other.write_text("no backup")
    assert manage("db", "upgrade").returncode == 0
    add(tmp_path / "var" / "app.db", "ada")
    assert manage("backup", str(cut)).returncode == 0
    cut.write_bytes(cut.read_bytes()[:-30])
    foreign.write_bytes(gzip.compress(b"[1]\n"))

    for path, words in (
        (other, "it is no gzip"),
        (cut, "it ends too early"),
        (foreign, "it does not begin as one"),
        (tmp_path / "absent", "absent"),
    ):
        done = manage("restore", str(path))
        assert done.returncode == 2, done.stdout
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "Error" not in done.stderr

    done = manage("backup", str(tmp_path / "no" / "such" / "folder"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_terminal_is_no_place_for_a_backup(command: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {"ENV_FILE": os.devnull, "DATA_DIR": str(tmp_path), "PATH": os.environ["PATH"]}
    try:
        done = subprocess.run(
            [sys.executable, "manage.py", command, "-"],
            cwd=ROOT,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    finally:
        os.close(ours)
        os.close(theirs)

    assert done.returncode == 2
    assert b"bot.backup" in done.stderr
