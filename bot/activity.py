"""What this process tells the API of its agents every few seconds, for people to see.

How many messages they answered in the last minute, what each model cost, and the last warnings and
errors. A line has no words of errors, which may quote what somebody wrote: only their class.
"""

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from ai.llm.types import Usage
from runtime.logs import HIDDEN, SECRET_LOOKING, agent

MINUTE = 60.0
MAX_LINES = 30  # in one report, the latest; with MAX_CHARS they fit into what the API takes
MAX_CHARS = 300
MAX_MODELS = 100
MAX_COUNTED = 10_000  # messages of one agent in a minute
LEVELS = (("CRITICAL", logging.CRITICAL), ("ERROR", logging.ERROR), ("WARNING", 0))
OWN = {"ai", "api", "bot", "cli", "config", "core", "runtime", "scheduler"}
"""The packages whose lines never hold what people wrote, or a secret."""


class Activity(logging.Handler):
    """Gathers what the next report says. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._monotonic = monotonic
        self._guard = threading.Lock()  # around all below
        self._answered: dict[str, deque[float]] = {}
        self._models: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._lines: deque[dict[str, str]] = deque(maxlen=MAX_LINES)

    def answered(self, name: str) -> None:
        """Count a message that an agent has answered."""
        with self._guard:
            times = self._answered.setdefault(name, deque(maxlen=MAX_COUNTED))
            times.append(self._monotonic())

    def spent(self, model: str, usage: Usage, cost: float) -> None:
        """Count a request to a model; the cost is in US dollars."""
        self._add(model, {"requests": 1, **_amounts(usage), "cost": cost})

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of the program's own."""
        if record.name.partition(".")[0] not in OWN:
            return
        at = datetime.fromtimestamp(record.created, UTC).isoformat()
        level = next(name for name, least in LEVELS if record.levelno >= least)
        line = {"agent": agent.get()[:64], "at": at, "level": level}
        with self._guard:
            self._lines.append(line | {"message": _words(record)})

    def take(self) -> dict[str, Any] | None:
        """Return what is new since the last time; None where nothing is."""
        with self._guard:
            since = self._monotonic() - MINUTE
            counts = {}
            for name, times in [*self._answered.items()]:
                while times and times[0] < since:
                    times.popleft()
                counts[name] = len(times)
                if not times:
                    del self._answered[name]  # this zero is told once
            models = [{"model": name, **amounts} for name, amounts in self._models.items()]
            lines = [*self._lines]
            self._models.clear()
            self._lines.clear()
        if not (counts or models or lines):
            return None
        return {"lines": lines, "answered": counts, "models": models[:MAX_MODELS]}

    def put_back(self, report: dict[str, Any]) -> None:
        """Have what the API has not heard be in the next report."""
        for one in report["models"]:
            self._add(one["model"], {name: one[name] for name in one if name != "model"})
        with self._guard:
            newer = [*self._lines]
            self._lines.clear()
            self._lines.extend([*report["lines"], *newer])

    def _add(self, model: str, amounts: dict[str, float]) -> None:
        with self._guard:
            for name, amount in amounts.items():
                self._models[model[:200]][name] += amount


ACTIVITY = Activity()
"""What this process has to tell."""


def _amounts(usage: Usage) -> dict[str, int]:
    return {"prompt_tokens": usage.prompt, "completion_tokens": usage.completion}


def _words(record: logging.LogRecord) -> str:
    """Return a line without the words of errors, on one line, in what every database can keep."""
    text = str(record.msg)
    if isinstance(record.args, tuple) and record.args:
        with suppress(TypeError, ValueError):
            text %= tuple(map(_without_words, record.args))
    if record.exc_info and record.exc_info[0] is not None:
        text = f"{text}: {record.exc_info[0].__name__}"
    text = SECRET_LOOKING.sub(HIDDEN, text.partition("\n")[0])
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text[:MAX_CHARS] or record.levelname


def _without_words(value: object) -> object:
    """Return the class of the error alone, of a traceback."""
    if isinstance(value, str) and "\n" in value:
        return value.strip().rpartition("\n")[2].partition(":")[0]
    return value
