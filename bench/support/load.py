"""A load generator: one process, raw keep-alive connections, as light as Python can make it."""

import selectors
import socket
import time
from collections import Counter, deque
from dataclasses import dataclass
from math import inf
from statistics import quantiles

CROWDED = 503


@dataclass(frozen=True)
class Measured:
    """What came of a load: answers a second, and how long one took, in milliseconds."""

    rate: float
    p50: float
    p99: float
    by_status: dict[int, int]
    answers: int  # with those before and after the time that was measured
    cpu: float  # seconds that the load's own process computed for all of them


def load(
    port: int,
    request: bytes,
    clients: int,
    seconds: float,
    expected: tuple[int, ...] = (200,),
    patience: float = 0,
) -> Measured:
    """Send a request again and again over each connection; to be run in a process of its own.

    patience: seconds that a client waits after a 503 before it tries again.
    """
    began = time.process_time()
    _, warm = _run(port, request, clients, seconds / 4, patience)
    answers, counted = _run(port, request, clients, seconds, patience)
    by_status = Counter(status for _, status in answers)
    assert by_status.keys() <= set(expected), by_status
    times = [took for took, _ in answers]
    cuts = quantiles(times, n=100) if len(times) > 1 else [inf] * 99
    p50, p99 = cuts[49] * 1000, cuts[98] * 1000
    cpu = time.process_time() - began
    return Measured(len(answers) / seconds, p50, p99, dict(by_status), warm + counted, cpu)


def _run(
    port: int, request: bytes, clients: int, seconds: float, patience: float
) -> tuple[list[tuple[float, int]], int]:
    """Return the answers in time, with how long each took and its status, and how many in all."""
    late = 0
    answers: list[tuple[float, int]] = []
    pausing: deque[tuple[float, _Line]] = deque()
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            selector.register(_Line(port, request), selectors.EVENT_READ)
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            while pausing and pausing[0][0] <= now:
                pausing.popleft()[1].send()
            until = min(end, pausing[0][0]) if pausing else end
            for key, _ in selector.select(until - now):
                line = key.fileobj
                assert isinstance(line, _Line)
                if line.complete():
                    answers.append((time.perf_counter() - line.sent, line.status))
                    if line.status == CROWDED and patience:
                        pausing.append((time.perf_counter() + patience, line))
                    elif not line.closed:
                        line.send()
                if line.closed:
                    selector.unregister(line)
                    line.close()
                    selector.register(_Line(port, request), selectors.EVENT_READ)
        for _, line in pausing:
            selector.unregister(line)
            line.close()
        while selector.get_map():  # whoever is measured next finds no work of this one's left over
            for key, _ in selector.select():
                line = key.fileobj
                assert isinstance(line, _Line)
                if line.complete() or line.closed:
                    late += 1
                    selector.unregister(line)
                    line.close()
    return answers, len(answers) + late


class _Line:
    """One connection, with one request under way."""

    def __init__(self, port: int, request: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self.closed = False
        self.status = 0
        self.send()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self) -> None:
        self._said = b""
        self.sent = time.perf_counter()
        self._socket.sendall(self._request)

    def complete(self) -> bool:
        """Read what is there, and tell whether the answer is whole."""
        chunk = self._socket.recv(65536)
        self._said += chunk
        head, found, body = self._said.partition(b"\r\n\r\n")
        self.closed = not chunk or b"\r\nConnection: close" in head
        if not found:
            return False
        self.status = int(head.split(b" ", 2)[1])
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        return len(body) >= length

    def close(self) -> None:
        self._socket.close()
