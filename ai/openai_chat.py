"""Conversation with any server that speaks OpenAI's chat completions, through the openai client."""

import base64
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk

from ai.chat import Answer, Called, ChatOptions, Results, Said, Streaming, Tool, ToolCall, Turn
from ai.models import NO_USAGE, ModelError, Usage
from ai.openai_compatible import MOST_ROOM, traits
from ai.problems import problem_of, retry_after

OPENAI = "https://api.openai.com/v1"
OPTIONAL = ("temperature", "stream_options")
"""What some servers and models refuse, and what can be left out."""


class OpenAIChat(Streaming):
    """A model to talk to, on any server that speaks OpenAI's chat completions."""

    def __init__(self, options: ChatOptions) -> None:
        super().__init__(options)
        self._base_url = options.base_url or OPENAI
        self._traits = traits(self._base_url, options.model)
        self._refused: set[str] = set()
        self._client: openai.AsyncOpenAI | None = None

    def prepare(self) -> None:
        """Import and make what the first request needs; any thread may do that."""
        _ = self._connected().chat.completions

    async def aclose(self) -> None:
        """Close the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client:
            await client.close()

    async def _request(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
    ) -> AsyncGenerator[str | Answer, None]:
        heard = _Heard()
        try:
            stream = await self._open(system, turns, tools)
            if not isinstance(stream, openai.AsyncStream):  # a page of HTML, for example
                raise ModelError("broken")
            async with stream:
                async for chunk in stream:
                    if text := heard.take(chunk):
                        yield text
        except openai.APIStatusError as error:
            problem, asked = problem_of(error.status_code), retry_after(error.response.headers)
            raise ModelError(problem, asked) from error
        except openai.APIConnectionError as error:
            raise ModelError("unreachable") from error
        except openai.APIError as error:  # told in the stream
            code = str(error.code)
            raise ModelError(problem_of(int(code)) if code.isdecimal() else "broken") from error
        except ValueError as error:  # no JSON
            raise ModelError("broken") from error
        answer = heard.answer()
        if answer.is_cut_off and not answer.text.strip() and not answer.calls:
            self._traits.room = min(self._traits.room * 4, MOST_ROOM)
        yield answer

    async def _open(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
    ) -> openai.AsyncStream[ChatCompletionChunk]:
        """Send a request, again without what this server or model does not take."""
        completions = self._connected().chat.completions
        while True:
            try:
                parameters = self._parameters(system, turns, tools)
                stream: openai.AsyncStream[ChatCompletionChunk]
                stream = await completions.create(**parameters)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if self._traits.takes_max_tokens and _refuses_max_tokens(error):
                    self._traits.takes_max_tokens = False
                    continue
                told = f"{error.param} {error.body}"
                refused = {name for name in OPTIONAL if name in told} - self._refused
                if not refused:
                    raise
                self._refused |= refused
            else:
                return stream

    def _connected(self) -> openai.AsyncOpenAI:
        """Return the client, which is made where there is none."""
        if self._client is None:
            self._client = openai.AsyncOpenAI(
                base_url=self._base_url,
                api_key=self._options.api_key,
                timeout=None,  # bounded in ai.chat, piece by piece
                max_retries=0,
                http_client=openai.DefaultAioHttpClient(timeout=None),
            )
        return self._client

    def _parameters(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
    ) -> dict[str, Any]:
        known = self._traits
        limit = "max_tokens" if known.takes_max_tokens else "max_completion_tokens"
        parameters: dict[str, Any] = {
            "model": self._options.model,
            "messages": [
                *([{"role": "system", "content": system}] if system else []),
                *(message for turn in turns for message in _messages(turn)),
            ],
            limit: self._options.max_tokens * known.room,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self._options.temperature is not None:
            parameters["temperature"] = self._options.temperature
        if tools:
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
        return {name: value for name, value in parameters.items() if name not in self._refused}


@dataclass
class _Call:
    """A call of a tool that is being written."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    def read(self, number: int) -> ToolCall:
        """Return the whole call."""
        try:
            arguments = json.loads(self.arguments or "{}")
        except ValueError:
            arguments = None
        usable = arguments if isinstance(arguments, dict) else None
        return ToolCall(self.id or f"call_{number}", self.name, usable)


@dataclass
class _Heard:
    """What came of a stream so far."""

    text: str = ""
    calls: dict[int, _Call] = field(default_factory=dict)
    usage: Usage = NO_USAGE
    finish: str | None = None
    refused: bool = False

    def take(self, chunk: ChatCompletionChunk) -> str:
        """Note a piece of the stream; return the text in it. Servers leave much of it out."""
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
        for called in delta.tool_calls or ():
            call = self.calls.setdefault(called.index or 0, _Call())
            call.id = called.id or call.id
            if called.function:
                call.name += called.function.name or ""
                call.arguments += called.function.arguments or ""
        self.text += delta.content or ""
        return delta.content or ""

    def answer(self) -> Answer:
        """Return all of it. Raises ModelError where the model refused."""
        if self.refused or self.finish == "content_filter":
            raise ModelError("refused", usage=self.usage)
        return Answer(
            self.text,
            tuple(call.read(number) for number, call in sorted(self.calls.items())),
            self.usage,
            is_cut_off=self.finish == "length",
        )


def _messages(turn: Turn) -> list[dict[str, Any]]:
    """Return a turn as the server wants it."""
    match turn:
        case Results():
            return [
                {"role": "tool", "tool_call_id": call, "content": text}
                for call, text in turn.by_call.items()
            ]
        case Called():
            calls = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments or {})},
                }
                for call in turn.calls
            ]
            return [{"role": "assistant", "content": turn.text or None, "tool_calls": calls}]
        case Said(images=()):
            return [{"role": turn.role, "content": turn.text}]
        case Said():
            parts: list[dict[str, Any]] = [{"type": "text", "text": turn.text}] if turn.text else []
            for image in turn.images:
                data = base64.b64encode(image.data).decode()
                url = f"data:{image.media_type};base64,{data}"
                parts.append({"type": "image_url", "image_url": {"url": url}})
            return [{"role": turn.role, "content": parts}]


def _refuses_max_tokens(error: openai.APIStatusError) -> bool:
    """Say whether a server refused the name of the limit, and not the request."""
    return error.param == "max_tokens" or "max_completion_tokens" in str(error.body)


def _usage(usage: CompletionUsage | None) -> Usage:
    """Return what a server says that a request cost; some don't say."""
    if usage is None:
        return NO_USAGE
    details = usage.prompt_tokens_details
    return Usage(
        prompt=usage.prompt_tokens or 0,
        completion=usage.completion_tokens or 0,
        cached=(details.cached_tokens if details else None) or 0,
    )
