"""WEB_CONCURRENCY: several processes serve one port, count together, and outlive each other."""

import os
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx2
import psutil
import pytest
from sqlalchemy import URL

from api.workers import SLOTS, TRIED, SharedCounters
from runtime.cores import usable_cores
from tests.support.process import Service, program, service
from tests.support.servers import free_port
from tests.support.waiting import wait_until

START = 60  # seconds for two processes on a busy machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows can't share a port")


@pytest.fixture
def counters() -> Iterator[tuple[SharedCounters, SharedCounters]]:
    with tempfile.TemporaryFile() as file:
        yield SharedCounters(file.fileno()), SharedCounters(file.fileno())


def test_what_one_counts_the_other_knows(counters: tuple[SharedCounters, SharedCounters]) -> None:
    one, other = counters
    assert [one.hit("a", 60)[0], other.hit("a", 60)[0], one.hit("b", 60)[0]] == [1, 2, 1]
    assert one.hit("a", 1)[1] == other.get_expiry("a")  # the first one says when it is forgotten
    one.clear("a")
    assert (other.get("a"), other.get("b")) == (0, 1)
    assert one.hit("gone", -1)[0] == one.hit("gone", 60)[0] == 1
    assert other.get("\ud800") == 0


def test_more_keys_than_there_is_room_for_lose_what_ends_first(
    counters: tuple[SharedCounters, SharedCounters], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.workers.SLOTS", TRIED)
    one, _ = counters
    one.hit("kept", 1000)
    for number in range(100):
        one.hit(f"key {number}", 10 + number)
    assert one.get("kept") == 1
    assert sum(one.get(f"key {number}") for number in range(100)) == TRIED - 1
    assert SLOTS > TRIED


COUNTING = """
import sys
from api.workers import SharedCounters
file = open(sys.argv[1], "r+b")
counters = SharedCounters(file.fileno())
for number in range(2000):
    counters.hit("a", 600)
"""


def test_none_is_lost_when_processes_count_at_once(tmp_path: Path) -> None:
    path = tmp_path / "counters"
    path.touch()
    with path.open("r+b") as file:
        ours = SharedCounters(file.fileno())
        arguments = ["-c", COUNTING, str(path)]
        with program(arguments, tmp_path / "1") as one, program(arguments, tmp_path / "2") as two:
            for _ in range(2000):
                ours.hit("a", 600)
            assert (one.exit_code(60), two.exit_code(60)) == (0, 0)
        assert ours.get("a") == 6000


@contextmanager
def serving(tmp_path: Path, database_url: URL, **settings: str) -> Iterator[tuple[Service, str]]:
    port = free_port()
    settings |= {"WEB_CONCURRENCY": "2", "API_PORT": str(port)}
    url = database_url.render_as_string(hide_password=False)
    with service("api.main", tmp_path / "log", DATABASE_URL=url, **settings) as first:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: _ready(address) and len(_workers(first)) == 2, START)
        yield first, address


def _ready(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/ready", timeout=20).status_code == 200
    except httpx2.TransportError:
        return False


def _workers(first: Service) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(first.pid).children():
        with suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
    return found


def _cores(first: Service) -> list[int]:
    """Return the cores that the workers keep to, and -1 for one that keeps to none."""
    kept = [child.cpu_affinity() for child in _workers(first)]
    return [cores[0] if len(cores) == 1 else -1 for cores in kept]


@pytest.mark.slow
def test_they_serve_count_and_measure_together(tmp_path: Path, database_url: URL) -> None:
    metrics, limit = free_port(), {"RATE_LIMIT": "30 per hour"}
    with serving(tmp_path, database_url, METRICS_PORT=str(metrics), **limit) as (first, address):
        answers: Counter[int] = Counter()
        left = int(httpx2.get(f"{address}/ready", timeout=20).headers["X-RateLimit-Remaining"])

        def ask() -> None:
            for _ in range(10):  # each on a connection of its own, which either may take
                path = f"{address}/api/user/{uuid4()}"
                while (status := httpx2.get(path, timeout=20).status_code) == 503:
                    time.sleep(0.05)  # the other one is starting yet
                answers[status] += 1

        askers = [threading.Thread(target=ask) for _ in range(4)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert answers == {401: left, 429: 40 - left}
        text = httpx2.get(f"http://127.0.0.1:{metrics}/metrics", timeout=20).text
        lines = [line for line in text.splitlines() if line.startswith("api_requests_total{")]
        asked = [line for line in lines if 'route="/api/user/<uuid:user_uuid>"' in line]
        told = [line for line in asked if '"503"' not in line]
        assert sum(float(line.split()[-1]) for line in told) == 40, text
        sizes = {line for line in text.splitlines() if line.startswith("api_pool_size")}
        assert sizes <= {"api_pool_size 16.0", "api_pool_size 32.0"}, text
        first.terminate()
        assert first.exit_code() == 0
        assert not psutil.pid_exists(first.pid) or _workers(first) == []


@pytest.mark.slow
def test_one_that_dies_is_started_again(tmp_path: Path, database_url: URL) -> None:
    with serving(tmp_path, database_url) as (first, address):
        before = {child.pid for child in _workers(first)}
        os.kill(min(before), signal.SIGKILL)
        wait_until(
            lambda: len(now := {child.pid for child in _workers(first)}) == 2 != before & now
        )
        wait_until(lambda: len({child.pid for child in _workers(first)} - before) == 1, START)
        assert _ready(address)
        assert "a process of the API has ended with code -9; it is started again" in first.log
        cores = usable_cores()
        wait_until(lambda: not cores or len({*_cores(first)} - {-1}) == min(2, len(cores)), START)


@pytest.mark.slow
def test_they_end_when_the_first_one_is_killed(tmp_path: Path, database_url: URL) -> None:
    with serving(tmp_path, database_url) as (first, _):
        workers = _workers(first)
        first.kill()
        assert psutil.wait_procs(workers, timeout=20)[1] == []


@pytest.mark.slow
def test_a_database_that_does_not_suit_ends_all(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "newer.db")) as newer, newer:
        newer.execute("CREATE TABLE alembic_version (version_num TEXT)")
        newer.execute("INSERT INTO alembic_version VALUES ('from_later')")
    settings = {"WEB_CONCURRENCY": "2", "API_PORT": str(free_port())}
    url = f"sqlite:///{tmp_path}/newer.db"
    with service("api.main", tmp_path / "log", DATABASE_URL=url, **settings) as first:
        assert first.exit_code(START) == 1
        assert "from_later" in first.log
