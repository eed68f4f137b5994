"""The API in processes of its own, and what processes compute."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psutil

from config.settings import get_settings

THREADS = str(get_settings().api_threads)
NO_MORE: Mapping[str, str] = {}
PATIENCE = 60  # seconds for a server to start
IN_A_ROW = 40  # answers, of connections that the kernel deals out


@contextmanager
def running(
    words: str, url: str, more: Mapping[str, str] = NO_MORE
) -> Iterator[tuple[int, psutil.Process]]:
    """Run the API by a command of Python's, as a process of its own; yield its port, and it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", *words.format(threads=THREADS, port=port).split()]
    environment = os.environ | {
        "DATABASE_URL": url,
        "API_HOST": "127.0.0.1",
        "API_PORT": str(port),
        "LOG_LEVEL": "WARNING",
        **more,
    }
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(process, port)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        else:
            return


def await_all(port: int) -> None:
    """Wait until whichever process of several takes a connection is ready to serve it."""
    deadline = time.monotonic() + PATIENCE
    in_a_row = 0
    while in_a_row < IN_A_ROW:
        assert time.monotonic() < deadline, "not every process is ready"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5).close()
            in_a_row += 1
        except OSError:
            in_a_row = 0
            time.sleep(0.05)
