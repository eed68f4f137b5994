"""Free conversation with a language model: turns in, text as it is written out, tools in between.

    async with aclosing(chat.stream("You are kind.", [Said("user", "Hello!")])) as answering:
        async for item in answering:
            ...  # a piece of the text, again and again; in the end the Answer

What goes wrong is a ModelError. Closing the stream ends the request.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from ai.llm.clients.reasoning import ReasoningFilter, without_begun_thoughts
from ai.llm.clients.template_marks import TemplateMarks
from ai.llm.clients.written_calls import WrittenCalls
from ai.llm.retry import Retry
from ai.llm.traits import traits
from ai.llm.types import (
    NO_USAGE,
    Answer,
    Called,
    ModelError,
    Results,
    Said,
    Tool,
    ToolCall,
    Turn,
    Usage,
)
from ai.wire import Joiner

MAX_ANSWER = 300.0
"""Seconds that one answer may take in all, however steadily it comes."""
FRAME_TOKENS = 4  # around each turn; OpenAI's cookbook, "How to count tokens"
IMAGE_TOKENS = 1600  # Anthropic's documentation, "Vision"
NO_KEY = "none"  # local servers ask for no key, the clients insist on one or look for one
IMAGE_LEFT_OUT = "(a picture that you can't see)"


@dataclass(frozen=True)
class ChatOptions:
    """Which model, and how it is asked; without an address, the provider's own."""

    model: str
    api_key: str = field(default=NO_KEY, repr=False)
    base_url: str | None = None
    max_tokens: int = 1000
    temperature: float | None = None
    timeout_seconds: float = 60  # that a model may say nothing
    pause_seconds: float = 0.5  # before the first retry, twice as long before the next


class Streaming(ABC):
    """What is the same for every provider: time-outs, retries, thoughts that nobody sees."""

    def __init__(self, options: ChatOptions) -> None:
        self._options = options
        self._traits = traits(options.base_url or "", options.model)

    async def stream(
        self,
        system: str,
        turns: Sequence[Turn],
        tools: Sequence[Tool] = (),
        *,
        may_call: bool = True,
    ) -> AsyncGenerator[str | Answer, None]:
        """Yield the text as it is written, then the whole Answer. Raises ModelError.

        Where it may not call, the model is offered no tools; a call of one of them that it writes
        all the same is kept out of the text, and is among the Answer's calls.

        The Answer's text may be shorter: a server may mark thoughts as such only at their end. The
        model is asked again after a pause where that may help and nothing was said yet, and without
        its pictures where it does not take them.
        """
        deadline = time.monotonic() + MAX_ANSWER
        retry, began = Retry(self._options.pause_seconds, deadline), False
        spent, offered = NO_USAGE, tools if may_call else ()
        names = {tool.name for tool in tools}
        while True:
            try:
                async with aclosing(self._once(system, turns, offered, names, deadline)) as items:
                    async for item in items:
                        began = True
                        yield (
                            replace(item, usage=item.usage + spent)
                            if isinstance(item, Answer)
                            else item
                        )
                return
            except ModelError as error:
                spent = error.usage = error.usage + spent
                error.model = self._options.model
                if error.problem == "rejected" and not began and has_images(turns):
                    turns = _without_images(turns)
                    continue
                if began:
                    raise
                await retry.pause(error)

    @abstractmethod
    def _request(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
    ) -> AsyncGenerator[str | Answer, None]:
        """Send one request; yield text and the Answer. Raises ModelError and nothing else."""

    @property
    def warning(self) -> str:
        """What to tell whoever runs the bot; nothing where all is well."""
        return self._traits.window_warning

    @abstractmethod
    def prepare(self) -> None:
        """Import and make what the first request needs; any thread may do that."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connections; the next request opens new ones."""

    async def _once(
        self,
        system: str,
        turns: Sequence[Turn],
        tools: Sequence[Tool],
        names: Collection[str],
        deadline: float,
    ) -> AsyncGenerator[str | Answer, None]:
        """Send one request, and bound the time that it takes."""
        visible, joiner = ReasoningFilter(), Joiner()
        written, marks = WrittenCalls(names), TemplateMarks()
        prompt = tokens(system) + sum(tokens_of(turn) for turn in turns)
        async with aclosing(self._request(system, turns, tools)) as items:
            while True:
                left = min(self._options.timeout_seconds, deadline - time.monotonic())
                try:
                    async with asyncio.timeout(left):
                        item = await anext(items)
                except TimeoutError as error:
                    raise ModelError(
                        "timeout", usage=Usage(prompt, tokens(visible.text))
                    ) from error
                except ModelError as error:
                    if visible.text and not error.usage.total:  # it broke off before it told
                        error.usage = Usage(prompt, tokens(visible.text))
                    raise
                if isinstance(item, str):
                    if shown := marks.hear(written.hear(visible.hear(joiner.hear(item)))):
                        yield shown
                    continue
                held = written.hear(visible.rest())
                rest, named = written.rest()
                if more := marks.hear(held + rest) + marks.rest():
                    yield more
                self._traits.note_prompt([system, *map(_text, turns)], item.usage)
                usage = item.usage if item.usage.total else Usage(prompt, tokens(visible.text))
                made = item.calls or [ToolCall(f"call_{n}", *one) for n, one in enumerate(named)]
                calls = _with_own_ids(made)
                if not marks.text.strip() and not calls:
                    raise ModelError("empty", usage=usage)
                model = self._options.model
                text = without_begun_thoughts(marks.text)
                yield replace(item, text=text, calls=calls, usage=usage, model=model)
                return


def _with_own_ids(calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
    """Return calls each of which has an id of its own, by which its result is told."""
    named: dict[str, ToolCall] = {}
    for number, call in enumerate(calls):
        own = call.id if call.id not in named else f"{call.id[:32]}x{number}"
        named[own] = replace(call, id=own)
    return tuple(named.values())


def tokens(text: str) -> int:
    """Estimate how many tokens a text is, where no server has counted them.

    A token is about four characters of English, so says OpenAI's documentation. Other scripts need
    more of them, and have more bytes too, which is why a quarter of the bytes is taken.
    """
    return -(-len(text.encode()) // 4)


def tokens_of(turn: Turn) -> int:
    """Estimate how many tokens a turn is; a picture counts as Anthropic says, at its largest."""
    match turn:
        case Said():
            return FRAME_TOKENS + tokens(turn.text) + IMAGE_TOKENS * len(turn.images)
        case Called():
            written = "".join(call.name + str(call.arguments) for call in turn.calls)
            return FRAME_TOKENS + tokens(turn.text + written)
        case Results():
            return sum(FRAME_TOKENS + tokens(text) for text in turn.by_call.values())


def _text(turn: Turn) -> str:
    return "\n".join(turn.by_call.values()) if isinstance(turn, Results) else turn.text


def has_images(turns: Sequence[Turn]) -> bool:
    """Say whether a model is shown pictures."""
    return any(isinstance(turn, Said) and turn.images for turn in turns)


def _without_images(turns: Sequence[Turn]) -> Sequence[Turn]:
    return [
        replace(turn, text=f"{turn.text}\n{IMAGE_LEFT_OUT}".strip(), images=())
        if isinstance(turn, Said) and turn.images
        else turn
        for turn in turns
    ]
