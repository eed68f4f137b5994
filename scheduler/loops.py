"""One function, run again and again in a thread of its own, in every daemon.

What there is to do is shared by the rows that each takes for itself: see core/outbox.py.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from config.clock import Clock, growing_pause
from core.errors import Unavailable

logger = logging.getLogger(__name__)

JobFunction = Callable[[], object]
"""Does the work that is due; may return the time of the next, if that is before the interval."""

SHORTEST_PAUSE = 0.05
LONGEST_PAUSE = 30.0
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
                pause = growing_pause(pause, failures, max(pause, LONGEST_PAUSE))
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
