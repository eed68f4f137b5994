"""HTTP posts, many of them to few hosts, each for as little of the processor as can be.

aiohttp's connector makes and keeps the connections (names, proxies, TLS), and its parser reads the
answers. Left out is what its ClientSession does again for every request, such as cookies, redirects
and tracing: for a short message, nearly half of the time that sending it takes (ADR 35).
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

import aiohttp
from aiohttp.http import HttpProcessingError
from aiohttp.streams import EofStream, StreamReader
from cachetools import LRUCache
from yarl import URL

from runtime.proxy import proxy_for

BODY_SECONDS = 1.0
"""How long the rest of an answer is waited for, that its connection can be used again."""
MAX_READ = 65_536  # bytes of an answer
MAX_HOSTS = 100
KEPT = ("Host", "User-Agent", "Authorization", "Proxy-Authorization")
NO_LIMIT = aiohttp.ClientTimeout(total=None)  # it is limited from outside


class Answer(NamedTuple):
    """What a receiver answered; of the body nothing is kept."""

    status: int
    headers: Mapping[str, str]


class HttpPosts:
    """A client that posts: a context manager, for one event loop."""

    async def __aenter__(self) -> Self:
        self._connector = aiohttp.TCPConnector(limit=0)
        self._hosts: LRUCache[tuple[str, str], aiohttp.ClientRequest] = LRUCache(MAX_HOSTS)
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self._connector.close()

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        """Send a body and return the answer, which comes within so many seconds.

        No redirect is followed. Raises aiohttp.ClientError (InvalidURL is one) and TimeoutError.
        """
        try:
            target = URL(url)
            host = self._host(target)
        except ValueError as error:
            raise aiohttp.InvalidURL("?") from error  # the address is a secret
        async with asyncio.timeout(seconds):
            connection = await self._connector.connect(host, [], NO_LIMIT)
            while connection.protocol is not None and connection.protocol.should_close:
                connection.close()  # it said something that nobody asked for
                connection = await self._connector.connect(host, [], NO_LIMIT)
            try:
                answer, rest = await _exchange(connection, _head(host, target, body, headers), body)
            except BaseException:
                connection.close()
                raise
        try:
            if not rest.is_eof():
                await _finish(rest)
        finally:
            connection.release()  # which closes it where there is more to come
        return answer

    def _host(self, url: URL) -> aiohttp.ClientRequest:
        """Return what all requests to a host have in common."""
        key = url.scheme, url.raw_authority
        found = self._hosts.get(key)
        if found is None:
            origin = url.with_path("/")
            proxy = proxy_for(str(origin))
            found = aiohttp.ClientRequest("POST", origin, proxy=URL(proxy) if proxy else None)
            self._hosts[key] = found
        return found


def _head(host: aiohttp.ClientRequest, url: URL, body: bytes, headers: Mapping[str, str]) -> bytes:
    by_full_url = host.proxy is not None and not host.is_ssl()
    path = str(url.with_user(None)) if by_full_url else url.raw_path_qs
    common = {name: host.headers[name] for name in KEPT if name in host.headers}
    lines = [
        f"POST {path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in (common | {**headers}).items()),
        f"Content-Length: {len(body)}",
    ]
    if any(end in line for line in lines for end in "\r\n"):
        raise aiohttp.InvalidURL("?")
    return "\r\n".join([*lines, "", ""]).encode()


async def _exchange(
    connection: aiohttp.connector.Connection, head: bytes, body: bytes
) -> tuple[Answer, StreamReader]:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None:
        raise aiohttp.ServerDisconnectedError
    protocol.set_response_params(auto_decompress=False)
    transport.write(head + body)
    while True:
        try:
            message, rest = await protocol.read()
        except (HttpProcessingError, EofStream) as error:
            raise aiohttp.ClientPayloadError from error
        if message.code >= 200:
            return Answer(message.code, message.headers), rest


async def _finish(rest: StreamReader) -> None:
    """Read an answer to its end; what it says, or that it breaks off, does not matter."""
    with suppress(aiohttp.ClientError, TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            read = 0
            while not rest.at_eof() and read < MAX_READ:
                read += len(await rest.readany())
