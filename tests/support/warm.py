"""Processes of the program that start at once.

Most of a start is the import of the libraries, a second of processor time and more, hundreds of
times in a run of the tests. So one process has imported them and forks (tests.support.warm_server).
What it forks is a process as any other, with arguments, folder, environment and streams of its own,
that ends as Python ends. In a copy of the project it imports all the program's modules itself, here
those that its start finds by themselves, such as the domains.

Where that can't be, where settings of Python itself differ, and where coverage is measured, it is a
plain `python`.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Protocol

from config.settings import ROOT

SERVER = Path(__file__).with_name("warm_server.py")
MEASURED = "COVERAGE_PROCESS_CONFIG"  # coverage follows new programs by it, not forked ones
PIPE_BYTES = 4096  # what every pipe takes without a reader


class Process(Protocol):
    """What both kinds of processes can do, as of subprocess.Popen."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...


class WarmProcess:
    """A process that was forked for us."""

    def __init__(self, arguments: Sequence[str], talk: socket.socket) -> None:
        self._arguments = arguments
        self._talk = talk
        self._lines = b""
        self._code: int | None = None
        self.pid = self._read(None)

    def poll(self) -> int | None:
        """Return the exit code, or None where it still runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, return the exit code. Raises subprocess.TimeoutExpired."""
        if self._code is None:
            self._code = self._read(timeout)
            self._talk.close()
        return self._code

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)

    def _read(self, timeout: float | None) -> int:
        """Return the next number that is told. Raises subprocess.TimeoutExpired."""
        self._talk.settimeout(timeout)
        while b"\n" not in self._lines:
            try:
                read = self._talk.recv(64)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self._arguments, timeout or 0) from None
            assert read, "the server of warm processes is gone"
            self._lines += read
        line, _, self._lines = self._lines.partition(b"\n")
        return int(line)


def start(
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int,
    stdout: int,
    stderr: int,
) -> Process:
    """Start `python` with these arguments: `-m` and a module, `-c` and code, or a file.

    The streams are file descriptors, which the caller may close at once.
    """
    if MEASURED in os.environ or not hasattr(os, "fork") or _sets_python(env):
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd,
            env=dict(env),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
    ours, its = socket.socketpair()
    with its:
        server = _server(*([str(ROOT)] if cwd == ROOT else []))
        socket.send_fds(server, [b"+"], [its.fileno(), stdin, stdout, stderr])
    order = {"arguments": [*arguments], "cwd": str(cwd), "env": dict(env)}
    ours.sendall(json.dumps(order).encode() + b"\n")
    return WarmProcess(arguments, ours)


def run(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], text: str = "", timeout: float
) -> "subprocess.CompletedProcess[str]":
    """Run it to its end with this input; return what it printed, as subprocess.run does."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        source = _pipe_with(text)
        try:
            process = start(
                arguments,
                cwd=cwd,
                env=env,
                stdin=source,
                stdout=stdout.fileno(),
                stderr=stderr.fileno(),
            )
        finally:
            os.close(source)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
            process.wait()
        return subprocess.CompletedProcess([*arguments], code, _text(stdout), _text(stderr))


def _sets_python(env: Mapping[str, str]) -> bool:
    """Whether the environment asks for a Python that differs from ours from its start on."""
    asked = {name for name in env if name.startswith("PYTHON")} - {"PYTHONUNBUFFERED"}
    return any(env[name] != os.environ.get(name) for name in asked)


def _pipe_with(text: str) -> int:
    """Return the end of a pipe in which this text waits."""
    data = text.encode()
    assert len(data) <= PIPE_BYTES
    source, target = os.pipe()
    os.write(target, data)
    os.close(target)
    return source


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@cache
def _server(*program: str) -> socket.socket:
    """Start a server that forks, once for all tests of this process."""
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen(
            [sys.executable, "-X", "utf8", SERVER, str(its.fileno()), *program],
            pass_fds=[its.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait(10)

    atexit.register(end)
    return ours
