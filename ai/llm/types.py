"""Language models behind one small protocol: messages in, a text and its cost out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypedDict

from ai.config import Price

Problem = Literal[
    "timeout",
    "unreachable",
    "key",
    "credit",
    "busy",
    "broken",
    "unknown",
    "refused",
    "rejected",
    "empty",
]
SENTENCES: dict[Problem, str] = {
    "timeout": "The language model took too long to answer. Please try again.",
    "unreachable": "The language model can't be reached right now. Please try again in a moment.",
    "key": "The language model does not accept this bot's key. Please tell whoever runs the bot.",
    "credit": "The language model's account is out of credit. Please tell whoever runs the bot.",
    "busy": "The language model is busy right now. Please try again in a minute.",
    "broken": "The language model has a problem right now. Please try again in a moment.",
    "unknown": "The language model that this bot is set to use does not exist. Please tell whoever "
    "runs the bot.",
    "refused": "The language model does not want to answer that.",
    "rejected": "The language model can't take this message. Please say it in other words.",
    "empty": "The language model gave no answer. Please try again.",
}


class Message(TypedDict):
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Usage:
    """What a request cost, in tokens; `cached` of the prompt's were cheaper."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0

    @property
    def total(self) -> int:
        """The tokens of prompt and completion together."""
        return self.prompt + self.completion

    def cost(self, price: Price | None) -> float:
        """Return the cost in US dollars; 0 where the price is not known."""
        if price is None:
            return 0.0
        return (self.prompt * price.prompt + self.completion * price.completion) / 1_000_000

    def __add__(self, other: "Usage") -> "Usage":
        """Add two costs up."""
        return Usage(
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.cached + other.cached,
        )


NO_USAGE = Usage()


@dataclass(frozen=True)
class Reply:
    """What a model answered; `reasoning` is what it thought aloud in a field of its own."""

    text: str
    usage: Usage = NO_USAGE
    reasoning: str = ""
    is_cut_off: bool = False
    model: str = ""  # which one answered
    before: tuple[tuple[Usage, str], ...] = ()  # what others cost that were asked before, and which


class ModelError(Exception):
    """A model did not answer; the message is one sentence for the person who asked."""

    def __init__(
        self,
        problem: Problem,
        retry_after: float | None = None,
        *,
        usage: Usage = NO_USAGE,
        model: str = "",
        reason: str = "",
    ) -> None:
        super().__init__(SENTENCES[problem])
        self.problem = problem
        self.retry_after = retry_after
        self.usage, self.model = usage, model  # a refusal costs tokens too
        self.before: tuple[tuple[Usage, str], ...] = ()  # see Reply
        self.reason = reason

    @property
    def told(self) -> str:
        """What stands in the log: the problem, and what the server says of it."""
        return f"{self.problem} ({self.reason})" if self.reason else self.problem


class Budget(Protocol):
    """What one person may spend on models."""

    async def allow(self, tokens: int) -> str | None:
        """Return None, or the sentence that tells the person why no model is asked for them.

        The request may come to so many tokens, as estimated; `spend` says what it came to.
        """
        ...

    async def spend(self, usage: Usage, model: str) -> None:
        """Note what one request to a model cost."""
        ...


class ChatModel(Protocol):
    """A language model."""

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None = None
    ) -> Reply:
        """Answer, as JSON of the schema where the model can. Raises ModelError."""
        ...

    async def aclose(self) -> None:
        """Close the connections; a model that is used again opens new ones."""
        ...
