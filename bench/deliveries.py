"""Deliveries: 100,000 that are due, drained by one daemon and by two."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from statistics import quantiles
from uuid import UUID, uuid4

import psutil

from bench.support.processor import cpu_seconds
from core import migrations
from core.db.engine import Database, use_database
from core.deliveries import queue
from core.deliveries.routing import SCHEDULER
from core.postgres import execute, insert_many
from runtime.clock import utc_now
from tests.support.counting_sink import CountingSink, counting_sink
from tests.support.postgres import postgres_server

DUE = int(os.environ.get("BENCH_DELIVERIES", "100000"))
PEOPLE = 1000
CLAIMS = 100
AHEAD = 5.0  # seconds by which the daemons are up before the first is due


def main() -> None:
    """Print deliveries per second and lateness for one and two daemons."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres_server())
        server = next(one for one in psutil.Process().children() if one.name() == "postgres")
        database = stack.enter_context(closing(Database(url)))
        use_database(database)
        migrations.upgrade(database)
        owners = people()
        print(
            f"{'daemons':>8} {'sent':>8} {'per second':>11} {'p50 s':>7} {'p99 s':>7}  "
            "ms of the processor for each: daemons, PostgreSQL, receiver"
        )
        for daemons in (1, 2):
            _drain(url, server, owners, daemons)


def people() -> list[UUID]:
    """Make users with a topic each."""
    ids = [uuid4() for _ in range(PEOPLE)]
    insert_many("users", [{"id": id_, "username": id_.hex, "password_hashed": b"-"} for id_ in ids])
    insert_many(
        "notifications",
        [{"user_uuid": id_, "ntfy_topic": id_.hex, "ntfy_enabled": True} for id_ in ids],
    )
    return ids


def fill(owners: list[UUID], number: int, due: datetime) -> None:
    """Have so many messages wait, and no others."""
    execute("TRUNCATE deliveries")
    rows = (
        {
            "user_uuid": owners[one % PEOPLE],
            "channel": "ntfy",
            "text": f"Reminder: number {one}",
            "due_at": due,
            "next_attempt_at": due,
        }
        for one in range(number)
    )
    insert_many("deliveries", list(rows))
    execute("ANALYZE deliveries")


def _drain(url: str, server: psutil.Process, owners: list[UUID], daemons: int) -> None:
    """Let all fall due at one moment, with the daemons running; lateness counts from there."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sink = stack.enter_context(counting_sink(Path(folder) / "arrived"))
        due = utc_now() + timedelta(seconds=AHEAD + DUE / 20_000)
        fill(owners, DUE, due)
        with ExitStack() as running:
            senders = [running.enter_context(_daemon(url, sink)) for _ in range(daemons)]
            processes = [*senders, server, psutil.Process(sink.pid)]
            time.sleep(max(0.0, due.timestamp() - time.time() - 0.2))
            before = [cpu_seconds(process) for process in processes]
            while _left():
                time.sleep(0.5)
            used = [cpu_seconds(one) - then for one, then in zip(processes, before, strict=True)]
        late = sorted(moment - due.timestamp() for moment, _ in _arrived(sink))
    assert len(late) == DUE, f"{len(late)} of {DUE} arrived"
    each = (1000 * spent / DUE for spent in (sum(used[:daemons]), *used[daemons:]))
    cuts = quantiles(late, n=100)
    print(
        f"{daemons:>8} {len(late):>8} {len(late) / late[-1]:>11.0f} {cuts[49]:>7.1f} "
        f"{cuts[98]:>7.1f}  {', '.join(f'{one:.3f}' for one in each)}"
    )


def _arrived(sink: CountingSink) -> list[tuple[float, str]]:
    time.sleep(0.3)  # it writes with a delay
    return sink.arrived()


def _left() -> bool:
    return bool(execute("SELECT 1 FROM deliveries WHERE state = 'waiting' LIMIT 1"))


@contextmanager
def _daemon(url: str, sink: CountingSink) -> Iterator[psutil.Process]:
    environment = os.environ | {
        "DATABASE_URL": url,
        "NTFY_BASE_URL": sink.url,
        "LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen([sys.executable, "-m", "scheduler.daemon"], env=environment)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def claim_cost(server: psutil.Process, owners: list[UUID], number: int) -> tuple[float, float]:
    """Return what claiming one and a hundred costs while so many wait, and giving them back.

    In milliseconds of this process's processor and PostgreSQL's.
    """
    fill(owners, number, utc_now() - timedelta(seconds=1))
    return _claiming(server, 1), _claiming(server, 100)


def _claiming(server: psutil.Process, limit: int) -> float:
    processes = (server, psutil.Process())
    before = sum(map(cpu_seconds, processes))
    for _ in range(CLAIMS):
        rows = queue.claim([SCHEDULER], utc_now(), limit=limit)
        assert len(rows) == limit
        queue.release(rows, utc_now())
    return 1000 * (sum(map(cpu_seconds, processes)) - before) / CLAIMS


if __name__ == "__main__":
    main()
