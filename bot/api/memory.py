"""What an agent remembers of each person: kept by the API, wherever the two have spoken."""

import logging
from dataclasses import dataclass
from typing import Any

from ai.llm.chat import tokens_of
from ai.llm.types import Said
from bot.api.client import ApiClient, ApiError, where
from bot.messages import Address

logger = logging.getLogger(__name__)

MAX_CHARS = 16_000  # characters of a turn that the API takes
CHARACTERS_PER_TOKEN = 4
FORGET = frozenset({"forget me", "please forget me", "forget about me", "forget everything"})
"""What a person says who wants to be forgotten."""
NOTHING = "I remembered nothing of you."


@dataclass(frozen=True)
class Remembered:
    """What is known of a person: the turns, oldest first, and what came before them in short."""

    summary: str = ""
    turns: tuple[Said, ...] = ()
    ids: tuple[int, ...] = ()
    times_forgotten: int | None = None  # None: it could not be read
    model: str = ""  # that they have chosen

    def older_than(self, turns: int, most_tokens: int) -> int:
        """Return how many of the turns are older than the last ones within both limits.

        What is not older begins with the person's own words, as models want it.
        """
        start = len(self.turns)
        room = most_tokens
        for number in range(len(self.turns) - 1, max(len(self.turns) - turns, 0) - 1, -1):
            room -= tokens_of(self.turns[number])
            if room < 0:
                break
            if self.turns[number].role == "user":
                start = number
        return start


class MemoryClient:
    """An agent's memory. Without it the agent goes on: what fails is logged, not raised."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def read(
        self, address: Address, turns: int, most_tokens: int, direct: bool | None = None
    ) -> Remembered:
        """Return what is known of a person, within both limits; nothing where it can't be read.

        `direct` is where it was said: in direct messages, in channels, or (None) in either.
        """
        limits = {"limit": turns, "characters": most_tokens * CHARACTERS_PER_TOKEN}
        try:
            known = await self._service("read", address, limits | {"direct": direct})
        except ApiError as error:
            logger.warning("%s can't remember: %s", address.agent, error.message)
            return Remembered()
        said: list[Said] = []
        ids: list[int] = []
        for row in known["turns"]:
            text = row["content"]
            if said and said[-1].role == row["role"]:  # noted bit by bit: models want it as one
                text = f"{said.pop().text}\n\n{text}"
                ids.pop()
            said.append(Said(row["role"], text))
            ids.append(row["id"])
        summary, times = known["summary"] or "", known["times_forgotten"]
        return Remembered(summary, tuple(said), tuple(ids), times, known["model"])

    async def add(
        self, address: Address, asked: str, answered: str, direct: bool, known: Remembered
    ) -> None:
        """Note what was said and answered, unless the person was forgotten since `known`."""
        turns = [
            {"role": role, "content": text.replace("\0", "")[:MAX_CHARS]}
            for role, text in (("user", asked), ("assistant", answered))
            if text.strip()
        ]
        await self._append(address, {"turns": turns}, direct, known)

    async def shorten(
        self, address: Address, summary: str, older: int, direct: bool, known: Remembered
    ) -> None:
        """Put a summary in the place of so many of the oldest turns, unless they were forgotten."""
        told = {"content": summary.replace("\0", "")[:MAX_CHARS], "up_to": known.ids[older - 1]}
        await self._append(address, {"summary": told}, direct, known)

    async def choose_model(self, address: Address, model: str) -> None:
        """Keep which model a person wants; "": the agent's own. Raises ApiError."""
        await self._service("model", address, {"model": model})

    async def forget(self, address: Address, here: int = 0, phrases: int = 0) -> str:
        """Erase all that is known of a person, and say what that was. Raises ApiError.

        `here` is the number of messages that the bot itself had in mind, and has erased, and
        `phrases` that of the person's own phrases that were.
        """
        erased = await self._service("forget", address, {})
        messages = erased["turns"] + here
        parts = [
            *([f"{messages} message{'' if messages == 1 else 's'} of our talks"] * bool(messages)),
            *(["my summary of what came before"] * bool(erased["summaries"])),
            *([f"{phrases} phrase{'' if phrases == 1 else 's'} of yours"] * bool(phrases)),
        ]
        if not parts:
            return NOTHING
        return f"I have forgotten {' and '.join(parts)}."

    async def _append(
        self, address: Address, data: dict[str, Any], direct: bool, known: Remembered
    ) -> None:
        since = {"direct": direct, "times_forgotten": known.times_forgotten}
        try:
            await self._service("append", address, data | since)
        except ApiError as error:
            logger.warning("%s can't note what was said: %s", address.agent, error.message)

    async def _service(self, what: str, address: Address, data: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        return await self._api.service(f"memory/{what}", {**where(address), **data})
