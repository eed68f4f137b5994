"""A reply on Discord that grows while it is being written: sent once, then edited."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import discord
from cachetools import TLRUCache

from bot.discord.errors import NETWORK_ERRORS, reason
from bot.markdown import fences_closed, split
from bot.messages import GrowingDraft

logger = logging.getLogger(__name__)

LONG = 10_000  # characters, which take some 10 ms to be cut
EDITS, PERIOD = 5, 5.0
"""Discord takes about so many edits of messages in a channel, in so many seconds."""
STEP = PERIOD / (EDITS - 1)
"""Seconds between the edits of growing replies, which leaves room for a last one at once."""
MAX_PACED = 10_000  # channels
FIRST_SECONDS = 0.8
"""How long a reply is waited for before its beginning is shown: a short one is whole by then."""


class Pace:
    """When the messages of a channel may be edited, whoever is answered there.

    To finish comes before to grow: a last edit takes the next turn there is, even one to come; any
    other takes a turn only when it is there, and never the last of a period.
    """

    def __init__(self) -> None:
        self._taken: TLRUCache[int, list[float]] = TLRUCache(  # the latest turns by channel
            MAX_PACED,
            lambda _, taken, __: taken[-1] + PERIOD,
            lambda: asyncio.get_running_loop().time(),
        )

    async def wait(self, channel_id: int, *, is_last: bool = False) -> None:
        """Return when it is the turn of an edit, the last one of a reply or any other."""
        loop = asyncio.get_running_loop()
        while True:
            now, taken = loop.time(), self._taken.get(channel_id, [])
            most = EDITS if is_last else EDITS - 1
            at = max(now, taken[-most] + PERIOD) if len(taken) >= most else now
            if taken and not is_last:
                at = max(at, taken[-1] + STEP)
            if is_last or at <= now:
                break
            await asyncio.sleep(at - now)
        self._note(channel_id, at)
        await asyncio.sleep(at - now)

    def count(self, channel_id: int) -> None:
        """Let the next edit keep its distance from a message that is sent now."""
        self._note(channel_id, asyncio.get_running_loop().time())

    def _note(self, channel_id: int, at: float) -> None:
        self._taken[channel_id] = sorted([*self._taken.get(channel_id, []), at])[-EDITS:]


class DiscordDraft(GrowingDraft):
    """Shows the text so far in one message, and in further ones behind it where it is long.

    `post` sends a message; `turn` waits until one may be edited, for the last time or not. An edit
    that fails is made up for by the next one, and the last one by a new message.
    """

    def __init__(
        self,
        post: Callable[[str], Awaitable[discord.Message]],
        turn: Callable[[bool], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._post = post
        self._turn = turn
        self._is_complete = False
        self._messages: list[discord.Message] = []
        self._shown: list[str] = []  # what stands in each of them

    async def _wait_for_turn(self) -> None:
        if self._messages:
            await self._turn(False)
        else:
            await asyncio.sleep(FIRST_SECONDS)

    async def _grow(self) -> None:
        await self._update(await self._pieces())

    async def _complete(self) -> None:
        self._is_complete = True
        pieces = await self._pieces()
        if pieces != self._shown:
            if self._messages:
                await self._turn(True)
            await self._update(pieces)

    async def _pieces(self) -> list[str]:
        """Return the messages of the text so far; a long one is cut where it holds up nobody."""
        text = self._text
        if len(text) > LONG:
            return await asyncio.to_thread(lambda: split(fences_closed(text)))
        return split(fences_closed(text))

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
        except NETWORK_ERRORS as error:
            logger.warning("a reply was not sent: %s", reason(error))
            return False
        self._messages.append(message)
        self._shown.append(piece)
        return True

    async def _edit(self, number: int, piece: str) -> bool:
        """Change a message; return False where it has to be sent again instead."""
        if self._shown[number] == piece:
            return True
        try:
            await self._messages[number].edit(content=piece)
        except NETWORK_ERRORS as error:
            logger.info("a reply was not changed: %s", reason(error))
            return not (self._is_complete or isinstance(error, discord.NotFound))
        self._shown[number] = piece
        return True

    async def _delete(self, message: discord.Message) -> None:
        try:
            await message.delete()
        except NETWORK_ERRORS as error:
            logger.info("a message could not be taken back: %s", reason(error))
