"""What commands that write files of the project have in common."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from config.settings import ROOT


def in_new_process(*arguments: str) -> None:
    """Run a command of manage.py on the files as they are now.

    Raises CalledProcessError, which has what it printed.
    """
    _python("manage.py", *arguments)


def tidy(paths: Sequence[Path]) -> None:
    """Format files, where the tools for development are installed. Raises CalledProcessError."""
    if paths and find_spec("ruff") is not None:
        for command in (("format", "--quiet"), ("check", "--fix", "--quiet")):
            _python("-m", "ruff", *command, *map(str, paths))


def _python(*arguments: str) -> None:
    subprocess.run(  # noqa: S603 - this Python, with arguments of ours
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
