"""Answers that stay open, on the real server: they hold no thread, and end when they should."""

import socket
import threading
from collections.abc import Iterator

import httpx2
import pytest
from flask import Flask, Response, abort, request

from api.http.server import serve
from api.http.streams import HAND_OVER, MAX_UNSENT_BYTES, Stream
from tests.support.api import HOST

PATIENCE = 30


class Opened:
    """The streams that an application has opened, and those of them that are over."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.ended = threading.Semaphore(0)

    def open(self) -> Stream:
        stream = Stream(lambda _: self.ended.release())
        self.streams.append(stream)
        return stream


@pytest.fixture
def opened() -> Opened:
    return Opened()


@pytest.fixture
def port(opened: Opened) -> Iterator[int]:
    """An application with two threads, behind the real server."""
    app = Flask("streams")

    @app.get("/events")
    def events() -> Response:
        stream = opened.open()
        request.environ[HAND_OVER](stream)
        stream.send(b"first\n")
        return Response(mimetype="text/event-stream")

    @app.get("/broken")
    def broken() -> Response:
        request.environ[HAND_OVER](opened.open())
        abort(500)

    @app.get("/")
    def answer() -> str:
        return "here"

    server = serve(app, HOST, 0, 2)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.port
    server.close()
    thread.join(PATIENCE)


def connect(port: int, path: str = "/events", version: str = "1.1") -> socket.socket:
    line = socket.create_connection((HOST, port), timeout=PATIENCE)
    line.sendall(f"GET {path} HTTP/{version}\r\nHost: x\r\n\r\n".encode())
    return line


def read_until(line: socket.socket, end: bytes) -> bytes:
    said = b""
    while end not in said:
        chunk = line.recv(65536)
        assert chunk, f"the connection ended after {said!r}"
        said += chunk
    return said


def read_all(line: socket.socket) -> bytes:
    said = b""
    while chunk := line.recv(65536):
        said += chunk
    return said


def test_many_open_streams_leave_the_threads_to_others(port: int, opened: Opened) -> None:
    lines = [connect(port) for _ in range(200)]
    try:
        for line in lines:
            said = read_until(line, b"first\n")
            assert b"text/event-stream" in said
        for _ in range(5):
            assert httpx2.get(f"http://{HOST}:{port}/").text == "here"
        for stream in opened.streams:
            stream.send(b"second\n")
        for line in lines:
            assert read_until(line, b"second\n").endswith(b"7\r\nsecond\n\r\n")
    finally:
        for line in lines:
            line.close()
    assert all(opened.ended.acquire(timeout=PATIENCE) for _ in lines)


def test_stream_that_is_ended_completes_its_answer(port: int, opened: Opened) -> None:
    with connect(port) as line:
        read_until(line, b"first\n")
        opened.streams[0].send(b"last\n")
        opened.streams[0].end()
        assert read_all(line).endswith(b"last\n\r\n0\r\n\r\n")
    with connect(port, version="1.0") as line:
        read_until(line, b"first\n")
        opened.streams[1].end()
        assert read_all(line) == b""


def test_client_that_goes_away_ends_its_stream(port: int, opened: Opened) -> None:
    with connect(port) as line:
        read_until(line, b"first\n")
    assert opened.ended.acquire(timeout=PATIENCE)
    opened.streams[0].send(b"to nobody\n")


def test_client_that_talks_on_is_cut_off(port: int, opened: Opened) -> None:
    with connect(port) as line:
        read_until(line, b"first\n")
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert opened.ended.acquire(timeout=PATIENCE)


def test_client_that_does_not_read_is_cut_off(port: int, opened: Opened) -> None:
    with connect(port) as line, connect(port) as other:
        read_until(line, b"first\n")
        read_until(other, b"first\n")
        for _ in range(400):
            opened.streams[0].send(b"x" * (MAX_UNSENT_BYTES // 8))
        assert opened.ended.acquire(timeout=PATIENCE)
        still_open = next(stream for stream in opened.streams if not stream.is_over)
        still_open.send(b"second\n")
        assert read_until(other, b"second\n")


def test_request_that_fails_after_all_is_answered(port: int, opened: Opened) -> None:
    assert httpx2.get(f"http://{HOST}:{port}/broken").status_code == 500
    assert opened.ended.acquire(timeout=PATIENCE)


def test_server_that_closes_ends_its_streams(opened: Opened) -> None:
    app = Flask("streams")

    @app.get("/events")
    def events() -> Response:
        request.environ[HAND_OVER](opened.open())
        return Response(mimetype="text/event-stream")

    server = serve(app, HOST, 0, 2)
    thread = threading.Thread(target=server.run)
    thread.start()
    with connect(server.port) as line:
        read_until(line, b"\r\n\r\n")
        server.close()
        assert read_all(line).endswith(b"0\r\n\r\n")
        assert opened.ended.acquire(timeout=PATIENCE)
    thread.join(PATIENCE)
    assert not thread.is_alive()
