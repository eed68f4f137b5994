"""Posts by HTTP, against servers on loopback that do as they please."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from core import http_posts
from core.http_posts import Answer, HttpPosts

Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def scripted(*answers: bytes, seen: list[bytes] | None = None) -> tuple[Server, list[int]]:
    """A server that gives these answers, one a request on each connection; and its connections."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            for answer in answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                if seen is not None:
                    seen.append(head + body)
                writer.write(answer)
                await writer.drain()
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has had enough
        finally:
            writer.close()

    return serve, connections


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[tuple[HttpPosts, int]]:
    """A client, and the port of a server."""
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening, HttpPosts() as http:
        yield http, listening.sockets[0].getsockname()[1]


def post(
    server: Server, number: int = 1, url: str = "http://127.0.0.1:{}/topic", seconds: float = 5
) -> list[Answer]:
    async def run() -> list[Answer]:
        async with running(server) as (http, port):
            return [await http.post(url.format(port), b"hello", {}, seconds) for _ in range(number)]

    return asyncio.run(run())


def test_one_connection_carries_many_messages() -> None:
    server, connections = scripted(*[OK] * 20)
    assert [answer.status for answer in post(server, 20)] == [200] * 20
    assert len(connections) == 1


def test_a_request_is_one_that_servers_know() -> None:
    seen: list[bytes] = []
    server, _ = scripted(OK, seen=seen)
    post(server, url="http://ada:secret@127.0.0.1:{}/töpic")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    assert first == "POST /t%C3%B6pic HTTP/1.1"
    assert body == b"hello"
    assert headers["Host"].startswith("127.0.0.1:")
    assert headers["Content-Length"] == "5"
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"ada:secret").decode()


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 1000000\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\nnonsense",
        b"Connection: close\r\n\r\n",
    ],
)
def test_an_answer_that_does_not_end_counts_and_its_connection_is_left(
    rest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_posts, "BODY_SECONDS", 0.05)
    server, connections = scripted(b"HTTP/1.1 200 OK\r\n" + rest)
    try:
        assert [answer.status for answer in post(server, 2)] == [200, 200]
    except aiohttp.ClientError:  # what can't be read with the head is no answer
        assert b"nonsense" in rest
    else:
        assert len(connections) == 2


def test_what_is_said_unasked_answers_no_later_message() -> None:
    server, connections = scripted(OK + b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", OK)
    assert [answer.status for answer in post(server, 2)] == [200, 200]
    assert len(connections) == 2


def test_the_real_answer_comes_after_the_passing_ones() -> None:
    server, _ = scripted(b"HTTP/1.1 102 Wait\r\n\r\n" * 3 + OK)
    assert post(server)[0].status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_an_answer_that_is_none_is_the_receivers_error(answer: bytes) -> None:
    server, _ = scripted(answer)
    with pytest.raises(aiohttp.ClientError):
        post(server)


@pytest.mark.parametrize("drip", [b"HTTP/1.1 100 Continue\r\n\r\n", b"X: y\r\n", b""])
def test_an_answer_that_drips_ends_with_its_time(drip: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"" if drip.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\n")
        try:
            for _ in range(1000):
                writer.write(drip)
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            pass
        finally:
            writer.close()

    with pytest.raises((TimeoutError, aiohttp.ClientError)):
        post(serve, seconds=0.2)


def test_a_server_that_hangs_up_is_the_receivers_error() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        writer.close()

    with pytest.raises(aiohttp.ClientError):
        post(serve)


@pytest.mark.parametrize("url", ["http://", "nonsense", "http://a:99999/x", "http://[::1/x", ""])
def test_an_address_that_is_none_is_never_told(url: str) -> None:
    server, connections = scripted(OK)
    with pytest.raises(aiohttp.InvalidURL) as raised:
        post(server, url=url)
    assert connections == []
    assert not url or url not in str(raised.value)


def test_a_header_is_one_line() -> None:
    async def send() -> None:
        async with running(scripted(OK)[0]) as (http, port):
            headers = {"Authorization": "Bearer x\r\nHost: evil"}
            await http.post(f"http://127.0.0.1:{port}/", b"", headers, 5)

    with pytest.raises(aiohttp.InvalidURL):
        asyncio.run(send())


def test_a_proxy_is_given_the_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    async def send() -> Answer:
        server, _ = scripted(OK, OK, seen=seen)
        async with running(server) as (http, port):
            monkeypatch.setattr(http_posts, "proxy_for", lambda _: f"http://me:pw@127.0.0.1:{port}")
            await http.post("http://ntfy.example/ada", b"hello", {}, 5)
            return await http.post("http://ntfy.example/ada", b"hello", {}, 5)

    assert asyncio.run(send()).status == 200
    for request in seen:
        head = request.decode()
        assert head.startswith("POST http://ntfy.example/ada HTTP/1.1\r\n")
        assert "Proxy-Authorization: Basic " + base64.b64encode(b"me:pw").decode() in head
        assert "Host: ntfy.example\r\n" in head
