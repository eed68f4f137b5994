"""A loopback stand-in for Discord's CDN: it serves what it is given, and counts who asks."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


class PictureServer:
    """The server; `files` are by path, `redirects` lead from a path to a URL."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"/a.png": PNG}
        self.redirects: dict[str, str] = {}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pictures = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                pictures.asked.append(self.path)
                data = pictures.files.get(self.path)
                status = 302 if self.path in pictures.redirects else 404 if data is None else 200
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", pictures.redirects[self.path])
                self.end_headers()
                try:
                    self.wfile.write(data or b"")
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # it was too large for the client

            def log_message(self, format: str, *args: object) -> None:
                """Keep the test's output clean."""

        return Handler


@pytest.fixture
def picture_server() -> Iterator[PictureServer]:
    """A server of pictures for one test."""
    server = PictureServer()
    yield server
    server.close()
