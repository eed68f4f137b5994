"""Servers for the API, compared: the same application, threads and database behind each.

Then a storm of log-ins at the server that is used: what it does to those who read meanwhile.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from multiprocessing import get_context
from multiprocessing.pool import Pool
from statistics import median

from bench.api import fill, list_request
from bench.load import Measured, load
from config.settings import get_settings
from core.db.engine import Database
from core.users import register_user
from tests.support.postgres import postgres_server

THREADS = str(get_settings().api_threads)
SERVERS = {
    "waitress": "api.main",
    "gunicorn": "gunicorn -k gthread --threads {threads} -b 127.0.0.1:{port} api.main:app",
    "granian": "granian --interface wsgi --blocking-threads {threads} --port {port} api.main:app",
}
CLIENTS = (1, 8, 64)
ROUNDS = 3
SECONDS = 1.0
READERS, STORMERS, STORM_SECONDS = 8, 16, 5.0
PATIENCE = 20  # seconds for a server to start
PASSWORD = "a long password"  # noqa: S105 - of a user who lives for as long as the measurement


def main() -> None:
    """Print each server's rate for each number of clients, then the storm."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres_server())
        read = list_request(fill(stack.enter_context(closing(Database(url)))))
        register_user("stormer", PASSWORD)
        pool = stack.enter_context(get_context("spawn").Pool(2))
        print(f"{'clients':>8} {'server':<11} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8}")
        with ExitStack() as servers:
            ports = {name: servers.enter_context(_running(name, url)) for name in SERVERS}
            for clients in CLIENTS:
                _compare(pool, ports, read, clients)
        with _running("waitress", url) as port:
            _storm(pool, port, read)


def _compare(pool: Pool, ports: dict[str, int], read: bytes, clients: int) -> None:
    taken: dict[str, list[Measured]] = {name: [] for name in ports}
    for _ in range(ROUNDS):
        for name, port in ports.items():
            taken[name].append(pool.apply(load, (port, read, clients, SECONDS)))
    for name, many in taken.items():
        rate = median(one.rate for one in many)
        p50, p99 = median(one.p50 for one in many), median(one.p99 for one in many)
        print(f"{clients:>8} {name:<11} {rate:>10.0f} {p50:>8.2f} {p99:>8.2f}")


def _storm(pool: Pool, port: int, read: bytes) -> None:
    """Read with and without log-ins going on.

    Those who are asked to wait do, as Retry-After says; then the same with clients that do not.
    """
    body = f'{{"username": "stormer", "password": "{PASSWORD}"}}'
    log_in = (
        "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    calm = pool.apply(load, (port, read, READERS, STORM_SECONDS))
    print(f"{READERS} readers alone: {calm.rate:.0f} per second, p99 {calm.p99:.0f} ms")
    for kind, patience in (("patient", 1.0), ("rude", 0.0)):
        storm_load = (port, log_in, STORMERS, STORM_SECONDS * 1.6, (200, 503), patience)
        logging_in = pool.apply_async(load, storm_load)
        time.sleep(STORM_SECONDS / 2)
        reading = pool.apply(load, (port, read, READERS, STORM_SECONDS))
        storm = logging_in.get()
        print(
            f"while {STORMERS} {kind} clients log in: {reading.rate:.0f} per second, "
            f"p99 {reading.p99:.0f} ms; {storm.by_status.get(200, 0)} logged in, "
            f"p99 {storm.p99:.0f} ms, {storm.by_status.get(503, 0)} asked to wait"
        )


@contextmanager
def _running(name: str, url: str) -> Iterator[int]:
    """Run the API under a server, as a process of its own; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", *SERVERS[name].format(threads=THREADS, port=port).split()]
    environment = os.environ | {
        "DATABASE_URL": url,
        "API_HOST": "127.0.0.1",
        "API_PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(process, port)
        yield port
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


if __name__ == "__main__":
    main()
