"""The production server: waitress, with JSON for its own errors and an orderly end."""

import json
import logging
import socket
import threading
import time
from collections import deque
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from flask import Flask
from waitress import wasyncore
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import create_server
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import build_http_date

from api.http.streams import HAND_OVER, Stream, Streams

CONNECTIONS = 1000
IDLE_SECONDS = 75
MAX_HEADER_BYTES = 32 * 1024
MAX_BODY_BYTES = 1024 * 1024  # the application refuses far less, with words of its own
DRAIN_SECONDS = 10.0
SMALL_ANSWER = 64 * 1024  # bytes; such are always sent
MAX_UNSENT_BYTES = 64 * 1024 * 1024  # of all answers together that their clients do not take
SPILL_BYTES = 128 * 1024  # of one connection's answers that are kept in memory; the rest in a file

# It warns of every request that has to wait for a thread, which is what the queue is for.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)


class JSONErrorTask(ErrorTask):  # type: ignore[misc]
    """Answer requests that are no HTTP, or too large to be read, as the application would."""

    def execute(self) -> None:
        """Write the error as JSON."""
        error = self.request.error
        body = json.dumps({"error": f"{error.reason}."}).encode()
        self.status = f"{error.code} {error.reason}"
        self.content_length = len(body)
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.write(body)


class StrictParser(HTTPRequestParser):  # type: ignore[misc]
    """Refuse a body of two lengths, by which one request hides in another (RFC 9112, 6.1)."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head of a request. Raises ParsingError."""
        super().parse_header(header_plus)
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length and Transfer-Encoding")


class HandedOver(NamedTuple):
    """A connection that stays open without its request's thread, and how its answer begins."""

    channel: "Channel"
    stream: Stream
    head: bytes
    chunked: bool


@lru_cache(maxsize=4)
def _written(second: int) -> str:
    return str(build_http_date(second))


class StreamingTask(WSGITask):  # type: ignore[misc]
    """Answers a request, or leaves it to a stream to which the application hands it over."""

    _stream: Stream | None = None
    wrote_header: bool

    def service(self) -> None:
        """Answer; a stream to which that did not come in the end is over."""
        try:
            super().service()
        finally:
            if self._stream is not None:
                self._stream.end()

    def get_environment(self) -> dict[str, Any]:
        """Return the WSGI environment, with the function that takes a stream."""
        return {**super().get_environment(), HAND_OVER: self._hand_over}

    def build_response_header(self) -> bytes:
        """Return the head of the answer; its date is written once a second."""
        if not any(name.lower() == "date" for name, _ in self.response_headers):
            self.response_headers.append(("Date", _written(int(self.start_time))))
        head: bytes = super().build_response_header()
        return head

    def finish(self) -> None:
        """Complete the answer; one that is handed over has only its head yet."""
        if self._stream is None or self.wrote_header or not self.status.startswith("200 "):
            super().finish()
        else:
            self.remove_content_length_header()  # of the body that it does not have yet
            self.content_length = None
            head = self.build_response_header()
            self.wrote_header = True
            self.close_on_finish = False  # by waitress, which may look before it has let go
            self.channel.leave(HandedOver(self.channel, self._stream, head, self.chunked_response))
            self._stream = None

    def _hand_over(self, stream: Stream) -> None:
        self._stream = stream


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection whose errors are JSON, and whose answers are sent by one thread at a time.

    Waitress' main loop looks again and again whether it can send what a thread is sending already,
    a dozen times for each answer when there are many clients. Here it is told when it is its turn.
    """

    parser_class = StrictParser
    error_task_class = JSONErrorTask
    task_class = StreamingTask
    connected: bool
    _sending = False
    _is_leaving = False

    def write_soon(self, data: bytes) -> int:
        """Send from this thread, and leave to the main loop what the client does not take yet."""
        if len(data) > SMALL_ANSWER and self._unsent() + len(data) > MAX_UNSENT_BYTES:
            raise ClientDisconnected  # which waitress takes for the end of this connection
        self._sending = True
        try:
            return int(super().write_soon(data))
        finally:
            self._sending = False
            if self.total_outbufs_len:
                self.server.pull_trigger()

    def _unsent(self) -> int:
        channels = list(self.server.active_channels.values())
        return sum(channel.total_outbufs_len for channel in channels)

    def writable(self) -> bool:
        """Tell the main loop whether to send: not while a thread does that does not wait for it."""
        if self._is_leaving:
            return False
        waits = self.total_outbufs_len > self.adj.outbuf_high_watermark
        return bool(super().writable()) and (waits or not self._sending)

    def readable(self) -> bool:
        """Tell the main loop whether to read."""
        return not self._is_leaving and bool(super().readable())

    def leave(self, handed_over: HandedOver) -> None:
        """Have the main loop give the connection away, in whose thread it can't be in use."""
        self._is_leaving = True
        self.server.handed_over.append(handed_over)
        self.server.pull_trigger()

    def let_go(self) -> socket.socket | None:
        """Return the connection, which is no longer this server's; None where it is closed."""
        if not self.connected:
            return None
        self.del_channel()
        self.connected = False
        connection: socket.socket = self.socket
        return connection


