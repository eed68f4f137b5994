"""What people may still spend on language models; the API counts it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ai.configuration import Price
from ai.models import Usage
from bot import metrics
from bot.api_client import ApiClient
from bot.batches import Batches
from bot.messages import Address
from bot.sessions import Person
from bot.times import on_the_clock
from config.clock import Clock

REACHED = {
    "requests": "You have asked the language model as often as you may today.",
    "tokens": "You have used what you may spend on the language model today.",
    "agent": "I have used what I may spend on the language model today.",
}
STILL = "What I understand without it still works; I can ask it again {when}."

Who = str | dict[str, str]
"""Who spends: a user's UUID, or the platform and account of somebody who is not logged in."""
MOST = 250  # entries in one request: with more, it may be larger than the API takes (64 KiB)


class Meter:
    """Counts for everyone who talks to one agent, for many at the same moment in one request.

    `most_tokens` is what this agent may spend a day, besides what the API allows every agent; 0 is
    no limit.
    """

    def __init__(self, api: ApiClient, agent: str, most_tokens: int = 0) -> None:
        self._api = api
        self.agent = agent
        self._agent = {"agent": agent, "agent_token_limit": most_tokens}
        self._batches = Batches(self._settle, MOST)

    async def note(self, spent: dict[str, Any]) -> None:
        """Count what one person spent. Raises ApiError."""
        await self._batches.ask(("spent", spent))

    async def ask(self, who: Who) -> tuple[str | None, datetime]:
        """Count a request; return the limit that leaves no room for it, and when that is lifted.

        Raises ApiError.
        """
        return await self._batches.ask(("wanted", who))

    async def _settle(self, items: list[tuple[str, Any]]) -> list[tuple[str | None, datetime]]:
        lists: dict[str, list[Any]] = {"spent": [], "wanted": []}
        for kind, item in items:
            lists[kind].append(item)
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
    ) -> None:
        self._meter = meter
        self._prices = prices
        self._clock = clock
        if isinstance(person, Person):
            self._who: Who = person.session.user_uuid
            zone = person.session.time_zone or zone
        else:
            self._who = {"platform": person.platform, "account_id": person.account_id}
        self._zone = ZoneInfo(zone)

    async def allow(self) -> str | None:
        """Count a request; return why there may be none, for the person. Raises ApiError."""
        reached, resets_at = await self._meter.ask(self._who)
        if reached is None:
            return None
        when = on_the_clock(resets_at, self._clock(), self._zone)
        return f"{REACHED[reached]} {STILL.format(when=when)}"

    async def spend(self, usage: Usage, model: str) -> None:
        """Note what a request came to. Raises ApiError."""
        cost = usage.cost(self._prices.get(model))
        metrics.spent(self._meter.agent, model, usage, cost)
        spent = {
            "user_uuid" if isinstance(self._who, str) else "account": self._who,
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion,
            "cost": cost,
        }
        await self._meter.note(spent)
