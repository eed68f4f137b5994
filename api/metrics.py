"""What GET /metrics tells Prometheus: requests, how long they took, log-ins, the pool."""

import os
import time
from collections.abc import Callable
from functools import partial

from apiflask import APIFlask
from flask import Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from sqlalchemy import QueuePool

from api.http.context import current_context
from core.db.engine import get_database

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
NO_ROUTE = "(no such address)"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client's: where several processes count together
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one application since its start."""

    def __init__(self) -> None:
        self._folder = os.environ.get(FOLDER)
        self._registry = CollectorRegistry()
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.requests = Counter(
            "api_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "api_request_seconds",
            "How long an answer took.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self.log_ins = Counter(
            "api_log_ins", "Passwords tried.", ("outcome",), registry=self._registry
        )
        for outcome in ("ok", "failed", "paused"):
            self.log_ins.labels(outcome)
        self._pool: list[tuple[Gauge, Callable[[QueuePool], int]]] = []
        for name, words, function in (
            ("used", "Connections to the database in use.", QueuePool.checkedout),
            ("size", "Connections to the database there can be.", QueuePool.size),
        ):
            gauge = Gauge(
                f"api_pool_{name}", words, registry=self._registry, multiprocess_mode="livesum"
            )
            gauge.set_function(partial(_of_pool, function))
            self._pool.append((gauge, function))

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        key = method, route, status
        found = self._series.get(key)
        if found is None:
            found = self.requests.labels(*key), self.seconds.labels(route)
            self._series[key] = found
        found[0].inc()
        found[1].observe(seconds)
        if self._folder:  # where functions of a gauge are not asked
            for gauge, function in self._pool:
                gauge.set(_of_pool(function))

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format, of all processes of the API."""
        return counted_in(self._folder) if self._folder else generate_latest(self._registry)


def install(app: APIFlask) -> None:
    """Count every request."""
    metrics = app.extensions["metrics"] = Metrics()

    @app.after_request
    def count(response: Response) -> Response:
        # The rule, not the path, and the method of a known one: both have few values.
        call = current_context.get()
        rule = call.request.url_rule
        method, route = (call.request.method, rule.rule) if rule else ("-", NO_ROUTE)
        metrics.count(method, route, response.status_code, time.perf_counter() - call.started)
        return response


def counted_in(folder: str) -> bytes:
    """Return what the processes that share a folder have counted, in Prometheus' text format."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _of_pool(function: Callable[[QueuePool], int]) -> int:
    pool = get_database().engine.pool
    assert isinstance(pool, QueuePool)  # noqa: S101 - for mypy; core.db.engine chose it
    return function(pool)
