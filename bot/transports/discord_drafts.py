"""A reply on Discord that grows while it is being written: sent once, then edited."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Self

import discord

from bot.text import fences_closed, split
from bot.transports.discord_trouble import TROUBLE, reason

logger = logging.getLogger(__name__)

EDIT_SECONDS = 1.2  # Discord takes about five edits in five seconds in a channel


class Pace:
    """When the messages of a channel may be edited again, whoever is answered there."""

    def __init__(self, seconds: float = EDIT_SECONDS) -> None:
        self._seconds = seconds
        self._taken: OrderedDict[int, float] = OrderedDict()

    async def wait(self, channel_id: int) -> None:
        """Return when it is this edit's turn."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._taken.pop(channel_id, now))
        self._taken[channel_id] = at + self._seconds
        while next(iter(self._taken.values())) < now:
            self._taken.popitem(last=False)
        await asyncio.sleep(at - now)


class DiscordDraft:
    """Shows the text so far in one message, and in further ones behind it where it is long.

    `post` sends a message, `turn` waits until one may be edited. An edit that fails is made up for
    by the next one, and the last one by a new message.
    """

    def __init__(
        self,
        post: Callable[[str], Awaitable[discord.Message]],
        turn: Callable[[], Awaitable[None]],
    ) -> None:
        self._post = post
        self._turn = turn
        self._text = ""
        self._changed = asyncio.Event()
        self._complete = False
        self._messages: list[discord.Message] = []
        self._shown: list[str] = []  # what stands in each of them

    async def show(self, text: str) -> None:
        """Show the whole text so far, as soon as it is this channel's turn."""
        self._text = text
        self._changed.set()

    async def __aenter__(self) -> Self:
        self._writing = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, Exception):
            self._complete = True
            self._changed.set()
        else:
            self._writing.cancel()
        try:
            await self._writing
        finally:
            self._writing.cancel()

    async def _write(self) -> None:
        while not self._complete or self._changed.is_set():
            await self._changed.wait()
            if self._messages:
                await self._turn()
            self._changed.clear()
            await self._update(split(fences_closed(self._text)))

    async def _update(self, pieces: list[str]) -> None:
        """Let the messages read like this, from the first on."""
        old: list[discord.Message] = []
        for number, piece in enumerate(pieces):
            if number < len(self._shown) and not await self._edit(number, piece):
                old += self._take_out(number)  # what comes next stays behind it
            if number == len(self._shown) and not await self._go_on(piece):
                return
        for message in old + self._take_out(len(pieces)):
            await self._delete(message)

    def _take_out(self, number: int) -> list[discord.Message]:
        """Count the messages from a number on as written no more; return them."""
        taken = self._messages[number:]
        del self._messages[number:], self._shown[number:]
        return taken

    async def _go_on(self, piece: str) -> bool:
        """Send the next message; return whether Discord has taken it."""
        try:
            message = await self._post(piece)
        except TROUBLE as error:
            logger.warning("a reply was not sent: %s", reason(error))
            return False
        self._messages.append(message)
        self._shown.append(piece)
        return True

    async def _edit(self, number: int, piece: str) -> bool:
        """Change a message; return False where that has to be sent anew instead."""
        if self._shown[number] == piece:
            return True
        try:
            await self._messages[number].edit(content=piece)
        except TROUBLE as error:
            logger.info("a reply was not changed: %s", reason(error))
            return not (self._complete or isinstance(error, discord.NotFound))
        self._shown[number] = piece
        return True

    async def _delete(self, message: discord.Message) -> None:
        try:
            await message.delete()
        except TROUBLE as error:
            logger.info("a message could not be taken back: %s", reason(error))
