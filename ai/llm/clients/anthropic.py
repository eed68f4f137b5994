"""Conversation with Anthropic's models, through the anthropic client."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anthropic
import httpx2
from anthropic.types import RawMessageStreamEvent

from ai.llm.chat import ChatOptions
from ai.llm.clients.streaming import ClientChat, StreamAccumulator, trusted
from ai.llm.errors import problem_of, retry_after
from ai.llm.types import (
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

ANTHROPIC = "https://api.anthropic.com"
KINDS: dict[str, Problem] = {
    "authentication_error": "key",
    "billing_error": "credit",
    "permission_error": "key",
    "not_found_error": "unknown",
    "rate_limit_error": "busy",
    "overloaded_error": "busy",
    "timeout_error": "timeout",
    "api_error": "broken",
    "invalid_request_error": "rejected",
    "request_too_large": "rejected",
}
"""Anthropic's documentation, "Errors"; in a stream they come without a status of their own."""


class AnthropicChat(ClientChat[anthropic.AsyncAnthropic, RawMessageStreamEvent]):
    """One of Anthropic's models to talk to."""

    errors = (anthropic.APIError, httpx2.TransportError, ValueError)  # that is no JSON

    def __init__(self, options: ChatOptions) -> None:
        super().__init__(options)
        self._takes_temperature = True

    def _connect(self) -> anthropic.AsyncAnthropic:
        client = anthropic.AsyncAnthropic(
            base_url=self._options.base_url or ANTHROPIC,
            api_key=self._options.api_key,
            timeout=None,  # bounded in ai.llm.chat, piece by piece
            max_retries=0,
            http_client=anthropic.DefaultAioHttpClient(timeout=None, verify=trusted()),
        )
        _ = client.messages  # imported here
        return client

    async def _open(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
    ) -> anthropic.AsyncStream[RawMessageStreamEvent]:
        parameters: dict[str, Any] = {
            "model": self._options.model,
            "max_tokens": self._options.max_tokens,
            "messages": [_message(turn) for turn in turns],
            "system": system or anthropic.omit,
            "tools": [_tool(tool) for tool in tools] or anthropic.omit,
            "stream": True,
        }
        temperature = self._options.temperature
        if temperature is not None and self._takes_temperature:
            # Newer models take none, so the client's own parameters have none.
            parameters["extra_body"] = {"temperature": temperature}
        try:
            stream: anthropic.AsyncStream[RawMessageStreamEvent]
            stream = await self._connected().messages.create(**parameters)
        except anthropic.BadRequestError as error:
            if "extra_body" not in parameters or "temperature" not in str(error.body):
                raise
            self._takes_temperature = False
            return await self._open(system, turns, tools)
        return stream

    def _listen(self) -> "_Accumulator":
        return _Accumulator()

    def _told(self, error: Exception) -> ModelError:
        if isinstance(error, anthropic.APIStatusError):
            return ModelError(_problem_of(error), retry_after(error.response.headers))
        away = isinstance(error, anthropic.APIConnectionError | httpx2.TransportError)
        return ModelError("unreachable" if away else "broken")


@dataclass
class _Block:
    """A part of the message that is being written."""

    start: dict[str, Any]
    text: str = ""  # or JSON, or thoughts
    signature: str = ""


@dataclass
class _Accumulator(StreamAccumulator[RawMessageStreamEvent]):
    """What came of a stream so far."""

    blocks: dict[int, _Block] = field(default_factory=dict)
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    stop: str | None = None

    def take(self, event: RawMessageStreamEvent) -> str:
        """Return the text in an event, if it is for the person."""
        match event.type:
            case "message_start":
                usage = event.message.usage
                self.cached = usage.cache_read_input_tokens or 0
                written = usage.cache_creation_input_tokens or 0
                self.prompt = (usage.input_tokens or 0) + self.cached + written
                self.completion = usage.output_tokens or 0
            case "message_delta":
                self.stop = event.delta.stop_reason or self.stop
                self.completion = event.usage.output_tokens or self.completion
            case "content_block_start":
                block = event.content_block
                self.blocks[event.index] = _Block(block.to_dict())
                if block.type == "text":
                    return self._add(event.index, block.text)
            case "content_block_delta":
                delta = event.delta
                if delta.type == "text_delta":
                    return self._add(event.index, delta.text)
                if delta.type == "input_json_delta":
                    self._add(event.index, delta.partial_json)
                elif delta.type == "thinking_delta":
                    self._add(event.index, delta.thinking)
                elif delta.type == "signature_delta":
                    self.blocks[event.index].signature += delta.signature
        return ""

    def _add(self, index: int, text: str) -> str:
        self.blocks[index].text += text
        return text

    def answer(self) -> Answer:
        usage = Usage(self.prompt, self.completion, self.cached)
        if self.stop == "refusal":
            raise ModelError("refused", usage=usage)
        text, calls, thoughts = "", [], []
        for _, block in sorted(self.blocks.items()):
            kind = block.start["type"]
            if kind == "text":
                text += block.text
            elif kind == "tool_use":
                arguments = _arguments(block)
                calls.append(ToolCall(block.start["id"], block.start["name"], arguments))
            elif kind == "thinking":
                told = {"thinking": block.text, "signature": block.signature}
                thoughts.append({"type": "thinking", **told})
            elif kind == "redacted_thinking":
                thoughts.append({"type": kind, "data": block.start["data"]})
        cut_off = self.stop in ("max_tokens", "model_context_window_exceeded")
        return Answer(text, tuple(calls), usage, cut_off, thoughts=tuple(thoughts))


def _arguments(block: _Block) -> dict[str, Any] | None:
    """Return what a tool is called with, or None where that is no JSON object."""
    try:
        arguments = json.loads(block.text) if block.text else block.start.get("input", {})
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None


def _problem_of(error: anthropic.APIStatusError) -> Problem:
    told = error.body.get("error") if isinstance(error.body, dict) else None
    kind = told.get("type") if isinstance(told, dict) else None
    return KINDS.get(str(kind)) or problem_of(max(error.status_code, 400))


def _tool(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.schema}


def _message(turn: Turn) -> dict[str, Any]:
    """Return a turn as Anthropic wants it."""
    match turn:
        case Results():
            results = [
                {"type": "tool_result", "tool_use_id": call, "content": text}
                for call, text in turn.by_call.items()
            ]
            return {"role": "user", "content": results}
        case Called():
            calls = [
                {"type": "tool_use", "id": one.id, "name": one.name, "input": one.arguments or {}}
                for one in turn.calls
            ]
            said = [{"type": "text", "text": turn.text}] if turn.text.strip() else []
            return {"role": "assistant", "content": [*turn.thoughts, *said, *calls]}
        case Said():
            pictures = [
                {
                    "type": "image",
                    "source": {
                        "type": "base64",
                        "media_type": image.media_type,
                        "data": base64.b64encode(image.data).decode(),
                    },
                }
                for image in turn.images
            ]
            words = [{"type": "text", "text": turn.text}] if turn.text else []
            return {"role": turn.role, "content": [*pictures, *words]}
