"""What the scheduler counts for Prometheus about the messages that it sends."""

from datetime import datetime
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
    DELIVERIES.labels(row["channel"], outcome).inc()
    if outcome == "sent":
        LATENESS.labels(row["channel"]).observe(max((now - row["due_at"]).total_seconds(), 0))
