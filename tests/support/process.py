"""The program's own processes, run as their users run them."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import ROOT
from tests.support import warm


class Service:
    """A running `python -m <module>` with its log."""

    def __init__(self, process: warm.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8")

    def wait_for_line(self, words: str, timeout: float = 20) -> None:
        """Return when the log has these words; fail where they do not come."""
        deadline = time.monotonic() + timeout
        while words not in self.log:
            assert self._process.poll() is None, f"it ended:\n{self.log}"
            assert time.monotonic() < deadline, f"{words!r} is not in the log:\n{self.log}"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(10)

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to stop."""
        self._process.send_signal(number)

    def exit_code(self, timeout: float = 20) -> int:
        """Return how it ended."""
        return self._process.wait(timeout)


@contextmanager
def service(module: str, log: Path, **settings: str) -> Iterator[Service]:
    """Run a module with these settings; it is dead at the end."""
    with program(["-m", module], log, **settings) as started:
        yield started


@contextmanager
def program(arguments: list[str], log: Path, **settings: str) -> Iterator[Service]:
    """Run Python with these arguments and settings; it is dead at the end."""
    with log.open("ab") as output, Path(os.devnull).open() as nothing:
        process = warm.start(
            arguments,
            cwd=ROOT,
            env=os.environ | settings,
            stdin=nothing.fileno(),
            stdout=output.fileno(),
            stderr=output.fileno(),
        )
    try:
        yield Service(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
