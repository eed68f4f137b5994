"""Conversation with any server that speaks OpenAI's chat completions, through the openai client."""

import base64
import hashlib
import json
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk

from ai.llm.chat import ChatOptions
from ai.llm.clients.streaming import ClientChat, Piece, StreamAccumulator, trusted
from ai.llm.errors import problem_of, retry_after
from ai.llm.traits import MAX_TOKEN_MULTIPLIER, Traits, traits
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
from ai.wire import number, object_of, reason, text

OPENAI = "https://api.openai.com/v1"
REASONING = "reasoning_content"
SHORT_ID = re.compile(r"[0-9A-Za-z]{9}")
OPTIONAL = ("temperature", "stream_options")
"""What some servers and models refuse, and what can be left out."""


class OpenAIClient(ClientChat[openai.AsyncOpenAI, Piece], Generic[Piece]):
    """A model to talk to through the openai client."""

    errors = (openai.APIError, ValueError)  # that is no JSON

    def __init__(self, options: ChatOptions) -> None:
        super().__init__(options)
        self._base_url = options.base_url or OPENAI
        self._traits = traits(self._base_url, options.model)

    def _connect(self) -> openai.AsyncOpenAI:
        client = openai.AsyncOpenAI(
            base_url=self._base_url,
            api_key=self._options.api_key,
            timeout=None,  # bounded in ai.llm.chat, piece by piece
            max_retries=0,
            http_client=openai.DefaultAioHttpClient(timeout=None, verify=trusted()),
        )
        self._load(client)
        return client

    @abstractmethod
    def _load(self, client: openai.AsyncOpenAI) -> None:
        """Have the client import what it needs for the requests."""

    def _told(self, error: Exception) -> ModelError:
        if isinstance(error, openai.APIStatusError):
            return ModelError(problem_of(error.status_code), retry_after(error.response.headers))
        if isinstance(error, openai.APIConnectionError):
            return ModelError("unreachable")
        code = str(error.code) if isinstance(error, openai.APIError) else ""  # told in the stream
        return ModelError(problem_of(int(code)) if code.isdecimal() else "broken")


class OpenAIChat(OpenAIClient[ChatCompletionChunk]):
    """A model to talk to, on any server that speaks OpenAI's chat completions."""

    def _load(self, client: openai.AsyncOpenAI) -> None:
        _ = client.chat.completions

    async def _open(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
    ) -> "openai.AsyncStream[ChatCompletionChunk] | _Whole":
        completions = self._connected().chat.completions
        while True:
            try:
                parameters = self._parameters(system, turns, tools)
                stream: openai.AsyncStream[ChatCompletionChunk]
                stream = await completions.create(**parameters)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                # What this request had sent counts: others may have learnt the same meanwhile.
                if "max_tokens" in parameters and _refuses_max_tokens(error):
                    self._traits.takes_max_tokens = False
                    continue
                told = f"{error.param} {error.body}"
                if self._learnt(told, parameters):
                    continue
                refused = [name for name in OPTIONAL if name in told and name in parameters]
                if not refused:
                    raise
                for name in refused:
                    self._traits.leave_out(name)
            else:
                if stream.response.headers.get("content-type", "").startswith("application/json"):
                    return _Whole(await stream.response.aread())
                return stream

    def _learnt(self, told: str, sent: dict[str, Any]) -> bool:
        """Note what a server wants otherwise; return whether the request differs by that now."""
        if "tools" in sent and "reasoning_effort" in told and "reasoning_effort" not in sent:
            self._traits.needs_no_effort = True
            return True
        if "length of 9" in told:  # Mistral's, of the ids of calls
            self._traits.needs_short_ids = True
            return any(_has_other_id(message) for message in sent["messages"])
        return False

    def _listen(self) -> "_Accumulator":
        return _Accumulator(self._traits)

    def _parameters(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
    ) -> dict[str, Any]:
        known = self._traits
        limit = "max_tokens" if known.takes_max_tokens else "max_completion_tokens"
        parameters: dict[str, Any] = {
            "model": self._options.model,
            "messages": [
                *([{"role": "system", "content": system}] if system else []),
                *(message for turn in turns for message in _messages(turn, known.needs_short_ids)),
            ],
            limit: self._options.max_tokens * known.token_multiplier,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self._options.temperature is not None:
            parameters["temperature"] = self._options.temperature
        if tools:
            if known.needs_no_effort:
                parameters["reasoning_effort"] = "none"
            parameters["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.schema,
                    },
                }
                for tool in tools
            ]
        return {name: value for name, value in parameters.items() if not known.leaves_out(name)}


@dataclass
class _Call:
    """A call of a tool that is being written."""

    id: str = ""
    name: str = ""
    arguments: str = ""
    extra: dict[str, Any] | None = None

    def read(self, number: int) -> ToolCall:
        """Return the whole call."""
        try:
            arguments = json.loads(self.arguments or "{}")
        except ValueError:
            arguments = None
        usable = arguments if isinstance(arguments, dict) else None
        return ToolCall(self.id or f"call_{number}", self.name, usable, self.extra)


