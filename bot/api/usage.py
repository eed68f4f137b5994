"""What people may still spend on language models; the API counts it."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from ai.config import Price
from ai.llm.types import Usage
from bot import metrics
from bot.api.batching import Batches
from bot.api.client import ApiAway, ApiClient, ApiError
from bot.api.sessions import Person
from bot.messages import Address
from bot.phrasing import on_the_clock
from runtime.clock import Clock

logger = logging.getLogger(__name__)

REACHED = {
    "requests": "You have asked the language model as often as you may today.",
    "tokens": "You have used what you may spend on the language model today.",
    "agent": "I have used what I may spend on the language model today.",
}
AGAIN = "I can ask it again {when}."
STILL = "What I understand without it still works."

Who = str | dict[str, str]
"""Who spends: a user's UUID, or the platform and account of somebody who is not logged in."""
MAX_BATCH_SIZE = 200  # entries in one request, so that it fits what the API takes (64 KiB)


class Meter:
    """Counts for everyone who talks to one agent, for many at the same moment in one request.

    `most_tokens` is what this agent may spend a day, besides what the API allows every agent; 0 is
    no limit.
    """

    def __init__(self, api: ApiClient, agent: str, most_tokens: int = 0) -> None:
        self._api = api
        self.agent = agent
        self._agent = {"agent": agent, "agent_token_limit": most_tokens}
        self._batches = Batches(self._settle, MAX_BATCH_SIZE)
        self._unnoted: list[dict[str, Any]] = []  # the API was away

    async def note(self, spent: dict[str, Any]) -> None:
        """Count what one person spent; what does not reach the API is sent with what comes next."""
        try:
            await self._batches.ask(("spent", spent))
        except ApiError as error:
            logger.warning("what a model cost was not noted yet: %s", error.message)
            if isinstance(error, ApiAway) and spent["reservation"]:
                self._unnoted = [*self._unnoted, spent][-MAX_BATCH_SIZE:]

    async def ask(self, who: Who, tokens: int) -> tuple[str | None, datetime, str]:
        """Count a request, and hold so many tokens back for it.

        Returns the limit that it would exceed, when that is lifted, and the reservation, by
        which `note` settles it. Raises ApiError.
        """
        late, self._unnoted = self._unnoted, []
        for spent in late:
            await self.note(spent)
        reservation = str(uuid4())
        held = {"id": reservation, "tokens": tokens}
        reached, resets_at = await self._batches.ask(("wanted", (who, held)))
        return reached, resets_at, reservation

    async def _settle(self, items: list[tuple[str, Any]]) -> list[tuple[str | None, datetime]]:
        wanted = [item for kind, item in items if kind == "wanted"]
        lists = {
            "spent": [item for kind, item in items if kind == "spent"],
            "wanted": [who for who, _ in wanted],
            "reserve": [reservation for _, reservation in wanted],
        }
        answer = await self._api.service("usage", self._agent | lists)
        resets_at, reached = datetime.fromisoformat(answer["resets_at"]), iter(answer["reached"])
        return [(next(reached) if kind == "wanted" else None, resets_at) for kind, _ in items]


class Budget:
    """What one person may spend: one who is logged in, or whoever writes from an address."""

    def __init__(
        self,
        meter: Meter,
        person: Person | Address,
        prices: Mapping[str, Price],
        clock: Clock,
        zone: str,
        *,
        has_sentences: bool = True,
    ) -> None:
        """Count for a person; `has_sentences`: much is understood without a model."""
        self._meter = meter
        self._prices = prices
        self._has_sentences = has_sentences
        self._clock = clock
        if isinstance(person, Person):
            self._who: Who = person.session.user_uuid
            zone = person.session.time_zone or zone
        else:
            self._who = {"platform": person.platform, "account_id": person.account_id}
        self._zone = ZoneInfo(zone)
        self._reservation: str | None = None

    async def allow(self, tokens: int) -> str | None:
        """Count a request that may come to so many tokens, as estimated.

        Returns why there may be none, for the person. Raises ApiError.
        """
        reached, resets_at, self._reservation = await self._meter.ask(self._who, tokens)
        if reached is None:
            return None
        when = on_the_clock(resets_at, self._clock(), self._zone)
        still = [STILL] * self._has_sentences
        return " ".join([REACHED[reached], *still, AGAIN.format(when=when)])

    async def spend(self, usage: Usage, model: str) -> None:
        """Note what the request that was allowed came to, be it nothing."""
        cost = usage.cost(self._prices.get(model))
        if usage.total:
            metrics.spent(self._meter.agent, model, usage, cost)
        spent = {
            "user_uuid" if isinstance(self._who, str) else "account": self._who,
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion,
            "cost": cost,
            "reservation": self._reservation,
        }
        self._reservation = None  # it is settled by the first of several models
        await self._meter.note(spent)
