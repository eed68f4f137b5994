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
from dataclasses import dataclass
from typing import Any

import pytest
from werkzeug.wrappers import Request

from tests.support.loopback import PATIENCE, Asked, LoopbackServer, Reply

KEY = "speech-key"
KINDS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
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


class SpeechServer(LoopbackServer):
    """The server; `base_url` is what a client is given."""

    def __init__(self) -> None:
        self.uploads: list[Upload] = []
        self._queue: deque[Speech] = deque()
        super().__init__()

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def says(self, *answers: Speech | str) -> None:
        """Queue what is heard in the next recordings."""
        self._queue += [Speech(one) if isinstance(one, str) else one for one in answers]

    def respond(self, asked: Asked) -> Reply:
        answer = self._take(asked)
        if answer.until is not None:
            answer.until.wait(PATIENCE)
        told: dict[str, Any] = {"text": answer.text}
        if answer.usage:
            told["usage"] = answer.usage
        if answer.status != 200:
            told = {"error": ERRORS.get(answer.status, {"message": "Not found"})}
        body = answer.body if answer.body is not None else json.dumps(told).encode()
        headers = {"Content-Type": "application/json", "Connection": "close"}
        return Reply(answer.status, self._drops() if answer.drips else body, headers)

    def _take(self, asked: Asked) -> Speech:
        """Return what is answered to an upload; a status of its own where it is not as it should.

        Their API reference calls `file` and `model` required.
        """
        if asked.path != "/v1/audio/transcriptions":
            return Speech(status=404)
        if asked.headers["Authorization"] != f"Bearer {KEY}":
            return Speech(status=401)
        kind = asked.headers["Content-Type"]
        with Request.from_values(method="POST", content_type=kind, data=asked.body) as request:
            file, model = request.files.get("file"), request.form.get("model")
            name = str(file.filename) if file else ""
            if file is None or model is None or not name.endswith(KINDS):
                return Speech(status=400)
            self.uploads.append(Upload(model, name, file.mimetype, file.read()))
        return self._queue.popleft()

    def _drops(self) -> Iterator[bytes]:
        while not self.pause(0.02):
            yield b" "


@pytest.fixture
def speech_server() -> Iterator[SpeechServer]:
    """A server that writes out speech, for one test."""
    with SpeechServer() as server:
        yield server
