"""Count the deliveries that are not sent, for /metrics. Each daemon serves its own."""

from prometheus_client import Gauge

from core.deliveries import queue
from scheduler.daemon import Daemon

INTERVAL = 30.0  # seconds
UNSENT = Gauge("deliveries_unsent", "Deliveries that wait, are held, or are dead.", ("state",))


def register(daemon: Daemon) -> None:
    """Count every half minute, where somebody may look: with METRICS_PORT set."""

    def count() -> None:
        for state, number in queue.unsent().items():
            UNSENT.labels(state).set(number)

    if daemon.settings.metrics_port:
        daemon.add_loop("delivery counts", count, INTERVAL)
