"""What a person means by phrases of their own, kept by the API as their rows."""

import logging
from collections.abc import Sequence
from typing import Any

from ai.commands import ParsedCommand
from bot.api.client import ApiError
from bot.api.sessions import UserApi
from runtime.logs import request_id

logger = logging.getLogger(__name__)

PATH = "/api/phrases"
MAX_CHARS = 200  # of a phrase; longer ones are said once


def phrase_of(text: str) -> str:
    """Return a text as phrases are compared: no case, single spaces, no punctuation at its end.

    "" where it is too long for one.
    """
    phrase = " ".join(text.casefold().split()).rstrip("?!. ")
    return phrase if len(phrase) <= MAX_CHARS else ""


class Phrases:
    """One person's phrases. Without them all goes on: what fails is logged, not raised."""

    def __init__(self, api: UserApi) -> None:
        self._api = api

    async def meaning(self, text: str) -> Sequence[dict[str, Any]]:
        """Return the orders that the person means by a text; none where they taught nothing."""
        phrase = phrase_of(text)
        if not phrase:
            return ()
        try:  # all of them, so that no text stands in an address, which is logged
            rows = await self._api.get_all(PATH)
        except ApiError as error:
            logger.warning("A person's phrases can't be read: %s", error.message)
            return ()
        return next((row["orders"] for row in rows if row["phrase"] == phrase), ())

    async def teach(self, text: str, orders: Sequence[ParsedCommand]) -> None:
        """Note what the person means by a text."""
        phrase = phrase_of(text)
        if not phrase:
            return
        self._api.begin(f"{request_id.get()}:phrase")  # beside what the order itself makes
        meant = [order.as_dict() for order in orders]
        try:
            await self._api.post(PATH, {"phrase": phrase, "orders": meant})
        except ApiError as error:
            logger.warning("A person's phrase can't be kept: %s", error.message)

    async def forget(self) -> int:
        """Erase all of the person's phrases; return how many. Raises ApiError."""
        forgotten: int = (await self._api.delete(PATH))["forgotten"]
        return forgotten
