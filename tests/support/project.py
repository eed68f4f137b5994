"""Copies and clones of the project, for tests that change its files as a user would."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from config.settings import ROOT
from tests.support import warm

if sys.platform != "win32":
    import fcntl

PYTHON = ".venv/bin/python"  # of a clone
LEFT_OUT = (".[!e]*", "var", "bench", ".env", "*.pyc.*")  # the last are about to be bytecode
TYPES = ".mypy_cache"
SOMEBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
}


def copied(folder: Path, *, with_tests: bool = False) -> Path:
    """Copy the program, with its bytecode, without what it has made, into a new folder."""
    left_out = shutil.ignore_patterns(*LEFT_OUT, *([] if with_tests else ["tests"]))
    return Path(shutil.copytree(ROOT, folder, ignore=left_out))


def copy_types(folder: Path) -> None:
    """Give a copy or clone what mypy knows of the files, which it takes 25 s to find out.

    Where `make check` has not run here, it does so once, for all tests and for the next check.
    """
    with open(ROOT / "pyproject.toml", "rb") as lock:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not (ROOT / TYPES).exists():
            subprocess.run(
                [sys.executable, "-m", "mypy"], cwd=ROOT, stdout=subprocess.DEVNULL, check=False
            )
    shutil.copytree(ROOT / TYPES, folder / TYPES)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of somebody whose home is this folder, and who has set nothing."""
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    return {**own, "API_PORT": "0", "PASSWORD_HASH_ROUNDS": "4", **more}


def ran(folder: Path, *command: str, text: str = "", code: int | None = 0) -> str:
    """Run a command in a folder, with this input, to its end; return what it printed.

    PYTHON starts at once, as the program does elsewhere in the tests (tests.support.warm).
    """
    program, *arguments = command
    if program == PYTHON:
        forked = warm.run(arguments, cwd=folder, env=environment(folder), text=text, timeout=600)
        printed = forked.stdout + forked.stderr
        assert code in (None, forked.returncode), f"{command}\n{printed}"
        return printed
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder),
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert code in (None, done.returncode), f"{command}\n{done.stdout}"
    return done.stdout


def ran_line(folder: Path, line: str, text: str = "") -> str:
    """Run a line that is typed in a shell, with this input; return what it printed."""
    words = shlex.split(line)
    return ran(folder, *(words if words[0] == PYTHON else ("sh", "-c", line)), text=text)


def git(folder: Path, *arguments: str, code: int | None = 0) -> str:
    """Run git in a folder, with nobody's configuration; return what it printed."""
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return ran(
        folder, "env", *(f"{k}={v}" for k, v in {**SOMEBODY, **alone}.items()), "git", *arguments,
        code=code,
    )  # fmt: skip


def published(folder: Path) -> Path:
    """Commit the project as it is here into a new repository; return it, to be cloned.

    What git ignores is left out, what is new and not committed yet is in.
    """
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    tree = (f"--git-dir={folder}/.git", f"--work-tree={ROOT}")
    git(folder, *tree, "add", "--all")
    git(folder, *tree, "commit", "--quiet", "--message=The template")
    git(folder, "checkout", "--quiet", "--force")
    return folder


def cloned(origin: Path, folder: Path) -> Path:
    """Clone a repository; the packages are those that are installed here."""
    git(origin, "clone", "--quiet", str(origin), str(folder))
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for program in Path(sys.executable).parent.iterdir():
        if not program.name.startswith("python"):
            (programs / program.name).symlink_to(program)
    python = programs / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    for stamp in (".installed", ".installed-dev"):
        (folder / ".venv" / stamp).touch()
    copy_types(folder)
    return folder
