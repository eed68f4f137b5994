"""Servers for the API, compared: the same application, threads and database behind each.

Then a storm of log-ins at the server that is used: what it does to those who read meanwhile.
"""

import time
from contextlib import ExitStack, closing
from multiprocessing import get_context
from multiprocessing.pool import Pool
from statistics import median

import psutil

from bench.api import fill, list_request
from bench.support.load import Measured, load
from bench.support.processes import await_all, running
from bench.support.processor import cpu_seconds
from core.db.engine import Database
from core.users import register_user
from tests.support.postgres import postgres_server

SERVERS = {
    "waitress": "api.main",
    "gunicorn": "gunicorn -k gthread --threads {threads} -b 127.0.0.1:{port} api.main:app",
    "granian": "granian --interface wsgi --blocking-threads {threads} --port {port} api.main:app",
}
CLIENTS = (1, 8, 64)
ROUNDS = 3
SECONDS = 1.0
READERS, STORMERS, STORM_SECONDS = 8, 16, 5.0
PROCESSES = (1, 2)
MANY = 16  # clients of several processes: a kernel deals connections out, and not evenly
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
            ports = {
                name: servers.enter_context(running(words, url))[0]
                for name, words in SERVERS.items()
            }
            for clients in CLIENTS:
                _compare(pool, ports, read, clients)
        with running(SERVERS["waitress"], url) as (port, _):
            _storm(pool, port, read)
        _several(pool, url, read)


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


def _several(pool: Pool, url: str, read: bytes) -> None:
    """Compare one process of the API with two, in turn, by what all processes compute."""
    database = next(one for one in psutil.Process().children() if one.name() == "postgres")
    print(
        f"{'processes':>9} {'per second':>10}   processors' ms an answer, and answers a second of"
    )
    with ExitStack() as stack:
        servers = {}
        for number in PROCESSES:
            concurrency = {"WEB_CONCURRENCY": str(number)}
            port, server = stack.enter_context(running(SERVERS["waitress"], url, concurrency))
            servers[number] = port, server
            await_all(port)
        rounds: dict[int, list[tuple[Measured, float, float]]] = {one: [] for one in servers}
        for _ in range(2 * ROUNDS):
            for number, (port, server) in servers.items():
                then = cpu_seconds(server), cpu_seconds(database)
                measured = pool.apply(load, (port, read, MANY, SECONDS))
                api, base = cpu_seconds(server) - then[0], cpu_seconds(database) - then[1]
                rounds[number].append((measured, api, base))
        for number, taken in rounds.items():
            rate = median(one.rate for one, _, _ in taken)
            api = median(cpu / one.answers for one, cpu, _ in taken)
            base = median(cpu / one.answers for one, _, cpu in taken)
            own = median(one.cpu / one.answers for one, _, _ in taken)
            print(
                f"{number:>9} {rate:>10.0f}   API {api * 1000:.2f}, "
                f"PostgreSQL {base * 1000:.2f}, load {own * 1000:.2f}: "
                f"{1 / (api + base + own):.0f} per processor, {1 / api:.0f} of the API's"
            )
        turns = zip(rounds[1], rounds[PROCESSES[-1]], strict=True)
        print(
            f"{'':>9} {median(two[0].rate / one[0].rate for one, two in turns):.2f} times as many"
        )


if __name__ == "__main__":
    main()
