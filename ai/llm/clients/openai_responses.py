"""Conversation by OpenAI's Responses API, at OpenAI's own addresses, through the openai client.

Nothing is stored there: each request has the whole talk, and what a reasoning model thought before
it called a tool goes back, sealed by its server, with the results.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import openai
from openai.types.responses import (
    Response,
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseStreamEvent,
)

from ai.llm.clients.openai import OpenAIClient
from ai.llm.clients.streaming import StreamAccumulator
from ai.llm.errors import problem_of
from ai.llm.traits import MAX_TOKEN_MULTIPLIER, Traits
from ai.llm.types import (
    NO_USAGE,
    Answer,
    Called,
    ModelError,
    Problem,
    Results,
    Said,
    Tool,
    ToolCall,
    Turn,
    Usage,
)

SEALED_THOUGHTS = "reasoning.encrypted_content"
NO_THOUGHTS = "ncrypted content"  # how models that don't reason refuse it
PROBLEMS: dict[str, Problem] = {"rate_limit_exceeded": "busy", "server_error": "broken"}
"""OpenAI's API reference, "Response", `error.code`; the others are about the request."""


def is_openais(base_url: str) -> bool:
    """Say whether an address is OpenAI's own, those of its regions included."""
    host = urlsplit(base_url).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


class OpenAIResponses(OpenAIClient[ResponseStreamEvent]):
    """A model of OpenAI's to talk to."""

    def _load(self, client: openai.AsyncOpenAI) -> None:
        _ = client.responses

    async def _open(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
    ) -> openai.AsyncStream[ResponseStreamEvent]:
        responses = self._connected().responses
        while True:
            parameters = self._parameters(system, turns, tools)
            try:
                stream: openai.AsyncStream[ResponseStreamEvent]
                stream = await responses.create(**parameters)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                told = f"{error.param} {error.body}"
                refused = [
                    name
                    for name, word in (("temperature", "temperature"), ("include", NO_THOUGHTS))
                    if word in told and name in parameters
                ]
                if not refused:
                    raise
                for name in refused:
                    self._traits.leave_out(name)
            else:
                return stream

    def _listen(self) -> "_Accumulator":
        return _Accumulator(self._traits)

    def _parameters(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
    ) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "model": self._options.model,
            "input": [item for turn in turns for item in _items(turn)],
            "max_output_tokens": self._options.max_tokens * self._traits.token_multiplier,
            "stream": True,
            "store": False,
            "include": [SEALED_THOUGHTS],
        }
        if system:
            parameters["instructions"] = system
        if self._options.temperature is not None:
            parameters["temperature"] = self._options.temperature
        if tools:
            parameters["tools"] = [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.schema,
                    "strict": False,  # the default is true, which knows no optional fields
                }
                for tool in tools
            ]
        left_out = self._traits.leaves_out
        return {name: value for name, value in parameters.items() if not left_out(name)}


@dataclass
class _Accumulator(StreamAccumulator[ResponseStreamEvent]):
    """What came of a stream so far."""

    traits: Traits
    text: str = ""
    items: list[ResponseOutputItem] = field(default_factory=list)
    usage: Usage = NO_USAGE
    refused: bool = False
    is_cut_off: bool = False
    has_ended: bool = False

    def take(self, event: ResponseStreamEvent) -> str:
        """Note an event; return the text in it."""
        match event.type:
            case "response.output_text.delta":
                self.text += event.delta
                return event.delta
            case "response.refusal.delta":
                self.refused = True
            case "response.output_item.done":
                self.items.append(event.item)
            case "response.completed" | "response.incomplete":
                self._end(event.response)
            case "response.failed":
                self.usage = _usage(event.response)
                raise self._failed(event.response.error.code if event.response.error else "")
            case "error":
                raise self._failed(event.code or "")
        return ""

    def answer(self) -> Answer:
        """Return all of it, and see whether the model needs more tokens."""
        if not self.has_ended:
            raise ModelError("broken", usage=self.usage)
        if self.refused:
            raise ModelError("refused", usage=self.usage)
        calls = tuple(_call(item) for item in self.items if item.type == "function_call")
        if self.is_cut_off and not self.text.strip() and not calls:
            self.traits.token_multiplier = min(
                self.traits.token_multiplier * 4, MAX_TOKEN_MULTIPLIER
            )
        kept = tuple(item.to_dict(exclude_none=True) for item in self.items) if calls else ()
        return Answer(self.text, calls, self.usage, self.is_cut_off, thoughts=kept)

    def _end(self, response: Response) -> None:
        self.has_ended, self.usage = True, _usage(response)
        why = response.incomplete_details.reason if response.incomplete_details else None
        self.refused = self.refused or why == "content_filter"
        self.is_cut_off = why == "max_output_tokens"

    def _failed(self, code: str) -> ModelError:
        if code.isdecimal():
            return ModelError(problem_of(int(code)), usage=self.usage)
        return ModelError(PROBLEMS.get(code, "rejected"), usage=self.usage)


def _call(item: ResponseFunctionToolCall) -> ToolCall:
    try:
        arguments = json.loads(item.arguments or "{}")
    except ValueError:
        arguments = None
    return ToolCall(item.call_id, item.name, arguments if isinstance(arguments, dict) else None)


def _items(turn: Turn) -> list[dict[str, Any]]:
    """Return a turn as OpenAI wants it."""
    match turn:
        case Results():
            return [
                {"type": "function_call_output", "call_id": call, "output": text}
                for call, text in turn.by_call.items()
            ]
        case Called():  # what the model sent, its thoughts between its calls
            return list(turn.thoughts)
        case Said(images=()):
            return [{"role": turn.role, "content": turn.text}]
        case Said():
            parts: list[dict[str, Any]] = []
            if turn.text:
                parts.append({"type": "input_text", "text": turn.text})
            for image in turn.images:
                data = base64.b64encode(image.data).decode()
                url = f"data:{image.media_type};base64,{data}"
                parts.append({"type": "input_image", "image_url": url, "detail": "auto"})
            return [{"role": turn.role, "content": parts}]


def _usage(response: Response) -> Usage:
    """Return what a request cost."""
    told = response.usage
    if told is None:
        return NO_USAGE
    details = told.input_tokens_details
    return Usage(told.input_tokens, told.output_tokens, details.cached_tokens if details else 0)
