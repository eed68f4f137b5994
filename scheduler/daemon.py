"""Background work: one thread a job, so that none waits for another.

`python -m scheduler.daemon` runs it alone; `Daemon(settings, stop).run()` runs it as a thread of a
larger program. A job is a file in `scheduler/jobs/` with `register(daemon)`, or a function given to
`register_job`, or the `poll_callback` of this module, which may be replaced.
"""

import importlib
import logging
import pkgutil
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime

import scheduler.jobs
from config.clock import Clock, utc_now
from config.metrics import serving
from config.settings import Settings, get_settings
from config.start import start, stop_on_signals
from core import migrations
from core.database import Database, use_database
from core.errors import Unavailable

logger = logging.getLogger(__name__)

JobFunction = Callable[[], object]
"""Does the work that is due; may return the time of the next, if that is before the interval."""

SHORTEST_PAUSE = 0.05
LONGEST_PAUSE = 30.0
"""How far the pauses between two tries grow while the database is away, in seconds."""

_registered: list[tuple[str, JobFunction, float | None]] = []


def poll_callback() -> None:
    """Run every POLL_INTERVAL seconds; assign your own function to this name, or register one."""


def register_job(name: str, function: JobFunction, interval: float | None = None) -> None:
    """Run a function every `interval` seconds (else POLL_INTERVAL), in a thread of its own."""
    _registered.append((name, function, interval))


class Job:
    """One function, run again and again in one thread."""

    def __init__(self, name: str, function: JobFunction, interval: float, clock: Clock) -> None:
        self.name = name
        self._function = function
        self._interval = interval
        self._clock = clock
        self._woken = threading.Event()

    def wake(self) -> None:
        """Run as soon as possible, without waiting for the interval to pass."""
        self._woken.set()

    def loop(self, stop: threading.Event, outage: "Outage") -> None:
        """Run until `stop` is set. An exception is logged, and the loop goes on."""
        failures = 0
        while not stop.is_set():
            self._woken.clear()
            pause = self._interval
            try:
                more = self._function()
            except Unavailable:
                failures += 1
                outage.begins(self.name)
                pause = min(pause * 2**failures, max(pause, LONGEST_PAUSE))
            except Exception:
                logger.exception("the job %s failed; it runs again in %g s", self.name, pause)
            else:
                failures = 0
                outage.ends(self.name)
                pause = self._until(more)
            if not stop.is_set():
                self._woken.wait(pause)

    def _until(self, more: object) -> float:
        if not isinstance(more, datetime):
            return self._interval
        left = (more - self._clock()).total_seconds()
        return min(max(left, SHORTEST_PAUSE), self._interval)


class Outage:
    """Says once that the database is away, and once that every job has it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cut_off: set[str] = set()

    def begins(self, name: str) -> None:
        """Note that a job could not reach the database."""
        with self._lock:
            if not self._cut_off:
                logger.warning("the database can't be reached; trying again with growing pauses")
            self._cut_off.add(name)

    def ends(self, name: str) -> None:
        """Note that a job got its work done."""
        with self._lock:
            if self._cut_off == {name}:
                logger.info("the database is back")
            self._cut_off.discard(name)


class Daemon:
    """All jobs of this process, from `run()` until the `stop` event is set."""

    def __init__(
        self, settings: Settings, stop: threading.Event | None = None, clock: Clock = utc_now
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._stop = stop or threading.Event()
        self._jobs: dict[str, Job] = {}
        self._finishers: list[Callable[[], None]] = []

    @property
    def stopping(self) -> bool:
        """Whether jobs should come to an end."""
        return self._stop.is_set()

    def add_job(self, name: str, function: JobFunction, interval: float) -> None:
        """Add a job that runs every `interval` seconds. Raises ValueError for a name twice."""
        if name in self._jobs:
            raise ValueError(f"there are two scheduler jobs called {name!r}")
        self._jobs[name] = Job(name, function, interval, self.clock)

    def wake(self, name: str) -> None:
        """Run a job now."""
        self._jobs[name].wake()

    def on_stop(self, finish: Callable[[], None]) -> None:
        """Call `finish` after the jobs have ended, to let go of what they hold."""
        self._finishers.append(finish)

    def run(self) -> None:
        """Run every job until `stop` is set; return when what was under way is done.

        Raises RuntimeError for a file in scheduler/jobs/ that can't be used.
        """
        threads: list[threading.Thread] = []
        try:
            self._load()
            outage = Outage()
            for name, job in self._jobs.items():
                thread = threading.Thread(
                    target=job.loop, args=(self._stop, outage), name=f"job {name}", daemon=True
                )
                thread.start()
                threads.append(thread)
            logger.info("the scheduler runs %s", ", ".join(self._jobs))
            self._stop.wait()
        finally:
            self._end(threads)

    def _end(self, threads: list[threading.Thread]) -> None:
        self._stop.set()
        for job in self._jobs.values():
            job.wake()
        deadline = time.monotonic() + self.settings.shutdown_timeout
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                logger.warning("the %s did not end in time; it is left behind", thread.name)
        for finish in self._finishers:
            finish()
        logger.info("the scheduler has stopped")

    def _load(self) -> None:
        for found in sorted(pkgutil.iter_modules(scheduler.jobs.__path__), key=lambda m: m.name):
            try:
                importlib.import_module(f"scheduler.jobs.{found.name}").register(self)
            except Exception as error:
                raise RuntimeError(
                    f"scheduler/jobs/{found.name}.py can't be used: {error}"
                ) from error
        self.add_job("poll", lambda: poll_callback(), self.settings.poll_interval)
        for name, function, interval in _registered:
            self.add_job(name, function, interval or self.settings.poll_interval)


def daemon_loop() -> None:
    """Run the scheduler with this process's settings and database, until the process ends."""
    Daemon(get_settings()).run()


def main() -> int:
    """Run the scheduler as a process of its own, until SIGTERM or SIGINT; return the exit code."""
    settings, stop = start(), stop_on_signals()
    database = Database(settings.sqlalchemy_url, settings.db_pool_size)
    use_database(database)
    try:
        if migrations.upgrade_when_up(database, stop):
            with serving(settings):
                Daemon(settings, stop).run()
    finally:
        database.close()
    return 0


def __getattr__(name: str) -> float:
    if name == "POLL_INTERVAL":  # read when asked for, so that importing needs no settings
        return get_settings().poll_interval
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    # The jobs import this module by its name; run that one, not a second copy called __main__.
    sys.exit(importlib.import_module("scheduler.daemon").main())
