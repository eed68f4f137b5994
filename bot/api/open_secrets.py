"""Where the next message may be a password: the bot has asked for one, before a restart perhaps.

The bot keeps nothing on disk, so the API keeps a row with the place and a time limit, written
before the question is sent. The secret itself is never in it.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from bot.api.batching import Batches
from bot.api.client import ApiClient, ApiError, where
from bot.messages import Place
from runtime.clock import Clock

logger = logging.getLogger(__name__)

KEPT = timedelta(minutes=30)
"""How long a secret may still be typed after the bot has stopped waiting for it."""
MAX_ANSWER = timedelta(minutes=15)
"""How long a bot that was replaced may still be at work on its last messages, and ask for one."""
MAX_PLACES = 250  # places in one request; the API takes no more


class OpenSecrets:
    """The places where a secret was asked for and did not come yet.

    What this object asked for it knows itself; the API is asked only while a row of one before it,
    in a process or an agent that was replaced, may still be valid.
    """

    def __init__(self, api: ApiClient, clock: Clock, patience: float) -> None:
        """Keep a place for `patience` seconds, for which the bot waits, and KEPT."""
        self._api = api
        self._clock = clock
        self._kept = timedelta(seconds=patience) + KEPT
        self._alone_at = clock() + self._kept + MAX_ANSWER
        self._own: dict[Place, datetime] = {}
        self._asked = Batches(self._are_open, MAX_PLACES)

    async def expect(self, place: Place) -> None:
        """Note that a secret is about to be asked for. Raises ApiError: then don't ask."""
        seconds = self._kept.total_seconds()
        await self._api.service("secrets/expect", {**_row(place), "seconds": seconds})
        now = self._clock()
        if now >= self._alone_at:
            self._own = {one: until for one, until in self._own.items() if until > now}
        self._own[place] = now + self._kept

    async def close(self, place: Place) -> None:
        """Note that it came, or that the message which may have been it was not read."""
        self._own[place] = self._clock()
        try:
            await self._api.service("secrets/close", _row(place))
        except ApiError as error:  # a bot after this one will not read one message too many
            logger.warning("an answered question stays noted: %s", error.message)

    async def is_open(self, place: Place) -> bool:
        """Say whether a message there may be a secret. Raises ApiError: then don't read it."""
        now = self._clock()
        if place in self._own:
            return self._own[place] > now
        return now < self._alone_at and await self._asked.ask(place)

    async def _are_open(self, places: list[Place]) -> Sequence[bool]:
        try:
            answer = await self._api.service("secrets/open", {"places": [*map(_row, places)]})
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return [False] * len(places)  # an API from before there were such rows
        are_open: list[bool] = answer["open"]
        return are_open


def _row(place: Place) -> dict[str, Any]:
    """Return a place as the service routes want it."""
    address, channel_id = place
    return {**where(address), "channel_id": channel_id}
