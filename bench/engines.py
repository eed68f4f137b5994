"""Our deliveries beside procrastinate, on the same PostgreSQL, and Dramatiq, on Redis.

One process of each sends to the same receiver. Then one is killed in the middle and started again:
what is lost, and what comes twice. Where the peers or redis-server can't be had, that is said, and
the rest goes on.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg2

from bench import deliveries
from bench.peers import HERE, python_of_peers
from bench.support.processor import cpu_seconds
from config.settings import ROOT
from core import migrations
from core.db.engine import Database, use_database
from runtime.clock import utc_now
from tests.support.counting_sink import CountingSink, counting_sink
from tests.support.postgres import postgres_server
from tests.support.servers import free_port

MESSAGES = int(os.environ.get("BENCH_PEER_MESSAGES", "4000"))
KILLED_AFTER = 1000  # messages of MESSAGES / 2
PATIENCE = 75.0  # seconds for all to arrive: Dramatiq waits a minute for a worker that is gone
THREADS = "64"


@dataclass
class Engine:
    """How one engine is filled and run, and what keeps its messages."""

    name: str
    store: psutil.Process
    fill: Callable[[int], None]
    command: Sequence[str]
    environment: dict[str, str]


def main() -> None:
    """Print a row for each engine."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        python = python_of_peers()
        sink = stack.enter_context(counting_sink(Path(folder) / "arrived"))
        url = stack.enter_context(postgres_server())
        server = next(one for one in psutil.Process().children() if one.name() == "postgres")
        database = stack.enter_context(closing(Database(url)))
        use_database(database)
        migrations.upgrade(database)
        engines = [_ours(url, server, sink)]
        if python:
            engines.append(_procrastinate(python, url, server, sink))
            if redis := stack.enter_context(_redis(Path(folder))):
                engines.append(_dramatiq(python, *redis, sink))
        print(
            f"{'engine':<14} {'per second':>11}  ms of the processor for each: worker, store, "
            f"receiver; of {MESSAGES // 2} lost and sent again after one kill -9"
        )
        for engine in engines:
            _measure(engine, sink)


def _ours(url: str, server: psutil.Process, sink: CountingSink) -> Engine:
    owners = deliveries.people()

    def fill(number: int) -> None:
        deliveries.fill(owners, number, utc_now() - timedelta(seconds=1))

    environment = {"DATABASE_URL": url, "NTFY_BASE_URL": sink.url, "LOG_LEVEL": "WARNING"}
    return Engine("ours", server, fill, [sys.executable, "-m", "scheduler.daemon"], environment)


def _procrastinate(python: Path, url: str, server: psutil.Process, sink: CountingSink) -> Engine:
    script = [str(python), str(HERE / "procrastinate_sender.py")]
    admin = url.replace("+psycopg2", "")
    environment = {"PEER_URL": admin.rpartition("/")[0] + "/peer", "SINK_URL": sink.url}

    def fill(number: int) -> None:
        with closing(psycopg2.connect(admin)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("DROP DATABASE IF EXISTS peer WITH (FORCE)")
            cursor.execute("CREATE DATABASE peer")
        _run([*script, "fill", str(number)], environment)

    return Engine("procrastinate", server, fill, [*script, "work"], environment)


def _dramatiq(python: Path, store: psutil.Process, url: str, sink: CountingSink) -> Engine:
    environment = {"PEER_URL": url, "SINK_URL": sink.url}
    script = [str(python), str(HERE / "dramatiq_sender.py")]

    def fill(number: int) -> None:
        _run([*script, "fill", str(number)], environment)

    work = ["-m", "dramatiq", "dramatiq_sender", "--path", str(HERE), "-p", "1"]
    return Engine("Dramatiq", store, fill, [str(python), *work, "-t", THREADS], environment)


@contextmanager
def _redis(folder: Path) -> Iterator[tuple[psutil.Process, str] | None]:
    program = shutil.which("redis-server")
    if program is None:
        print("there is no redis-server (Debian: apt install redis-server); Dramatiq is left out")
        yield None
        return
    port = str(free_port())
    options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        time.sleep(1)
        yield psutil.Process(process.pid), f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    subprocess.run(command, check=True, env=os.environ | environment, cwd=ROOT)


@contextmanager
def _worker(engine: Engine) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker in a group of its own: Dramatiq's has children."""
    process = subprocess.Popen(
        engine.command,
        env=os.environ | engine.environment,
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.kill()
    process.wait()
    for one in family:
        if one.is_running():
            one.kill()


def _measure(engine: Engine, sink: CountingSink) -> None:
    before = len(sink.arrived())
    engine.fill(MESSAGES)
    with _worker(engine) as worker:
        _until(lambda: len(sink.arrived()) > before, PATIENCE)
        family = [psutil.Process(worker.pid)]
        family += family[0].children(recursive=True)
        groups = (family, [engine.store], [psutil.Process(sink.pid)])
        used = [sum(map(cpu_seconds, group)) for group in groups]
        first = len(sink.arrived())
        _until(lambda: len(sink.arrived()) - before >= MESSAGES, PATIENCE)
        sent = len(sink.arrived()) - first
        each = [
            1000 * (sum(map(cpu_seconds, group)) - then) / sent
            for group, then in zip(groups, used, strict=True)
        ]
    moments = [moment for moment, _ in sink.arrived()[before:]]
    rate = (len(moments) - 1) / (moments[-1] - moments[0])
    told = ", ".join(f"{one:.3f}" for one in each)
    lost, again = _killed(engine, sink)
    print(f"{engine.name:<14} {rate:>11.0f}  {told}; {lost} lost, {again} again")


def _killed(engine: Engine, sink: CountingSink) -> tuple[int, int]:
    """Kill a worker in the middle, start another; return how many were lost and came again."""
    before, number = len(sink.arrived()), MESSAGES // 2

    def texts() -> list[str]:
        return [text.partition(" (late")[0] for _, text in sink.arrived()[before:]]

    engine.fill(number)
    with _worker(engine) as worker:
        _until(lambda: len(texts()) >= min(KILLED_AFTER, number), PATIENCE)
        _kill(worker)
    with _worker(engine):
        _until(lambda: len({*texts()}) >= number, PATIENCE)
    return number - len({*texts()}), len(texts()) - len({*texts()})


def _until(done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        time.sleep(0.05)


if __name__ == "__main__":
    main()
