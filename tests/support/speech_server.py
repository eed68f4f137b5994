"""A loopback stand-in for a server that writes out speech, as OpenAI's does.

OpenAI's API reference, "Create transcription": multipart with `file` and `model`; the answer is
JSON with `text`, and with `usage` in tokens or seconds. Its documentation, "Error codes".

    speech_server.says("Add milk to my errands.")
    speech_server.says(Speech(status=500), Speech("hello", until=event))
"""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

KEY = "speech-key"
KINDS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
HANG_SECONDS = 60
ERRORS = {
    400: {"message": "Audio file might be corrupted or unsupported", "param": "file"},
    401: {"message": "Incorrect API key provided.", "code": "invalid_api_key"},
    429: {"message": "Rate limit reached.", "code": "rate_limit_exceeded"},
    500: {"message": "The server had an error."},
}


@dataclass
class Speech:
    """What the server does with one recording."""

    text: str = ""
    status: int = 200
    usage: dict[str, Any] | None = None
    body: bytes | None = None  # instead of JSON with the text
    drips: bool = False  # a byte now and then, without an end
    until: threading.Event | None = None  # what it waits for first


@dataclass
class Upload:
    """A recording that came in."""

    model: str
    filename: str
    media_type: str
    data: bytes


class SpeechServer:
    """The server; `base_url` is what a client is given."""

    def __init__(self) -> None:
        self.uploads: list[Upload] = []
        self._queue: deque[Speech] = deque()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def says(self, *answers: Speech | str) -> None:
        """Queue what is heard in the next recordings."""
        self._queue += [Speech(one) if isinstance(one, str) else one for one in answers]

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, authorization: str, content_type: str, body: bytes) -> Speech:
        """Return what is answered to an upload; a status of its own where it is not as it should.

        Their API reference calls `file` and `model` required.
        """
        if authorization != f"Bearer {KEY}":
            return Speech(status=401)
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        parts: dict[str, Message] = {
            str(part.get_param("name", header="content-disposition")): part
            for part in BytesParser(policy=HTTP).parsebytes(head + body).walk()
            if not part.is_multipart()
        }
        file, model = parts.get("file"), parts.get("model")
        name = str(file.get_filename()) if file else ""
        if file is None or model is None or not name.endswith(KINDS):
            return Speech(status=400)
        data, named = file.get_payload(decode=True), model.get_payload(decode=True)
        assert isinstance(data, bytes)
        assert isinstance(named, bytes)
        self.uploads.append(Upload(named.decode(), name, file.get_content_type(), data))
        return self._queue.popleft()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path != "/v1/audio/transcriptions":
                    answer = Speech(status=404)
                else:
                    answer = server._take(
                        self.headers.get("Authorization", ""), self.headers["Content-Type"], body
                    )
                self.close_connection = True
                if answer.until is not None:
                    answer.until.wait(HANG_SECONDS)
                with suppress(BrokenPipeError, ConnectionResetError):  # the client gave up
                    self._send(answer)

            def _send(self, answer: Speech) -> None:
                told: dict[str, Any] = {"text": answer.text}
                if answer.usage:
                    told["usage"] = answer.usage
                if answer.status != 200:
                    told = {"error": ERRORS.get(answer.status, {"message": "Not found"})}
                body = answer.body if answer.body is not None else json.dumps(told).encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Connection", "close")
                self.end_headers()
                while answer.drips and not server._closing.wait(0.02):
                    self.wfile.write(b" ")
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the test's output clean."""

        return Handler


@pytest.fixture
def speech_server() -> Iterator[SpeechServer]:
    """A server that writes out speech, for one test."""
    server = SpeechServer()
    yield server
    server.close()
