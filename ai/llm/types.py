"""What all models share: turns of a conversation, tools, answers, their cost, errors."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

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
class Image:
    """A picture, as PNG, JPEG, GIF or WebP."""

    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Tool:
    """Something that the model may ask for; `schema` is the JSON schema of its arguments."""

    name: str
    description: str
    schema: dict[str, Any]


@dataclass(frozen=True)
class ToolCall:
    """What a model asks for; `arguments` are None where it wrote no JSON object.

    `extra` is what the model's server wants back with the result, and nobody else reads.
    """

    id: str
    name: str
    arguments: dict[str, Any] | None
    extra: dict[str, Any] | None = None


@dataclass(frozen=True)
class Said:
    """What one side said."""

    role: Literal["user", "assistant"]
    text: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True)
class Called:
    """The calls that a model made, with what it said before; `thoughts` are its server's own."""

    text: str
    calls: tuple[ToolCall, ...]
    thoughts: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Results:
    """What came of the calls, by the calls' ids."""

    by_call: dict[str, str]


Turn = Said | Called | Results


@dataclass(frozen=True)
class Answer:
    """All that a model said at once: a text, calls, or both.

    `reasoning` is what it thought aloud in a field of its own.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = NO_USAGE
    is_cut_off: bool = False
    model: str = ""  # which one answered
    thoughts: tuple[dict[str, Any], ...] = ()  # see Called
    reasoning: str = ""
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
        self.before: tuple[tuple[Usage, str], ...] = ()  # see Answer
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
    """A language model that answers as a whole."""

    async def complete(
        self, system: str, turns: Sequence[Said], schema: dict[str, Any] | None = None
    ) -> Answer:
        """Answer, as JSON of the schema where the model can. Raises ModelError."""
        ...

    async def aclose(self) -> None:
        """Close the connections; a model that is used again opens new ones."""
        ...


class Chat(Protocol):
    """A language model to talk to, which answers piece by piece."""

    def stream(
        self,
        system: str,
        turns: Sequence[Turn],
        tools: Sequence[Tool] = (),
        *,
        may_call: bool = True,
    ) -> AsyncGenerator[str | Answer, None]:
        """Yield the text as it is written, then the whole Answer. Raises ModelError.

        Where it may not call, no tools are offered, and calls of them are no part of the text.
        """
        ...

    @property
    def warning(self) -> str:
        """What to tell whoever runs the bot; nothing where all is well."""
        ...

    async def aclose(self) -> None:
        """Close the connections; a model that is used again opens new ones."""
        ...
