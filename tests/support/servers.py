"""What the tests' own database servers have in common: a folder, a port, a start and an end."""

import os
import pwd
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

UNPRIVILEGED = "nobody"  # database servers refuse to run as root
PATIENCE = 60  # seconds, for a start and for a stop


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess(ABC):
    """A server that can be stopped and started again with the same data at the same address."""

    stop_signal: ClassVar = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.port = free_port()
        self.ownership: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam(UNPRIVILEGED)
            os.chown(folder, user.pw_uid, user.pw_gid)
            self.ownership = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """Return what starts it."""

    @abstractmethod
    def answers(self) -> bool:
        """Say whether it takes connections."""

    @classmethod
    @contextmanager
    def running(cls, *arguments: Any) -> Iterator[Self]:  # noqa: ANN401 - a subclass' own
        """Make and start a server in a new folder; stop and delete it at the end."""
        with TemporaryDirectory(prefix="server-", ignore_cleanup_errors=True) as folder:
            server = cls(Path(folder), *arguments)
            try:
                server.start()
                yield server
            finally:
                server.stop()

    def prepare(self, *command: str | Path) -> None:
        """Run a program of the server's to its end, as its user."""
        with self.log.open("ab") as output:
            done = subprocess.run(command, check=False, **self._streams(output))
        assert done.returncode == 0, f"{command[0]} failed:\n{self.log.read_text()}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(self.command(), **self._streams(output))
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            running = self._process.poll() is None and time.monotonic() < deadline
            assert running, f"{type(self).__name__} did not start:\n{self.log.read_text()}"
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it; stopping one that does not run is no error."""
        if self._process is not None:
            self._process.send_signal(self.stop_signal)
            self._process.wait(PATIENCE)
            self._process = None

    def _streams(self, output: object) -> dict[str, Any]:
        return {"stdout": output, "stderr": output, "cwd": self.folder, **self.ownership}
