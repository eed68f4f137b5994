"""What a person means by phrases of their own, kept by the API as their rows."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from ai.commands import ParsedCommand
from bot.api.batching import Batches
from bot.api.client import ApiClient, ApiError
from bot.api.sessions import UserApi
from runtime.logs import request_id

logger = logging.getLogger(__name__)

PATH = "/api/phrases"
MAX_CHARS = 200  # of a phrase; longer ones are said once
MAX_BATCH_SIZE = 50  # people in one request; the API takes no more
MAX_BATCH_CHARS = 50_000  # and no more than 64 KiB: names make some tokens ten times as long
MAX_ESCAPED = 12  # characters of JSON that one of a phrase takes


def phrase_of(text: str) -> str:
    """Return a text as phrases are compared: no case, single spaces, no punctuation at its end.

    "" where it is too long for one, or no database could keep it.
    """
    phrase = " ".join(text.casefold().split()).rstrip("?!. ")
    try:
        phrase.encode()
    except UnicodeError:  # the request that it stands in would be refused as a whole
        return ""
    return phrase if len(phrase) <= MAX_CHARS and "\0" not in phrase else ""


class PhraseLookup:
    """Asks what people mean, for many at the same moment in one request."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self._batches = Batches(self._fetch, MAX_BATCH_SIZE)

    async def orders(self, phrase: str, token: str) -> Sequence[dict[str, Any]]:
        """Return the orders that the owner of a token means by a phrase. Raises ApiError."""
        answer = await self._batches.ask({"token": token, "phrase": phrase})
        if answer["status"] != 200:  # of this person alone
            raise ApiError(answer["status"], answer["error"])
        orders: list[dict[str, Any]] = answer["orders"]
        return orders

    async def _fetch(self, asked: list[dict[str, str]]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        while len(answers) < len(asked):
            some: list[dict[str, str]] = []
            left = MAX_BATCH_CHARS
            for one in asked[len(answers) :]:
                left -= len(one["token"]) + MAX_ESCAPED * len(one["phrase"])
                if left < 0 and some:
                    break
                some.append(one)
            answers += (await self._api.service("phrases", {"asked": some}))["answers"]
        return answers


class Phrases:
    """One person's phrases. Without them all goes on: what fails is logged, not raised."""

    def __init__(self, api: UserApi) -> None:
        self._api = api

    async def meaning(self, lookup: PhraseLookup, text: str) -> Sequence[dict[str, Any]]:
        """Return the orders that the person means by a text; none where they taught nothing."""
        phrase = phrase_of(text)
        if not phrase:
            return ()
        try:
            return await self._api.as_user(partial(lookup.orders, phrase))
        except ApiError as error:
            logger.warning("A person's phrases can't be read: %s", error.message)
            return ()

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
