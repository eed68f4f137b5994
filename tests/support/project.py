"""A copy of the project, for tests that change its files as a user would."""

import shutil
from pathlib import Path

from config.settings import ROOT

LEFT_OUT = shutil.ignore_patterns(".[!e]*", "__pycache__", "var", "tests", "bench", ".env")


def copied(folder: Path) -> Path:
    """Copy the program, without its tests and what it has made, into a new folder."""
    return Path(shutil.copytree(ROOT, folder, ignore=LEFT_OUT))
