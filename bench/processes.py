"""The API in processes of its own, and what processes compute."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psutil

from config.settings import get_settings

THREADS = str(get_settings().api_threads)
NO_MORE: Mapping[str, str] = {}
PATIENCE = 20  # seconds for a server to start


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
