"""What the HTTP status and the headers of a model's server mean for the person who asked."""

import math
from collections.abc import Mapping

from ai.llm.types import Problem

KNOWN: dict[int, Problem] = {
    401: "key",
    402: "credit",
    403: "key",
    404: "unknown",
    408: "timeout",
    429: "busy",
    529: "busy",  # Anthropic's documentation, "Errors": overloaded
}
MAY_PASS: frozenset[Problem] = frozenset({"busy", "broken", "unreachable", "empty"})
"""The problems for which a second try is worth a pause."""


def problem_of(status: int) -> Problem:
    """Return what an HTTP status of 400 or more means."""
    return KNOWN.get(status, "broken" if status >= 500 else "rejected")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait; a date or nonsense counts as none."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