class Server:
    """An application behind waitress. `run` blocks; `close` may be called from another thread."""

    def __init__(self, app: Flask, listener: socket.socket, threads: int) -> None:
        self._connections: dict[int, wasyncore.dispatcher] = {}
        self._waitress = create_server(
            app,
            map=self._connections,
            sockets=[listener],
            threads=threads,
            ident=None,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE_SECONDS,
            max_request_header_size=MAX_HEADER_BYTES,
            max_request_body_size=MAX_BODY_BYTES,
            asyncore_use_poll=True,
            outbuf_overflow=SPILL_BYTES,
            clear_untrusted_proxy_headers=False,  # api.main decides which ones to believe
        )
        self._waitress.channel_class = Channel
        self._waitress.handed_over = self._handed_over = deque[HandedOver]()
        self._streams = Streams()
        self._lock = threading.Lock()  # around the state below
        self._state: Literal["ready", "running", "closing", "closed"] = "ready"
        self.port: int = int(self._waitress.effective_port)

    def run(self) -> None:
        """Serve until `close` is called, then finish the requests under way."""
        with self._lock:
            if self._state != "ready":
                return
            self._state = "running"
        try:
            while self._state == "running":
                self._turn(1.0)
            self._finish()
        finally:
            with self._lock:
                self._release()

    def close(self) -> None:
        """Stop serving. Returns at once; `run` returns when the requests under way are answered."""
        with self._lock:
            if self._state == "running":
                self._state = "closing"
                self._waitress.pull_trigger()
            elif self._state == "ready":
                self._release()

    def _finish(self) -> None:
        """Take no new connection, and give those that wait for an answer the time to get it."""
        wasyncore.dispatcher.close(self._waitress)  # the listening socket alone
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._busy() and time.monotonic() < deadline:
            self._turn(0.05)

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._connections, count=1)
        while self._handed_over:
            channel, stream, head, chunked = self._handed_over.popleft()
            connection = channel.let_go() if self._state == "running" else None
            if connection is None:
                stream.end()
            else:
                self._streams.adopt(connection, stream, head, chunked)

    def _busy(self) -> bool:
        channels = list(self._waitress.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)

    def _release(self) -> None:
        self._state = "closed"
        self._waitress.task_dispatcher.shutdown(timeout=1)
        for channel in list(self._waitress.active_channels.values()):
            channel.handle_close()  # with the files of unsent answers, which close_all leaves open
        wasyncore.close_all(self._connections)
        for handed_over in self._handed_over:
            handed_over.stream.end()
        self._streams.close()


def listening(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 picks a free one. Raises OSError.

    Left to bind one itself, waitress leaks it where the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def serve(app: Flask, host: str, port: int, threads: int) -> Server:
    """Bind an application to an address; port 0 picks a free one. Raises OSError."""
    return Server(app, listening(host, port), threads)
