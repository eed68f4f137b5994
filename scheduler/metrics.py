"""What the scheduler counts for Prometheus about the messages that it sends."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from prometheus_client import Counter, Histogram

LATE_SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 60, 600, 3600)

DELIVERIES = Counter(
    "scheduler_deliveries", "Messages tried, by how that went.", ("channel", "outcome")
)
LATENESS = Histogram(
    "scheduler_delivery_lateness_seconds",
    "How long after its time a message was sent.",
    ("channel",),
    buckets=LATE_SECONDS,
)


def tried(row: dict[str, Any], outcome: str, now: datetime) -> None:
    """Count one try to send a claimed message."""
    _tries(row["channel"], outcome).inc()
    if outcome == "sent":
        _lateness(row["channel"]).observe(max((now - row["due_at"]).total_seconds(), 0))


@lru_cache(256)
def _tries(channel: str, outcome: str) -> Counter:
    return DELIVERIES.labels(channel, outcome)


@lru_cache(64)
def _lateness(channel: str) -> Histogram:
    return LATENESS.labels(channel)
