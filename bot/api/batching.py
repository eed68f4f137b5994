"""Many small requests as a few larger ones."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batches(Generic[Item, Answer]):
    """Sends together what is asked at the same moment, or while a request is out.

    A thousand people at the same moment are a few requests. `send` takes at most `most` items and
    returns an answer for each; what it raises, each of them gets.
    """

    def __init__(
        self, send: Callable[[list[Item]], Awaitable[Sequence[Answer]]], most: int
    ) -> None:
        self._send = send
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def ask(self, item: Item) -> Answer:
        """Return the answer to one item."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())
        return await answer

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._send_one(batch)
        finally:
            self._sending = None

    async def _send_one(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._send([item for item, _ in batch])
            answered = [*zip((future for _, future in batch), answers, strict=True)]
        except Exception as error:
            for _, future in batch:
                if not future.done():  # nobody waits for it any more
                    future.set_exception(error)
        else:
            for future, answer in answered:
                if not future.done():
                    future.set_result(answer)
