"""Where everything that people say on Discord comes in, and is handed to the agent."""

import asyncio
import logging

import discord
from cachetools import LRUCache, TTLCache

from bot.agent import Agent
from bot.discord.errors import NETWORK_ERRORS, reason
from bot.discord.replies import DiscordReplyChannel
from bot.messages import Incoming

logger = logging.getLogger(__name__)

MAX_WAITING = 5  # where no setting says otherwise
MAX_COUNTED = 10_000  # people or channels whose messages are counted
MAX_ASKED = 10_000  # questions whose buttons are remembered, to be taken away
SLOW_DOWN = "That is too fast for me. Please wait until I have answered, then tell me the rest."


class Quota:
    """How often something may be done for each of many: `most` times in some seconds."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._taken: TTLCache[int, list[None]] = TTLCache(MAX_COUNTED, seconds)

    def take(self, key: int) -> bool:
        """Count it once more, and return True; False where that would be too often."""
        taken = self._taken.setdefault(key, [])  # kept for so long from the first one on
        if len(taken) >= self._most:
            return False
        taken.append(None)
        return True


class IncomingQueue:
    """Keeps one person's flood from costing others anything, and tidies up answered questions.

    `most_waiting` messages of one person are answered or wait for it; the rest is dropped.
    """

    def __init__(
        self, client: discord.Client, agent: Agent, most_waiting: int = MAX_WAITING
    ) -> None:
        self.accepting = True
        self._most_waiting = most_waiting
        self._client = client
        self._agent = agent
        self._asked: LRUCache[tuple[str, str], int] = LRUCache(MAX_ASKED)
        self._waiting: dict[str, int] = {}
        self._slowed: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    async def close(self) -> None:
        """Take nothing new, and return when everything under way is answered."""
        self.accepting = False
        await self._idle.wait()

    async def answer(
        self, incoming: Incoming, reply_channel: DiscordReplyChannel, pressed: int | None = None
    ) -> None:
        """Have the agent answer, unless the person is much faster than it.

        `pressed` is the message whose button was used, which has lost its buttons by now.
        """
        person = incoming.address.account_id
        if not self.accepting:
            return
        waiting = self._waiting.get(person, 0)
        if waiting >= self._most_waiting:
            if person not in self._slowed:
                self._slowed.add(person)
                await reply_channel.send(SLOW_DOWN)
            return
        self._waiting[person] = waiting + 1
        self._idle.clear()
        try:
            await self._agent.handle(incoming, reply_channel)
            if not incoming.edited:
                await self._tidy(incoming, reply_channel, pressed)
        finally:
            self._leave(person)

    def _leave(self, person: str) -> None:
        """Count a message as answered."""
        self._waiting[person] -= 1
        if not self._waiting[person]:
            del self._waiting[person]
            self._slowed.discard(person)
        if not self._waiting:
            self._idle.set()

    async def _tidy(
        self, incoming: Incoming, reply_channel: DiscordReplyChannel, pressed: int | None
    ) -> None:
        """Take the buttons away from a question that was answered in words, or given up."""
        place = (incoming.channel_id, incoming.address.account_id)
        asked = self._asked.get(place)
        if incoming.answers and pressed != asked:
            return  # it was an older question's button, and this question may still be open
        self._asked.pop(place, None)
        if reply_channel.asked is not None and reply_channel.can_type:
            self._asked[place] = reply_channel.asked
        if asked is None or asked == pressed:
            return
        channel = self._client.get_partial_messageable(int(incoming.channel_id))
        try:
            await channel.get_partial_message(asked).edit(view=None)
        except NETWORK_ERRORS as error:
            logger.debug("buttons could not be taken away: %s", reason(error))
