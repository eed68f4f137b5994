"""The real server on loopback: its own errors, its end, and requests side by side."""

import gc
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2
import pytest
from apiflask import APIFlask
from flask import Flask, Response

from api.http.server import serve
from tests.support.api import HOST, running

PIECE = b"x" * (1 << 20)


@pytest.fixture
def slow() -> Flask:
    app = Flask("slow")
    app.extensions |= {"begun": threading.Event(), "together": threading.Barrier(4, timeout=20)}

    @app.get("/")
    def answer() -> dict[str, bool]:
        app.extensions["begun"].set()
        time.sleep(0.3)
        return {"done": True}

    @app.get("/large/<int:pieces>")
    def large(pieces: int) -> Response:
        return Response(PIECE for _ in range(pieces))

    @app.get("/together")
    def together() -> dict[str, bool]:
        app.extensions["together"].wait()
        return {"done": True}

    return app


@pytest.fixture
def url(slow: Flask) -> Iterator[str]:
    with running(slow) as url:
        yield url


def speak(url: str, words: bytes) -> tuple[int, dict[str, str], str]:
    """Send raw bytes; return the status, the JSON and the head of the answer."""
    port = int(url.rpartition(":")[2])
    with socket.create_connection((HOST, port), timeout=5) as line:
        line.sendall(words)
        said = b""
        while chunk := line.recv(65536):
            said += chunk
            if said.endswith(b"}"):
                break
    head, _, body = said.decode().partition("\r\n\r\n")
    return int(head.split()[1]), json.loads(body), head


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (b"this is not HTTP\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 32_768 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ],
)
def test_what_is_no_request_is_answered_with_json(url: str, words: bytes, status: int) -> None:
    code, body, head = speak(url, words)
    assert code == status
    assert list(body) == ["error"]
    assert "\r\nServer:" not in head


def test_bodies_that_never_end_hold_up_nobody(slow: Flask) -> None:
    threads = 2
    with running(slow, threads) as url, ExitStack() as stack:
        for _ in range(4 * threads):
            address = (HOST, int(url.rpartition(":")[2]))
            line = stack.enter_context(socket.create_connection(address, timeout=5))
            line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nab")
        assert httpx2.get(url, timeout=10).json() == {"done": True}


@pytest.mark.parametrize("pieces", [1, 30])
def test_a_slow_reader_gets_all_of_a_long_answer(url: str, pieces: int) -> None:
    whole = pieces * len(PIECE)  # 30 of them are more than the server keeps for a connection
    with socket.create_connection((HOST, int(url.rpartition(":")[2])), timeout=20) as line:
        words = f"GET /large/{pieces} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        line.sendall(words.encode())
        time.sleep(0.5)  # until the server can't send any more
        assert httpx2.get(url).json() == {"done": True}
        got = 0
        while chunk := line.recv(1 << 20):
            got += len(chunk)
    assert whole < got < whole * 1.01


def test_requests_run_side_by_side(url: str) -> None:
    with httpx2.Client(base_url=url, timeout=30) as client, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.get("/together").json(), range(4)))
    assert answers == [{"done": True}] * 4


def test_closing_finishes_what_is_under_way(slow: Flask) -> None:
    server = serve(slow, HOST, 0, 2)
    thread = threading.Thread(target=server.run)
    thread.start()
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(httpx2.get, f"http://{HOST}:{server.port}/")
        assert slow.extensions["begun"].wait(20)
        server.close()
        assert under_way.result().json() == {"done": True}
    thread.join(5)
    assert not thread.is_alive()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://{HOST}:{server.port}/")


def test_closing_closes_the_files_of_answers_that_nobody_took(
    slow: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.server.DRAIN_SECONDS", 0.1)
    left_open: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", left_open.append)
    with ExitStack() as clients:
        with running(slow) as url:
            address = (HOST, int(url.rpartition(":")[2]))
            client = clients.enter_context(socket.create_connection(address, timeout=5))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(b"GET /large/4 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.3)  # until the server can't send any more
        gc.collect()
    assert not left_open


def test_closing_before_and_after_running_is_harmless(slow: Flask) -> None:
    server = serve(slow, HOST, 0, 2)
    server.close()
    server.run()
    server.close()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://{HOST}:{server.port}/")


def test_a_port_that_is_taken_is_an_error_at_once(slow: Flask, url: str) -> None:
    with pytest.raises(OSError, match="in use"):
        serve(slow, HOST, int(url.rpartition(":")[2]), 2)


def test_answers_that_nobody_takes_are_bounded_together(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.server.MAX_UNSENT_BYTES", 8 * len(PIECE))
    port = int(url.rpartition(":")[2])
    with ExitStack() as open_lines:
        for _ in range(4):
            line = open_lines.enter_context(socket.create_connection((HOST, port), timeout=5))
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.sendall(b"GET /large/10 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(1)
        assert httpx2.get(url).json() == {"done": True}, "small answers go out"
        with pytest.raises(httpx2.RemoteProtocolError):
            httpx2.get(f"{url}/large/10")
    time.sleep(0.5)
    assert len(httpx2.get(f"{url}/large/2").content) == 2 * len(PIECE)


def test_the_application_behind_the_server(app: APIFlask) -> None:
    credentials = {"username": "ada@home", "password": "correct horse battery staple"}
    with running(app) as url, httpx2.Client(base_url=url) as client:
        assert client.get("/health").json() == {"status": "ok"}
        assert client.post("/api/register", json=credentials).status_code == 201
        token = client.post("/api/login", json=credentials).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        uuid = client.get("/api/getUserUUID/ada%40home").json()
        answer = client.get(f"/api/user/{uuid}")
        assert answer.json()["username"] == "ada@home"
        assert "server" not in answer.headers
        client.post("/api/errands", json={"name": "🦊"})
        assert [row["name"] for row in client.get("/api/errands").json()] == ["🦊"]
        assert client.request("DELETE", f"/api/user/{uuid}", json={}).status_code == 400


def test_an_answer_has_one_date_which_may_be_the_applications(url: str, slow: Flask) -> None:
    @slow.get("/dated")
    def dated() -> Response:
        return Response("x", headers={"date": "Thu, 01 Jan 2026 00:00:00 GMT"})

    own, ours = (httpx2.get(f"{url}{path}").headers.get_list("Date") for path in ("/dated", "/"))
    assert own == ["Thu, 01 Jan 2026 00:00:00 GMT"]
    assert len(ours) == 1
    assert abs(parsedate_to_datetime(ours[0]) - datetime.now(UTC)) < timedelta(hours=1)


def test_plain_views_run_as_they_are_and_async_ones_are_left_to_flask(app: APIFlask) -> None:
    def plain() -> None: ...

    async def later() -> None: ...

    assert app.ensure_sync(plain) is plain
    with pytest.raises(RuntimeError, match="async"):
        app.ensure_sync(later)
