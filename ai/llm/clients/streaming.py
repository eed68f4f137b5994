"""Conversation through a provider's own client: its connections, and its stream as it comes in."""

import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from typing import ClassVar, Generic, Protocol, TypeVar

import httpx2

from ai.llm.chat import ChatOptions, Streaming, has_images
from ai.llm.types import Answer, ModelError, Said, Tool, Turn
from ai.wire import reason


class Client(Protocol):
    """What keeps the connections to a provider's servers."""

    async def close(self) -> None:
        """Close them."""
        ...


AnyClient = TypeVar("AnyClient", bound=Client)
Piece = TypeVar("Piece")


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """Return the certificates to trust, read once for all clients: each would take 0.7 MB."""
    return httpx2.create_ssl_context()


class StreamAccumulator(ABC, Generic[Piece]):
    """What came of a stream so far."""

    @abstractmethod
    def take(self, piece: Piece) -> str:
        """Note a piece of the stream; return the text in it that is for the person."""

    @abstractmethod
    def answer(self) -> Answer:
        """Return all of it. Raises ModelError where the model refused."""


class ClientChat(Streaming, Generic[AnyClient, Piece]):
    """A model to talk to through a client, which is made when it is wanted."""

    errors: ClassVar[tuple[type[Exception], ...]]
    """What the client raises where it gets no answer."""

    def __init__(self, options: ChatOptions) -> None:
        super().__init__(options)
        self._client: AnyClient | None = None

    def prepare(self) -> None:
        """Import and make what the first request needs; any thread may do that."""
        self._connected()

    async def aclose(self) -> None:
        """Close the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client:
            await client.close()

    async def _request(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
    ) -> AsyncGenerator[str | Answer, None]:
        accumulator = self._listen()
        try:
            stream = await self._open(system, turns, tools)
            if not isinstance(stream, AbstractAsyncContextManager):  # a page of HTML, for example
                raise ModelError("broken")
            async with stream as pieces:
                async for piece in pieces:
                    if text := accumulator.take(piece):
                        yield text
            answer = accumulator.answer()
        except self.errors as error:
            told = self._told(error)
            if isinstance(body := getattr(error, "body", None), dict):
                told.reason = reason(body, [one.text for one in turns if isinstance(one, Said)])
                if has_images(turns) and told.problem == "broken" and "image" in str(body):
                    told.problem = "rejected"  # llama.cpp says 500: "image input is not supported"
            raise told from error
        except (AttributeError, LookupError, TypeError) as error:  # not as it is documented
            raise ModelError("broken") from error
        yield answer

    def _connected(self) -> AnyClient:
        """Return the client, which is made where there is none."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    @abstractmethod
    def _connect(self) -> AnyClient:
        """Make the client, and have it import what a request needs."""

    @abstractmethod
    async def _open(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
    ) -> AbstractAsyncContextManager[AsyncIterator[Piece]]:
        """Send a request, again without what this server or model does not take."""

    @abstractmethod
    def _listen(self) -> StreamAccumulator[Piece]:
        """Return what takes in a stream that begins."""

    @abstractmethod
    def _told(self, error: Exception) -> ModelError:
        """Return what one of `errors` means."""
