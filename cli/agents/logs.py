"""`manage.py agents logs`: the lines of the log that one agent wrote."""

import json
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator
from os import fstat
from os.path import samestat
from pathlib import Path
from typing import Annotated, TextIO

import typer

from cli.errors import fail
from config.settings import get_settings
from runtime.logs import ROTATED_FILES

PLAIN = re.compile(r"\d{4}-\d\d-\d\dT\S+ +[A-Z]+ +\S+ \[(\S+) \S+\] ")
LOOK_AGAIN = 0.5  # seconds between two looks for new lines


def logs(
    name: Annotated[str, typer.Argument(help="The agent's name.")],
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many, the latest.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones.")] = False,
) -> None:
    """Show what an agent wrote to LOG_FILE, its errors' whereabouts included."""
    file = get_settings().log_file
    if file is None:
        raise fail(
            "LOG_FILE is not set, so the log is where the service's output goes "
            "(`docker compose logs bot`). Set it in config/.env to have a file."
        )
    rotated = [file.with_name(f"{file.name}.{number}") for number in range(ROTATED_FILES, 0, -1)]
    ours = Ours(name)
    latest: deque[str] = deque(maxlen=lines)
    for path in rotated:
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as source:
                latest.extend(ours.of(source))
    if not file.exists() and not (latest or follow):
        raise fail(f"There is no {file} yet: the service has written nothing to it.")
    with _patiently(file, follow) as source:
        latest.extend(ours.of(source))
        for line in latest:
            typer.echo(line, nl=False)
        if follow:
            _follow(file, source, ours)


class Ours:
    """Picks an agent's lines, with those that go on where one ended."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._going_on = False

    def of(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield the agent's lines among these."""
        for line in lines:
            agent = _agent_of(line)
            if agent is not None:
                self._going_on = agent == self._name
            if self._going_on:
                yield line


def _agent_of(line: str) -> str | None:
    """Return which agent a line of the log is of; None where it goes on with the one before."""
    if line.startswith("{"):
        try:
            return str(json.loads(line).get("agent"))
        except ValueError:
            return None
    found = PLAIN.match(line)
    return found[1] if found else None


def _patiently(file: Path, follow: bool) -> TextIO:
    """Open a file, which may not be there yet where it is followed."""
    while follow and not file.exists():
        time.sleep(LOOK_AGAIN)
    return file.open(encoding="utf-8", errors="replace")


def _follow(file: Path, source: TextIO, ours: Ours) -> None:
    """Print new lines until Ctrl-C; where the file was rotated, go on with the new one."""
    try:
        while True:
            for line in ours.of(source):
                typer.echo(line, nl=False)
            time.sleep(LOOK_AGAIN)
            if file.exists() and not samestat(file.stat(), fstat(source.fileno())):
                source.close()
                source = file.open(encoding="utf-8", errors="replace")
    except KeyboardInterrupt:
        raise typer.Exit from None
