"""Metrics and health of a process, on a port of their own for the operator's network.

Define a metric with prometheus_client in the package that counts it: it is in the default registry,
which `metrics_server` shows at /metrics. /health answers 503 once a heartbeat has stopped, and so
does the API's, in a process that has one.
"""

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from config.settings import Settings

logger = logging.getLogger(__name__)

BEATS = Gauge("process_heartbeat_age_seconds", "Seconds since a loop last turned.", ("loop",))

_heartbeats: dict[str, "Heartbeat"] = {}


class Heartbeat:
    """Shows that a loop turns: it calls `beat()` at least every `longest` seconds."""

    def __init__(
        self, name: str, longest: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self._longest = longest
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        """Note that the loop has turned."""
        self._last = self._clock()

    @property
    def age(self) -> float:
        """Seconds since the last beat."""
        return self._clock() - self._last

    def end(self) -> None:
        """Note that the loop will not turn any more, though it should."""
        self._last = -math.inf

    @property
    def stopped(self) -> bool:
        """Whether the loop should have turned by now."""
        return self.age > self._longest


@contextmanager
def heartbeat(name: str, longest: float) -> Iterator[Heartbeat]:
    """Watch a loop for as long as the context lasts; `longest` is in seconds.

    One that an exception ends counts as stopped from then on.
    """
    watched = Heartbeat(name, longest)
    _heartbeats[name] = watched
    BEATS.labels(name).set_function(lambda: watched.age)
    try:
        yield watched
    except Exception:
        watched.end()
        raise
    except BaseException:  # cancelled, or interrupted
        _forget(watched)
        raise
    _forget(watched)


def stopped_loops() -> list[str]:
    """Return the names of this process's loops that should turn and do not."""
    return sorted(watched.name for watched in list(_heartbeats.values()) if watched.stopped)


def _forget(watched: Heartbeat) -> None:
    if _heartbeats.get(watched.name) is watched:  # and not that of another one in this process
        del _heartbeats[watched.name]
        BEATS.remove(watched.name)


@contextmanager
def metrics_server(settings: Settings, more: Callable[[], bytes] = bytes) -> Iterator[int | None]:
    """Serve /metrics and /health at METRICS_HOST and METRICS_PORT; yield the port, None where off.

    `more` returns metrics that are not in the default registry. A port that is taken is logged, and
    nothing is served: metrics are worth less than the work.
    """
    if not settings.metrics_port:
        yield None
        return
    address = (settings.metrics_host, settings.metrics_port)
    try:
        server = _Server(address, _Handler)
    except OSError as error:
        logger.error(
            "no metrics are served: port %d can't be used (%s); set METRICS_PORT to another one",
            settings.metrics_port,
            error.strerror,
        )
        yield None
        return
    server.more = more
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    more: Callable[[], bytes]


class _Handler(BaseHTTPRequestHandler):
    """Answers GET /metrics and GET /health."""

    timeout = 5  # seconds that a caller may keep a thread waiting

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, self._figures())
        elif self.path == "/health":
            stopped = stopped_loops()
            body = {"status": "ok"} if not stopped else {"status": "stopped", "loops": stopped}
            self._answer(503 if stopped else 200, "application/json", json.dumps(body).encode())
        else:
            body = {"error": "There is only /metrics and /health here."}
            self._answer(404, "application/json", json.dumps(body).encode())

    def _figures(self) -> bytes:
        assert isinstance(self.server, _Server)  # noqa: S101 - for mypy
        return generate_latest() + self.server.more()

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Return nothing about the software that answers."""
        return "metrics"

    def log_message(self, format: str, *_: object) -> None:
        """Keep probes out of the log."""
