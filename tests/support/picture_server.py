"""A loopback stand-in for Discord's CDN: it serves what it is given, and counts who asks."""

from collections.abc import Iterator

import pytest

from tests.support.loopback import Asked, LoopbackServer, Reply

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


class PictureServer(LoopbackServer):
    """The server; `files` are by path, `redirects` lead from a path to a URL."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"/a.png": PNG}
        self.redirects: dict[str, str] = {}
        self.asked: list[str] = []
        super().__init__()

    def respond(self, asked: Asked) -> Reply:
        self.asked.append(asked.path)
        if location := self.redirects.get(asked.path):
            return Reply(302, headers={"Location": location})
        data = self.files.get(asked.path)
        return Reply(404) if data is None else Reply(body=[data])  # of a length not told before


@pytest.fixture
def picture_server() -> Iterator[PictureServer]:
    """A server of pictures for one test."""
    with PictureServer() as server:
        yield server
