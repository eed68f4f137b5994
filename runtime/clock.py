"""The one source of the current time, so that tests can move it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""A function without arguments that returns the current time, aware, in UTC."""


def growing_pause(first: float, failures: int, longest: float) -> float:
    """Return the seconds to wait after so many failures in a row: each doubles it, to `longest`."""
    # A float holds no 2 to the 1,024th.
    return min(first * 2.0 ** min(failures, 64), longest)


def utc_now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)
