"""A receiver for many messages: as light as can be, in a process of its own, and it counts.

`python -m tests.support.counting_sink FILE` prints its port and appends a line for each message
that it has answered with 200: the time of arrival, and the text.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # imported from the settings, it costs half a second
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class _Connection(asyncio.Protocol):
    def __init__(self, log: list[str]) -> None:
        self._log = log
        self._said = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._said += data
        while True:
            head, found, rest = self._said.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if not found or len(rest) < length:
                return
            self._said = rest[length:]
            self._log.append(f"{time.time():.6f} {rest[:length].decode()}\n")
            self._transport.write(OK)


async def _serve(path: Path) -> None:
    log: list[str] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(log), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    with path.open("a") as file:
        while True:
            await asyncio.sleep(0.05)
            file.writelines(log)
            file.flush()
            log.clear()


class CountingSink:
    """A running sink: where it listens, and what has arrived."""

    def __init__(self, url: str, path: Path, pid: int) -> None:
        self.url = url
        self.pid = pid
        self._path = path

    def arrived(self) -> list[tuple[float, str]]:
        """Return when each message arrived, and its text; a tenth of a second behind."""
        lines = (line.split(" ", 1) for line in self._path.read_text().splitlines())
        return [(float(moment), text) for moment, text in lines]


@contextmanager
def counting_sink(path: Path) -> Iterator[CountingSink]:
    """Run a sink that writes to a file for as long as the context is open."""
    path.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.counting_sink", str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield CountingSink(f"http://127.0.0.1:{int(process.stdout.readline())}", path, process.pid)
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
