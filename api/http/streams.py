"""Connections that stay open to be told things later. No request's thread waits for them.

The server hands a connection over to the one loop of this module once its request is answered
(`api/http/server.py`); from then on it costs a file descriptor and some memory.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import cast

MAX_UNSENT_BYTES = 256 * 1024  # of one connection; who reads that slowly has to connect again
CLOSING_SECONDS = 10.0  # that the loop gets to send what it has when the server ends

HAND_OVER = "api.hand_over"
"""The name in the WSGI environment of the function that takes a Stream; only our server has it."""


class Stream(asyncio.Protocol):
    """One answer without an end in sight. What it is told may come from any thread."""

    def __init__(self, on_end: Callable[["Stream"], None]) -> None:
        """Have `on_end` called once, in whichever thread, when nothing can be sent any more."""
        self._on_end = on_end
        self._lock = threading.Lock()  # around the state below
        self._pending: list[bytes] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._transport: asyncio.Transport | None = None
        self._chunked = False
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._is_over

    def send(self, data: bytes) -> None:
        """Send something as soon as possible, or drop it where the other side is gone."""
        with self._lock:
            if self._is_over or not data:
                return
            if self._loop is None:
                self._pending.append(data)
                return
            self._loop.call_soon_threadsafe(self._write, data)

    def end(self) -> None:
        """Send what is left, and close the connection."""
        with self._lock:
            was_over, self._is_over = self._is_over, True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._close)
        if not was_over:
            self._on_end(self)

    def attach(self, head: bytes, chunked: bool, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to send, in the loop: the head of the answer, and what was sent before."""
        self._chunked = chunked
        transport = self._transport
        if transport is None:
            return
        transport.write(head)
        with self._lock:
            pending, self._pending, self._loop = self._pending, [], loop
            is_over = self._is_over
        for data in pending:
            self._write(data)
        if is_over:
            self._close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """End it: who waits for an answer has nothing to say."""
        self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the other side is gone."""
        self._transport = None
        self.end()

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.drop()
            return
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def _close(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            if self._chunked:
                self._transport.write(b"0\r\n\r\n")
            self._transport.close()

    def drop(self) -> None:
        """Close the connection at once, in the loop."""
        if self._transport is not None:
            self._transport.abort()


class Streams:
    """The loop that streams live in, in a thread that starts with the first one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._open: set[Stream] = set()

    def adopt(self, connection: socket.socket, stream: Stream, head: bytes, chunked: bool) -> None:
        """Take over a connection, from the server's thread."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="streams", daemon=True
            )
            self._thread.start()
        taking = self._take(self._loop, connection, stream, head, chunked)
        asyncio.run_coroutine_threadsafe(taking, self._loop)

    def close(self) -> None:
        """End every stream, and the thread."""
        if self._loop is None or self._thread is None:
            return
        ending: Future[None] = asyncio.run_coroutine_threadsafe(self._end_all(), self._loop)
        try:
            ending.result(CLOSING_SECONDS)
        except TimeoutError:
            ending.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSING_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    async def _take(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: socket.socket,
        stream: Stream,
        head: bytes,
        chunked: bool,
    ) -> None:
        self._open = {one for one in self._open if not one.is_over} | {stream}
        try:
            await loop.connect_accepted_socket(lambda: stream, connection)
        except OSError:
            connection.close()
            stream.end()
        else:
            stream.attach(head, chunked, loop)

    async def _end_all(self) -> None:
        for stream in self._open:
            stream.end()
        for _ in range(3):  # to write the ends, to close, and to hear that it is closed
            await asyncio.sleep(0)
        for stream in self._open:
            stream.drop()
        await asyncio.sleep(0)
