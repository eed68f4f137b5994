"""A Redis server of our own on 127.0.0.1, for as long as a block lasts; Debian's redis-server."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import free_port

PROGRAM = shutil.which("redis-server")
START_TIMEOUT = 20  # seconds
STOP_TIMEOUT = 10  # seconds


class RedisServer:
    """A server that can be stopped and started again at the same address, empty each time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What RATE_LIMIT_STORAGE_URL is set to."""
        return f"redis://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert PROGRAM is not None
        nothing_kept = ("--save", "", "--appendonly", "no")
        address = ("--bind", "127.0.0.1", "--port", str(self._port))
        log = self._folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [PROGRAM, *address, *nothing_kept, "--dir", str(self._folder)],
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            assert self._process.poll() is None, f"Redis ended:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"Redis did not start:\n{log.read_text()}"
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it; stopping one that does not run is no error."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOP_TIMEOUT)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as line:
                line.sendall(b"PING\r\n")
                return line.recv(16) == b"+PONG\r\n"
        except OSError:
            return False


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Make and start a server; stop and delete it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RedisServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
