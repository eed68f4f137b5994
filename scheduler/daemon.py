"""Background work: one thread a job, so that none waits for another.

`python -m scheduler.daemon` runs it alone; `Daemon(settings, stop).run()` runs it as a thread of a
larger program. A job is a function marked with `@job` in a file in `scheduler/jobs/`, or what such
a file's `register(daemon)` adds, or a function given to `register_job`, or the `poll_callback` of
this module, which may be replaced. Daemons share the jobs that have due times, by
core/job_locks.py.
"""

import importlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from types import ModuleType

from config.broken import BrokenModule, file_of, load_folder, using
from config.settings import Settings, get_settings
from core import migrations
from core.db.engine import Database, use_database
from core.db.notify import can_listen, listen
from core.errors import BrokenSchema, TooNew, Unavailable
from runtime.clock import Clock, utc_now
from runtime.metrics import Heartbeat, heartbeat, metrics_server
from runtime.run import run
from runtime.start import start, stop_on_signals, tune_garbage_collector
from scheduler import triggers
from scheduler.registry import Registration, jobs_in, registered
from scheduler.registry import register_job as register_job
from scheduler.runner import LIMIT, JobFunction, Loop, Outage, Scheduled

logger = logging.getLogger(__name__)

LISTENING_INTERVAL = 10.0  # seconds between two looks for work, where new work is announced
LISTEN_PAUSE = 1.0  # seconds until the next try to listen
BESIDE_PATIENCE = 1.0  # seconds that the threads beside the jobs get to end
WATCH_INTERVAL = 0.2  # seconds between two looks at the jobs that run
MAX_WATCH = 60.0  # seconds after which a watch that does not go on counts as stuck


def poll_callback() -> None:
    """Run every POLL_INTERVAL seconds; assign your own function to this name, or register one."""


