"""Write requirements.txt and requirements-dev.txt: the exact versions of what the .in files name.

Each is installed into an empty virtual environment, and what pip then lists is written down.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Needed by discord.py where the standard library no longer has audioop.
MARKED = ('audioop-lts==0.2.2; python_version >= "3.13"',)
HEAD = "# Exact versions, so that every machine runs the same program. `make pins` makes this file\n# from {}.\n"


def installed(python: Path, *arguments: str) -> set[str]:
    """Install with pip and return every `name==version` that is there afterwards."""
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", *arguments], check=True)
    listing = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
    return {line for line in listing.splitlines() if "==" in line}


def write(name: str, pins: set[str], *first: str) -> None:
    """Write one requirements file."""
    rows = sorted(pins, key=str.lower)
    text = HEAD.format(name.replace(".txt", ".in")) + "\n".join([*first, *rows]) + "\n"
    (ROOT / name).write_text(text, "utf-8")


def main() -> None:
    """Make both files."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        run = installed(python, "-r", str(ROOT / "requirements.in"))
        write("requirements.txt", run | set(MARKED))
        development = installed(python, "-r", str(ROOT / "requirements-dev.in"))
        write("requirements-dev.txt", development - run, "-r requirements.txt")


if __name__ == "__main__":
    main()
