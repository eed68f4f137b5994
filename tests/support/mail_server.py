"""A real SMTP server (aiosmtpd) on loopback, and one whose answers drip."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

DRIP_SECONDS = 3.0  # between two bytes: well below any time-out of a single read


class Mailbox:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.transports: list[asyncio.Transport] = []
        self.port = 0

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content
        self.texts.append(content.decode() if isinstance(content, bytes) else str(content))
        return "250 OK"


class _Server(SMTP):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.event_handler.transports.append(transport)
        super().connection_made(transport)


class _Dripping(_Server):
    async def push(self, status: str | bytes) -> None:
        answer = status if isinstance(status, bytes) else status.encode()
        for byte in answer + b"\r\n":
            self._writer.write(bytes([byte]))
            await asyncio.sleep(DRIP_SECONDS)


def _anybody(*_: object) -> AuthResult:
    return AuthResult(success=True)


@contextmanager
def mail_server(*, drips: bool = False) -> Iterator[Mailbox]:
    """Run a server that takes every mail."""
    mailbox, made = Mailbox(), _Dripping if drips else _Server
    options = {"authenticator": _anybody, "auth_require_tls": False}
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        server = await loop.create_server(
            lambda: made(mailbox, loop=loop, **options), "127.0.0.1", 0
        )
        mailbox.port = server.sockets[0].getsockname()[1]
        ready.set_result((loop, stop))
        await stop.wait()
        server.close()
        for transport in mailbox.transports:
            transport.abort()
        await asyncio.sleep(0.05)  # in which their ends are noticed

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    loop, stop = ready.result(5)
    try:
        yield mailbox
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