class Daemon:
    """All jobs of this process, from `run()` until the `stop` event is set."""

    def __init__(
        self, settings: Settings, stop: threading.Event | None = None, clock: Clock = utc_now
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._stop = stop or threading.Event()
        self._jobs: dict[str, Loop | Scheduled] = {}
        self._finishers: list[Callable[[], None]] = []

    @property
    def stopping(self) -> bool:
        """Whether jobs should come to an end."""
        return self._stop.is_set()

    @property
    def longest_sleep(self) -> float:
        """Seconds after which to look for work that came unannounced, in spite of `wake`."""
        return LISTENING_INTERVAL if can_listen() else self.settings.wake_interval

    def add_loop(self, name: str, function: JobFunction, interval: float) -> None:
        """Run a function in every daemon, at least every `interval` seconds.

        Raises ValueError for a name twice.
        """
        self._add(Loop(name, function, interval, self.clock))

    def add_job(
        self,
        name: str,
        function: JobFunction,
        interval: float | None = None,
        *,
        cron: str | None = None,
        zone: str | None = None,
        limit: float = LIMIT,
    ) -> None:
        """Run a function at its due times, each once among all daemons: see Registration.

        Raises ValueError for a name twice, or due times that can't be read.
        """
        if cron:
            trigger = triggers.cron(cron, zone or self.settings.time_zone)
        else:
            trigger = triggers.every(interval or self.settings.poll_interval)
        self._add(Scheduled(name, function, trigger, limit, self.clock))

    def _add(self, job: Loop | Scheduled) -> None:
        if job.name in self._jobs:
            raise ValueError(f"there are two scheduler jobs called {job.name!r}")
        self._jobs[job.name] = job

    def wake(self, name: str) -> None:
        """Run a job now."""
        self._jobs[name].wake()

    def on_stop(self, finish: Callable[[], None]) -> None:
        """Call `finish` after the jobs have ended, to release what they hold."""
        self._finishers.append(finish)

    def run(self) -> None:
        """Run every job until `stop` is set; return when what was under way is done.

        Raises BrokenModule for a file in scheduler/jobs/ that can't be used.
        """
        with heartbeat("scheduler", MAX_WATCH) as watched:
            self._run(watched)

    def _run(self, watched: Heartbeat) -> None:
        at_work: dict[str, threading.Thread] = {}
        beside: list[threading.Thread] = []
        try:
            self.load()
            outage = Outage()
            for name, job in self._jobs.items():
                at_work[name] = _thread(f"job {name}", partial(job.run, self._stop, outage))
            beside += (
                _thread("watch", self._watch, watched, at_work, outage),
                _thread("wake-ups", self._listen, outage),
            )
            logger.info("the scheduler runs %s", ", ".join(self._jobs))
            self._stop.wait()
        finally:
            self._end(at_work, beside)

    def _end(self, at_work: dict[str, threading.Thread], beside: list[threading.Thread]) -> None:
        self._stop.set()
        for job in self._jobs.values():
            job.wake()
        deadline = time.monotonic() + self.settings.shutdown_timeout
        for name, thread in at_work.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                logger.warning("the job %s did not end in time; it is left behind", name)
                self._jobs[name].leave()
        for thread in beside:
            thread.join(BESIDE_PATIENCE)
        for finish in self._finishers:
            finish()
        logger.info("the scheduler has stopped")

    def _watch(
        self, watched: Heartbeat, at_work: Mapping[str, threading.Thread], outage: Outage
    ) -> None:
        """Look after the jobs that run: those that hang, those that go on, and those that ended.

        While the thread of one has ended, the heartbeat stops, so that /health says so; and after
        MAX_WATCH, while a loop gets nothing done by a mistake of the program.
        """
        loops = [job for job in self._jobs.values() if isinstance(job, Loop)]
        scheduled = [job for job in self._jobs.values() if isinstance(job, Scheduled)]
        told: set[str] = set()
        while not self._stop.wait(WATCH_INTERVAL):
            ended = {name for name, thread in at_work.items() if not thread.is_alive()}
            for name in ended - told:
                logger.error("the thread of the job %s has ended; restart the scheduler", name)
            told |= ended
            if ended:
                watched.end()
            elif not any(loop.at_fault for loop in loops):
                watched.beat()
            for job in scheduled:
                try:
                    job.watch()
                except Unavailable:
                    outage.begins(job.name)
                except Exception:
                    logger.exception("the job %s could not be watched", job.name)

    def _listen(self, outage: Outage) -> None:
        """Wake the loops when something becomes due earlier than they think."""
        name = "wake-ups"
        while can_listen() and not self.stopping:
            try:
                with closing(listen()) as topics:
                    for topic in topics:
                        outage.ends(name)
                        if topic in self._jobs:
                            self.wake(topic)
                        if self.stopping:
                            return
            except Unavailable:
                outage.begins(name)
            except Exception:
                logger.exception("listening for wake-ups failed; it is tried again")
            self._stop.wait(LISTEN_PAUSE)

    def load(self) -> None:
        """Find the jobs, once. Raises BrokenModule for a file in scheduler/jobs/."""
        if self._jobs:
            return
        for module in load_folder("scheduler.jobs"):
            with using(file_of(module.__name__)):
                self._add_jobs_of(module)
        for one in (Registration("poll", lambda: poll_callback()), *registered):
            self.add_job(**vars(one))

    def _add_jobs_of(self, module: ModuleType) -> None:
        marked, register = jobs_in(module), getattr(module, "register", None)
        if not marked and register is None:
            raise BrokenModule(
                f"{file_of(module.__name__)} has neither a function marked with @job nor "
                "register(daemon)"
            )
        for one in marked:
            self.add_job(**vars(one))
        if register is not None:
            register(self)


def _thread(name: str, work: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=work, args=args, name=name, daemon=True)
    thread.start()
    return thread


def daemon_loop() -> None:
    """Run the scheduler with this process's settings and database, until the process ends."""
    Daemon(get_settings()).run()


def main() -> int:
    """Run the scheduler as a process of its own, until SIGTERM or SIGINT; return the exit code."""
    settings, stop = start(), stop_on_signals()
    database = Database(settings.sqlalchemy_url, settings.db_pool_size)
    use_database(database)
    try:
        with metrics_server(settings):  # /health is answered while the database is migrated
            if migrations.upgrade_when_up(database, stop):
                tune_garbage_collector()
                Daemon(settings, stop).run()
    except (BrokenSchema, TooNew) as error:
        logger.error("%s", error)
        return 1
    finally:
        database.close()
    return 0


def __getattr__(name: str) -> float:
    if name == "POLL_INTERVAL":  # read when asked for, so that importing needs no settings
        return get_settings().poll_interval
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    # The jobs import this module by its name; run that one, not a second copy called __main__.
    run(importlib.import_module("scheduler.daemon").main)
