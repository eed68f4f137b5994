"""Several processes of the API behind one port, as many as WEB_CONCURRENCY says.

The first one binds the port, starts the others, and starts again what ends. Each of them inherits
the listening socket, the file in which they count requests together, and a line to the first: over
it a worker says that it serves, and hears by its end that the first one is gone.
"""

import hashlib
import logging
import mmap
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from prometheus_client import multiprocess

from api.metrics import FOLDER, counted_in
from config.settings import ROOT, Settings
from runtime.clock import growing_pause
from runtime.metrics import metrics_server

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)

INHERITED = "API_WORKER"  # the environment variable with a worker's number and three open files
SERVES = b"s"
CHECK_EVERY = 0.5  # seconds between two looks at the workers
MAX_PAUSE = 30.0  # seconds before one that ends again and again is started once more
END_PATIENCE = 15.0  # seconds that all have together to end; requests under way get 10

SLOT = struct.Struct("=16sId")  # a key's hash, the number, and when it is forgotten
SLOTS = 1 << 17  # 3.6 MB
TRIED = 8  # neighbouring slots, one of which a key takes; in need, that which ends first


class SharedCounters:
    """Numbers that several processes count together, in a file that each of them maps.

    Among more keys than there are slots, those that would be forgotten first make room.
    """

    def __init__(self, file: int) -> None:
        """Count in an open file, which is made long enough."""
        os.ftruncate(file, SLOTS * SLOT.size)
        self._file = file
        self._map = mmap.mmap(file, SLOTS * SLOT.size)
        self._lock = threading.Lock()

    def hit(self, key: str, expiry: int) -> tuple[int, float]:
        """Count one more; return how many, and when the key is forgotten."""
        now = time.time()
        with self._locked():
            at, name, number, until = self._find(key, now)
            if not number:
                until = now + expiry
            SLOT.pack_into(self._map, at, name, number + 1, until)
        return number + 1, until

    def get(self, key: str) -> int:
        """Return how many were counted."""
        with self._locked():
            return self._find(key, time.time())[2]

    def get_expiry(self, key: str) -> float:
        """Return when a key is forgotten; now, for an unknown one."""
        now = time.time()
        with self._locked():
            return max(now, self._find(key, now)[3])

    def clear(self, key: str) -> None:
        """Forget a key."""
        with self._locked():
            at, name, _, _ = self._find(key, time.time())
            SLOT.pack_into(self._map, at, name, 0, 0.0)

    def _find(self, key: str, now: float) -> tuple[int, bytes, int, float]:
        """Return a key's place or the one that it may take, its hash, its number, and its end."""
        name = hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=16).digest()
        first = int.from_bytes(name[:8]) % SLOTS
        free, ends_first = 0, float("inf")
        for number in range(first, first + TRIED):
            at = number % SLOTS * SLOT.size
            held, count, until = SLOT.unpack_from(self._map, at)
            if held == name:
                return (at, name, count, until) if until > now else (at, name, 0, 0.0)
            if until < ends_first:
                free, ends_first = at, until
        return free, name, 0, 0.0

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep the other threads and processes out; a process that dies lets them in."""
        with self._lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)


@dataclass
class Inherited:
    """What a worker has of the process that started it, and which of its workers it is."""

    number: int
    listener: socket.socket
    counters: SharedCounters
    _line: socket.socket

    def follow(self, stop: threading.Event) -> None:
        """Say that requests are served, and set the event when the first process is gone."""

        def wait() -> None:
            with suppress(OSError):  # such as "reset by peer", which says the same
                self._line.send(SERVES)
                self._line.recv(1)
            stop.set()

        threading.Thread(target=wait, name="line", daemon=True).start()


def inherited() -> Inherited | None:
    """Return what this process has as a worker; None where it is none."""
    if INHERITED not in os.environ:
        return None
    number, listener, counters, line = map(int, os.environ.pop(INHERITED).split(","))
    return Inherited(
        number,
        socket.socket(fileno=listener),
        SharedCounters(counters),
        socket.socket(fileno=line),
    )


class Worker:
    """One process that serves, which is started again when it ends."""

    def __init__(self, number: int, listener: socket.socket, counters: int, metrics: str) -> None:
        self._number = number
        self._inherits = listener.fileno(), counters
        self._metrics = metrics
        self._failures = 0
        self._again_at = 0.0
        self._start()

    def look(self) -> int:
        """Start it again where it ended; return its exit code where it could not even serve."""
        code = self._process.poll()
        if code is None:
            return 0
        if self._again_at:
            if time.monotonic() >= self._again_at:
                self._start()
            return 0
        multiprocess.mark_process_dead(self._process.pid, self._metrics)  # type: ignore[no-untyped-call]
        if not self._has_served():
            if self._failures == 0 and code > 0:  # and not by a signal
                return code
        elif time.monotonic() - self._started > MAX_PAUSE:
            self._failures = 0
        pause = growing_pause(CHECK_EVERY, self._failures, MAX_PAUSE)
        self._failures += 1
        self._again_at = time.monotonic() + pause
        log.error("a process of the API has ended with code %d; it is started again", code)
        return 0

    def end(self, deadline: float) -> None:
        """Wait until it has ended, and kill it where it does not."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._line.close()

    def tell_to_end(self) -> None:
        """Let it finish what it is at."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def _start(self) -> None:
        self._line, theirs = socket.socketpair()
        self._line.setblocking(False)
        files = (*self._inherits, theirs.fileno())
        added = {INHERITED: ",".join(map(str, (self._number, *files))), FOLDER: self._metrics}
        command = [sys.executable, "-m", "api.main"]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this program once more
                command, cwd=ROOT, pass_fds=files, env=os.environ | added
            )
        self._started, self._again_at = time.monotonic(), 0.0

    def _has_served(self) -> bool:
        with self._line:
            try:
                return self._line.recv(1) == SERVES
            except BlockingIOError:
                return False


def run_workers(settings: Settings, listener: socket.socket, stop: threading.Event) -> int:
    """Have the workers serve until the event is set; return the exit code."""
    with (
        tempfile.TemporaryFile() as counters,
        tempfile.TemporaryDirectory(prefix="metrics-") as metrics,
        metrics_server(settings, partial(counted_in, metrics)),
    ):
        SharedCounters(counters.fileno())
        first = random.randrange(1 << 16)  # noqa: S311 - so that containers differ in their cores
        workers = [
            Worker(first + number, listener, counters.fileno(), metrics)
            for number in range(settings.web_concurrency)
        ]
        code = 0
        try:
            while not code and not stop.wait(CHECK_EVERY):
                code = max(worker.look() for worker in workers)
        finally:
            for worker in workers:
                worker.tell_to_end()
            deadline = time.monotonic() + END_PATIENCE
            for worker in workers:
                worker.end(deadline)
        return code
