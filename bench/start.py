"""What a person waits for: from `git clone` to the first reply, one order, and `--help`.

The clone is installed with empty caches, so that its time depends on the network too.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from config.settings import ROOT

ORDER = "list my tasks"
NETWORK = ("PIP_", "UV_", "SSL_", "REQUESTS_CA", "CURL_CA", "http_proxy", "https_proxy")
CONVERSATION = f"register\nada\ncorrect horse battery staple\n{ORDER}\n"
STARTS = 3  # a result is the best of so many


def main() -> None:
    """Print the three times in seconds."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(NETWORK)}
    with TemporaryDirectory() as folder:
        home, clone = Path(folder, "home"), Path(folder, "clone")
        home.mkdir()
        environment = {**kept, "PATH": os.environ["PATH"], "HOME": str(home), "API_PORT": "0"}

        def seconds(*command: str, text: str = "", cwd: Path = clone) -> float:
            started = perf_counter()
            done = subprocess.run(
                command, cwd=cwd, env=environment, input=text, capture_output=True, text=True
            )
            if done.returncode:
                sys.exit(f"{' '.join(command)}: {done.stderr}")
            return perf_counter() - started

        first = seconds("git", "clone", "--quiet", str(ROOT), str(clone), cwd=ROOT)
        first += seconds("make", "run", text=CONVERSATION)
        order = ("make", "run", f"CHAT={ORDER}")
        help_ = (".venv/bin/python", "manage.py", "--help")
        print(f"{'clone to first reply, empty caches':<40}{first:>9.2f} s")
        for title, command in ((f'make run CHAT="{ORDER}"', order), ("manage.py --help", help_)):
            print(f"{title:<40}{min(seconds(*command) for _ in range(STARTS)):>9.2f} s")
