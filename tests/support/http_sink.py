"""A loopback stand-in for Discord's webhooks and an ntfy server.

Unless told otherwise it takes every message, as the real ones do: 204 for a webhook, 200 and JSON
for a topic. `answer()` scripts what it says instead.
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WEBHOOKS = "/api/webhooks/"


@dataclass(frozen=True)
class Answer:
    """One scripted answer; `delay` is how long it takes, in seconds, `until` what it waits for."""

    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    until: threading.Event | None = None


def as_json(status: int, body: dict[str, Any], **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"} | named)


def deleted_webhook() -> Answer:
    return as_json(404, {"message": "Unknown Webhook", "code": 10015})


def rate_limited(seconds: float) -> Answer:
    """Return what Discord says to a client that is too fast."""
    return as_json(
        429,
        {"message": "You are being rate limited.", "retry_after": seconds, "global": False},
        Retry_After=f"{seconds:g}",
        Via="1.1 google",
        X_RateLimit_Limit="5",
        X_RateLimit_Remaining="0",
        X_RateLimit_Reset_After=f"{seconds:g}",
        X_RateLimit_Bucket="webhooks",
        X_RateLimit_Scope="user",
    )


@dataclass(frozen=True)
class Received:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The message, as a person would see it."""
        if self.path.startswith(WEBHOOKS):
            return str(json.loads(self.body)["content"])
        return self.body.decode()


class HttpSink:
    """Records requests, and answers them; thread-safe."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.arrived = threading.Condition()
        self._answers: list[tuple[str, Answer]] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def webhooks(self) -> str:
        """What the address of every webhook here begins with."""
        return self.url + WEBHOOKS

    @property
    def texts(self) -> list[str]:
        with self.arrived:
            return [request.text for request in self.received]

    def answer(self, path: str, *answers: Answer) -> None:
        """Give these answers to the next requests whose path begins with `path`."""
        with self.arrived:
            self._answers += [(path, answer) for answer in answers]

    def wait_for(self, count: int, timeout: float = 10) -> list[str]:
        """Return the texts once so many requests have arrived; fail where they do not."""
        with self.arrived:
            enough = self.arrived.wait_for(lambda: len(self.received) >= count, timeout)
            assert enough, f"{len(self.received)} of {count} requests arrived in {timeout} s"
            return [request.text for request in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _next(self, path: str) -> Answer:
        for number, (prefix, answer) in enumerate(self._answers):
            if path.startswith(prefix):
                del self._answers[number]
                return answer
        return Answer() if path.startswith(WEBHOOKS) else as_json(200, {"event": "message"})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with sink.arrived:
                    sink.received.append(Received(self.path, dict(self.headers), body))
                    answer = sink._next(self.path)
                    sink.arrived.notify_all()
                (answer.until or threading.Event()).wait(20 if answer.until else answer.delay)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST  # noqa: N815 - the standard library's name

            def log_message(self, *_: object) -> None:
                """Keep the screen for the tests."""

        return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Print what went wrong, but not that who sent was gone before a late answer came."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def http_sink() -> Iterator[HttpSink]:
    """Run a sink for as long as the context is open."""
    sink = HttpSink()
    try:
        yield sink
    finally:
        sink.close()
