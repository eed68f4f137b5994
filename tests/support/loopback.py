"""An HTTP server on loopback that answers as a subclass says: what the other stand-ins build on.

Its connections stay open between requests, as those of real servers do, so that what a client does
with them is tested too. (Werkzeug's server, and with it pytest-httpserver's, closes each.)
"""

import socket
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE = 60  # seconds


@dataclass(frozen=True)
class Asked:
    """A request that arrived; names of headers are found in any case."""

    path: str
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered. A body in pieces is sent piece by piece, in chunks if of unknown length."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class LoopbackServer(ThreadingHTTPServer, ABC):
    """The server; runs from the start until it is closed, or for as long as a block lasts."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.connections: set[socket.socket] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @abstractmethod
    def respond(self, asked: Asked) -> Reply:
        """Say what to answer. A ConnectionError, here or in the body, closes the connection."""

    def pause(self, seconds: float = PATIENCE) -> bool:
        """Wait; True when the server is closing meanwhile."""
        return self._closing.wait(seconds)

    def close(self) -> None:
        """Stop, end what waits and idle connections, and wait for all threads."""
        self._closing.set()
        self.shutdown()
        self._thread.join()
        for connection in list(self.connections):
            self.read_no_more(connection)
        self.server_close()

    def read_no_more(self, connection: socket.socket) -> None:
        """Let a thread that waits for the next request see the end of the connection."""
        with suppress(OSError):  # it is closed already
            connection.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Print what went wrong, but not that a client was gone before its answer came."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def __exit__(self, *_: object) -> None:
        self.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = PATIENCE
    server: LoopbackServer

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)
        if self.server.pause(0):
            self.server.read_no_more(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = self.server.respond(Asked(self.path, self.headers, body))
        pieces: Iterable[bytes]
        if isinstance(reply.body, bytes):
            pieces, framing = [reply.body], {"Content-Length": str(len(reply.body))}
        else:
            pieces, framing = reply.body, {"Transfer-Encoding": "chunked"}
        if reply.status == 204 or "Content-Length" in reply.headers:
            framing = {}
        self.send_response(reply.status)
        for name, value in {**framing, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        in_chunks = "Transfer-Encoding" in framing
        for piece in filter(None, pieces):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if in_chunks else piece)
        if in_chunks:
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST  # noqa: N815 - the standard library's name

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""
