"""Which of an agent's models answers a person: they choose, for themselves, wherever they write."""

import re
from collections.abc import Mapping, Sequence

from ai.config import Price
from bot.api.memory import MemoryClient
from bot.markdown import escape
from bot.messages import Address

ASKED = re.compile(
    r"(?P<wants>/|use |switch to |change to )?(?:the |my |which )?models?(?: to)?"
    r"(?:[: ]\s*(?P<name>\S{1,100}))?[?.!]*",
    re.IGNORECASE,
)
"""“model”, “which model?”, “/model gpt-5”, “use model gpt-5”."""
DEFAULT = "default"
CHOSEN = "From now on {name} answers you, wherever you write to me. It is your choice alone."
UNKNOWN = "I have no model {name}."
USED = "{name} answers you. You can choose:"
HOW = "Say “use model NAME”, or “use model default”."


class Models:
    """The models of one agent; the first is the one of people who have chosen none."""

    def __init__(self, names: Sequence[str], prices: Mapping[str, Price]) -> None:
        self.names = tuple(dict.fromkeys(names))
        self._prices = prices

    def of(self, chosen: str) -> str:
        """Return the model of a person, who may have chosen one that is no longer allowed."""
        return chosen if chosen in self.names else self.names[0]

    async def answer(
        self, text: str, address: Address, chosen: str, memory: MemoryClient
    ) -> str | None:
        """Return the answer to a message about the models; None where it is about something else.

        Raises ApiError where a choice can't be kept.
        """
        found = ASKED.fullmatch(text.strip())
        if len(self.names) < 2 or found is None:
            return None
        name = found["name"]
        if name is None:
            return self._listed(self.of(chosen))
        wanted = {one.casefold(): one for one in self.names} | {DEFAULT: self.names[0]}
        model = wanted.get(name.casefold()) or wanted.get(name.rstrip("?.!").casefold())
        if model is None:
            if not found["wants"]:
                return None
            return f"{UNKNOWN.format(name=escape(name))} {self._listed(self.of(chosen))}"
        await memory.choose_model(address, "" if model == self.names[0] else model)
        return CHOSEN.format(name=escape(model))

    def _listed(self, used: str) -> str:
        lines = [f"- {escape(name)}: {self._price(name)}" for name in self.names]
        return "\n".join([USED.format(name=escape(used)), *lines, HOW])

    def _price(self, name: str) -> str:
        price = self._prices.get(name)
        if price is None:
            return "price not known"
        return f"${price.prompt:g} to read and ${price.completion:g} to write a million tokens"