@dataclass
class _Accumulator(StreamAccumulator[ChatCompletionChunk]):
    """What came of a stream so far, of a model of these traits."""

    traits: Traits
    text: str = ""
    reasoning: str = ""
    calls: dict[int, _Call] = field(default_factory=dict)
    usage: Usage = NO_USAGE
    finish: str | None = None
    refused: bool = False

    def take(self, chunk: ChatCompletionChunk) -> str:
        """Return the text in a chunk, of which servers leave much out."""
        if getattr(chunk, "usage", None):
            self.usage = _usage(chunk.usage)
        choice = chunk.choices[0] if chunk.choices else None
        if choice is None:
            return ""
        self.finish = choice.finish_reason or self.finish
        delta = choice.delta
        if delta is None:
            return ""
        self.refused = self.refused or bool(delta.refusal)
        self.reasoning += text(getattr(delta, "reasoning_content", None))
        for called in delta.tool_calls or ():
            number = called.index or 0
            begun = self.calls.get(number)
            if begun and called.id and begun.id and called.id != begun.id:
                number = len(self.calls)  # some servers number every call 0
            elif begun and self.calls and called.index is None and not called.id:
                number = max(self.calls)
            call = self.calls.setdefault(number, _Call())
            call.id = called.id or call.id
            extra = getattr(called, "extra_content", None)
            call.extra = extra if isinstance(extra, dict) else call.extra
            if called.function:
                name = called.function.name or ""
                call.name += "" if name == call.name else name  # some say it in every piece
                call.arguments += called.function.arguments or ""
        written = text(delta.content)
        self.text += written
        return written

    def answer(self) -> Answer:
        """Return all of it, and see whether the model needs more tokens."""
        if self.refused or self.finish == "content_filter":
            raise ModelError("refused", usage=self.usage)
        calls = tuple(call.read(number) for number, call in sorted(self.calls.items()))
        is_cut_off = self.finish == "length"
        if is_cut_off and not self.text.strip() and not calls:
            self.traits.token_multiplier = min(
                self.traits.token_multiplier * 4, MAX_TOKEN_MULTIPLIER
            )
        # DeepSeek's and others' models want their reasoning back with the results of their calls.
        kept = ({REASONING: self.reasoning},) if calls and self.reasoning else ()
        return Answer(self.text, calls, self.usage, is_cut_off, thoughts=kept)


class _Whole:
    """An answer that came at once although a stream was asked for, as a stream of one piece."""

    def __init__(self, body: bytes) -> None:
        """Read it. Raises ValueError."""
        told = object_of(json.loads(body))
        choices = told.get("choices")
        self._pieces: list[ChatCompletionChunk] = []
        if not isinstance(choices, list):
            raise ModelError("broken", reason=reason(told, []))
        for choice in choices[:1]:
            delta = object_of(choice.get("message"))
            calls = enumerate(delta.get("tool_calls") or ())
            delta["tool_calls"] = [{**call, "index": number} for number, call in calls]
            one = {"index": 0, "delta": delta, "finish_reason": choice.get("finish_reason")}
            piece = {"choices": [one], "usage": told.get("usage")}
            self._pieces.append(ChatCompletionChunk.construct(None, **piece))

    async def __aenter__(self) -> AsyncIterator[ChatCompletionChunk]:
        return self._iterate()

    async def __aexit__(self, *_: object) -> None:
        """Close nothing: all of it was read."""

    async def _iterate(self) -> AsyncIterator[ChatCompletionChunk]:
        for piece in self._pieces:
            yield piece


def _messages(turn: Turn, short_ids: bool = False) -> list[dict[str, Any]]:
    """Return a turn as the server wants it."""
    own = _short if short_ids else str
    match turn:
        case Results():
            return [
                {"role": "tool", "tool_call_id": own(call), "content": text}
                for call, text in turn.by_call.items()
            ]
        case Called():
            calls = [
                {
                    "id": own(call.id),
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments or {})},
                    **({"extra_content": call.extra} if call.extra else {}),
                }
                for call in turn.calls
            ]
            said: dict[str, Any] = {
                "role": "assistant",
                "content": turn.text or None,
                "tool_calls": calls,
            }
            for thought in turn.thoughts:
                said |= thought
            return [said]
        case Said(images=()):
            return [{"role": turn.role, "content": turn.text}]
        case Said():
            parts: list[dict[str, Any]] = [{"type": "text", "text": turn.text}] if turn.text else []
            for image in turn.images:
                data = base64.b64encode(image.data).decode()
                url = f"data:{image.media_type};base64,{data}"
                parts.append({"type": "image_url", "image_url": {"url": url}})
            return [{"role": turn.role, "content": parts}]


def _short(call_id: str) -> str:
    """Return nine letters and digits for the id of a call, always the same."""
    return hashlib.sha256(call_id.encode()).hexdigest()[:9]


def _has_other_id(message: dict[str, Any]) -> bool:
    ids = [message.get("tool_call_id"), *(one["id"] for one in message.get("tool_calls", ()))]
    return any(one and not SHORT_ID.fullmatch(one) for one in ids)


def _refuses_max_tokens(error: openai.APIStatusError) -> bool:
    """Say whether a server refused the name of the limit, and not the request."""
    return error.param == "max_tokens" or "max_completion_tokens" in str(error.body)


def _usage(usage: CompletionUsage | None) -> Usage:
    """Return what a server says that a request cost; some don't say."""
    if usage is None:
        return NO_USAGE
    details = usage.prompt_tokens_details
    return Usage(
        prompt=number(usage.prompt_tokens),
        completion=number(usage.completion_tokens),
        cached=number(details.cached_tokens if details else None),
    )
