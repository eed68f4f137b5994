"""What runs a job in a thread of its own.

`Loop` runs one again and again in every daemon; `Scheduled` at due times that the daemons share:
each due time runs once, in one of them.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from prometheus_client import Counter

from core import job_locks
from core.errors import SystemicFault, Unavailable
from runtime.clock import Clock, growing_pause
from scheduler.triggers import Trigger

logger = logging.getLogger(__name__)

JobFunction = Callable[[], object]
"""Does the work that is due; may return the time of the next, if that is before the interval."""

SHORTEST_PAUSE = 0.05
MAX_PAUSE = 30.0
"""How far the pauses between two tries grow while the database is away, in seconds."""


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


class Loop:
    """Runs its function until told to stop: at least every `interval` seconds, or when woken."""

    def __init__(self, name: str, function: JobFunction, interval: float, clock: Clock) -> None:
        self.name = name
        self._function = function
        self._interval = interval
        self._clock = clock
        self._woken = threading.Event()
        self.at_fault = False
        """Whether none of its work could be done the last time, by a mistake of the program."""

    def wake(self) -> None:
        """Run as soon as possible, without waiting for the interval to pass."""
        self._woken.set()

    def leave(self) -> None:
        """Take no notice of what the function still does, as the daemon has ended."""

    def run(self, stop: threading.Event, outage: Outage) -> None:
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
                pause = growing_pause(pause, failures, max(pause, MAX_PAUSE))
            except Exception as error:
                self.at_fault = isinstance(error, SystemicFault)
                logger.exception("the job %s failed; it runs again in %g s", self.name, pause)
            else:
                failures = 0
                self.at_fault = False
                outage.ends(self.name)
                pause = self._until(more)
            if not stop.is_set():
                self._woken.wait(pause)

    def _until(self, more: object) -> float:
        if not isinstance(more, datetime):
            return self._interval
        left = (more - self._clock()).total_seconds()
        return min(max(left, SHORTEST_PAUSE), self._interval)


RUNS = Counter(
    "scheduler_job_runs", "Scheduled jobs that were run: ok, failed or hung.", ("job", "outcome")
)
LIMIT = 300.0
"""Seconds after which a job counts as hung, unless it says otherwise."""
MAX_SLEEP = 60.0  # seconds; a clock that is changed is noticed by then
AWAY_PAUSE = 3.0  # seconds between two tries while the database is away
LOOK_AGAIN = timedelta(seconds=1)
RENEWAL = job_locks.LEASE.total_seconds() / 3


class Scheduled:
    """Runs a function at its due times, unless another daemon does.

    What fell due while nothing ran is made up for once. A function that exceeds its limit is logged
    and counted; its thread can't be ended, so this daemon does not start it again before it comes
    back by itself, while the others may.
    """

    def __init__(
        self, name: str, function: JobFunction, trigger: Trigger, limit: float, clock: Clock
    ) -> None:
        self.name = name
        self._function = function
        self._trigger = trigger
        self._limit = limit
        self._clock = clock
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._taken: datetime | None = None  # the due time that is being run
        self._began = self._renewed = 0.0
        self._expected: datetime | None = None  # the next due time that was noted

    def wake(self) -> None:
        """Look at once whether a time is due."""
        self._woken.set()

    def leave(self) -> None:
        """Take no notice of how the function ends, as the daemon has."""
        with self._lock:
            self._taken = None

    def run(self, stop: threading.Event, outage: Outage) -> None:
        """Run at each due time until `stop` is set; an exception is logged, and it goes on."""
        while not stop.is_set():
            self._woken.clear()
            pause = MAX_SLEEP
            try:
                pause = self._turn()
                outage.ends(self.name)
            except Unavailable:
                outage.begins(self.name)
                pause = AWAY_PAUSE
            except Exception:
                logger.exception("the job %s could not be looked after; it goes on", self.name)
                pause = AWAY_PAUSE
            if not stop.is_set():
                self._woken.wait(pause)

    def watch(self) -> None:
        """Keep a job that runs from the other daemons, up to its limit. Called every second."""
        with self._lock:
            due_at, now = self._taken, time.monotonic()
            if due_at is None:
                return
            if now - self._began > self._limit:
                self._taken = None
                RUNS.labels(self.name, "hung").inc()
                logger.error("the job %s hangs: it runs for over %g s", self.name, self._limit)
                job_locks.end(self.name, due_at)
            elif now - self._renewed > RENEWAL:
                self._renewed = now
                job_locks.renew(self.name, due_at, self._clock())

    def _turn(self) -> float:
        """Run the job if it is due, and return in how many seconds to look again."""
        now = self._clock()
        seen = job_locks.look(self.name)
        if seen is None:
            # A new interval begins now; a cron line names its times.
            run = not self._trigger.names_times
            if job_locks.begin(self.name, now, run=run) and run:
                self._execute(now)
            return 0
        due_at = self._trigger.after(seen.due_at)
        if due_at is None:
            return MAX_SLEEP
        if due_at != self._expected:
            job_locks.expect(self.name, due_at)
            self._expected = due_at
        if due_at <= now:
            if job_locks.take(self.name, seen, now):
                self._execute(now)
                return 0
            due_at = now + LOOK_AGAIN  # another daemon runs it, and looks for what is next
        return min(max((due_at - now).total_seconds(), 0.01), MAX_SLEEP)

    def _execute(self, due_at: datetime) -> None:
        with self._lock:
            self._taken, self._began = due_at, time.monotonic()
            self._renewed = self._began
        outcome = "ok"
        try:
            self._function()
        except Exception:
            outcome = "failed"
            logger.exception("the job %s failed; it runs again at its next time", self.name)
        with self._lock:
            given_up, self._taken = self._taken is None, None
        if given_up:
            logger.warning("the job %s, which was given up, has come back", self.name)
            return
        RUNS.labels(self.name, outcome).inc()
        job_locks.end(self.name, due_at)
