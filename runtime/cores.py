"""Which core a process computes on.

Python lets one thread compute at a time. Where the threads of a process are on several cores, each
wakes the next one on another core, which takes longer than many a step of a request
(docs/scaling.md has measurements). What computes without Python's lock should not be kept to one
core.
"""

import os
import random
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress


def usable_cores() -> list[int]:
    """Return the numbers of the cores that this thread may use; none where no choice is known."""
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


def keep_to_one_core(number: int | None = None) -> None:
    """Have this thread, and those that it starts from now on, use one core only.

    Processes that are numbered share the cores evenly; without a number it is any of them.
    """
    if cores := usable_cores():
        _use([random.choice(cores) if number is None else cores[number % len(cores)]])  # noqa: S311


@contextmanager
def on_any_core(cores: Collection[int]) -> Iterator[None]:
    """Let this thread use these cores for a while."""
    before = usable_cores()
    _use(cores)
    try:
        yield
    finally:
        _use(before)


def _use(cores: Collection[int]) -> None:
    """Set the cores of this thread, unless a container's limits don't let it."""
    if cores and sys.platform == "linux":
        with suppress(OSError):
            os.sched_setaffinity(0, cores)
