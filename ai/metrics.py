"""What understanding counts for Prometheus, and says in the log."""

import logging
import time
from collections.abc import Sequence
from typing import Any, Literal

from prometheus_client import Histogram

log = logging.getLogger(__name__)

Route = Literal["sentences", "model", "near", "phrases", "neither"]
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 2.5, 5, 10, 30)

PARSING = Histogram(
    "parse_seconds", "How long it took to understand a message.", ("way",), buckets=SECONDS
)


def parsed(way: Route, began: float, commands: Sequence[dict[str, Any]]) -> None:
    """Count a message that was looked at; `began` is by time.perf_counter()."""
    seconds = time.perf_counter() - began
    PARSING.labels(way).observe(seconds)
    if log.isEnabledFor(logging.INFO):
        names = [f"{c.get('interaction_type')}.{c.get('action')}" for c in commands]
        log.info("understood by %s in %.1f ms: %s", way, seconds * 1000, ", ".join(names) or "-")
