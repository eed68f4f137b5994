"""What every message to an agent passes, whatever its type: in order, and no late secret."""

import asyncio
from dataclasses import replace
from uuid import uuid4
from weakref import WeakValueDictionary

from bot.agent import Agent, Services
from bot.api.client import ApiError
from bot.api.open_secrets import OpenSecrets
from bot.markdown import escape
from bot.messages import Incoming, Place, ReplyChannel

UNREAD = (
    "I had stopped waiting for your answer to my last question. I haven't read this message "
    "either: please start again."
)


class Inbox:
    """Hands an agent the messages of one person in one channel in order.

    A message that may be a secret which was asked for there before a restart, or by an agent that
    this one replaced, no agent is shown. An edit replaces a message that waits for its turn, and
    starts the answer again to one that is being answered, where the agent does so.
    """

    def __init__(self, agent: Agent, services: Services) -> None:
        self._agent = agent
        patience = services.settings.login_timeout_seconds
        # Of an agent that asks for no secret, too: the one before it may have asked.
        self._secrets = agent.open_secrets or OpenSecrets(services.api, services.clock, patience)
        self._turns: WeakValueDictionary[Place, asyncio.Lock] = WeakValueDictionary()
        self._waiting: dict[tuple[Place, str], Incoming] = {}

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Have the agent answer a message that it may read. Raises what the two raise."""
        place = incoming.place
        key = (place, incoming.message_id or uuid4().hex)
        if before := self._waiting.get(key):
            self._waiting[key] = replace(incoming, edited=before.edited)
            return
        if incoming.edited and await self._agent.give_up(place, incoming.message_id):
            incoming = replace(incoming, edited=False)
        turn = self._turns.setdefault(place, asyncio.Lock())
        self._waiting[key] = incoming
        try:
            await turn.acquire()
        finally:
            incoming = self._waiting.pop(key, incoming)
        try:
            await self._handle(place, incoming, reply_channel)
        finally:
            turn.release()

    async def _handle(self, place: Place, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Have the agent answer a message whose turn it is."""
        try:
            is_unread = await self._may_be_late_secret(place, incoming)
        except ApiError as error:
            if not incoming.edited:
                await reply_channel.send(escape(error.message))
            return
        if not is_unread:
            await self._agent.handle(incoming, reply_channel)
        elif not incoming.edited:
            await reply_channel.send(UNREAD + await self._agent.drop(place))
            await self._secrets.close(place)

    async def _may_be_late_secret(self, place: Place, incoming: Incoming) -> bool:
        """Say whether a secret was asked for that the agent itself no longer waits for."""
        # None is asked for where others read along.
        says_something = incoming.recording or incoming.text.strip()
        if not (incoming.private and incoming.is_typed and says_something):
            return False
        if self._agent.waits_for_secret(place):
            return False
        return await self._secrets.is_open(place)
