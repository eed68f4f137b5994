"""Models on any server that speaks OpenAI's chat completions, through the openai client.

Servers differ: some refuse a JSON schema, some put the answer beside where it belongs, some answer
with a page of HTML. What can't be used becomes a ModelError.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionMessage

from ai.models import Message, ModelError, Reply, Usage
from ai.problems import MAY_PASS, problem_of, retry_after

RETRIES = 2
LONGEST_PAUSE = 5.0  # seconds that a person is kept waiting because a server asks for it
MOST_ROOM = 16  # times max_tokens, for models that think before they answer
NO_KEY = "none"  # local servers ask for no key, the client insists on one
REFUSES_SCHEMA = {400, 404, 422, 500, 501}
"""What servers that don't know `response_format` answer to it; some say 404, some 500."""


@dataclass
class Traits:
    """What was learnt about a model on a server."""

    takes_schema: bool | None = None
    takes_max_tokens: bool = True  # reasoning models want max_completion_tokens
    room: int = 1  # how many times max_tokens it needs: some spend them all on thinking


@lru_cache(maxsize=256)
def traits(base_url: str, model: str) -> Traits:
    """Return what this process remembers of a model."""
    return Traits()


class OpenAICompatible:
    """A model on any server that speaks OpenAI's chat completions.

    `timeout_seconds` bounds a whole completion: retries, pauses and trickling answers included.
    `pause_seconds` is waited before the first retry, twice as long before the next.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        model: str,
        *,
        max_tokens: int = 500,
        timeout_seconds: float = 30,
        pause_seconds: float = 0.5,
    ) -> None:
        self._base_url = base_url
        self._api_key = api_key or NO_KEY
        self._model = model
        self._max_tokens = max_tokens
        self._timeout = timeout_seconds
        self._pause = pause_seconds
        self._traits = traits(base_url, model)
        self._client: openai.AsyncOpenAI | None = None

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None = None
    ) -> Reply:
        """Answer, as JSON of the schema where the server can. Raises ModelError."""
        deadline = time.monotonic() + self._timeout
        try:
            async with asyncio.timeout(self._timeout):
                reply = _reply(await self._request(messages, schema, deadline), self._model)
        except TimeoutError as error:
            raise ModelError("timeout") from error
        if reply.is_cut_off and not reply.text.strip():
            self._traits.room = min(self._traits.room * 4, MOST_ROOM)
        return reply

    async def aclose(self) -> None:
        """Close the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client:
            await client.close()

    async def _request(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, deadline: float
    ) -> ChatCompletion:
        if schema is None or self._traits.takes_schema is False:
            return await self._send(messages, None, deadline)
        try:
            completion = await self._send(messages, schema, deadline)
        except _SchemaRefused:
            completion = await self._send(messages, None, deadline)
            # Only now: the server may have been broken altogether.
            self._traits.takes_schema = False
        else:
            self._traits.takes_schema = True
        return completion

    async def _send(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, deadline: float
    ) -> ChatCompletion:
        """Send one request, again after a pause where that may help and there is time for it."""
        pause, tries_left = self._pause, RETRIES + 1
        while True:
            tries_left -= 1
            try:
                return await self._send_once(messages, schema)
            except openai.APIStatusError as error:
                if self._traits.takes_max_tokens and refuses_max_tokens(error):
                    self._traits.takes_max_tokens = False
                    tries_left += 1
                    continue
                if schema and not self._traits.takes_schema and error.status_code in REFUSES_SCHEMA:
                    raise _SchemaRefused from error
                problem, asked = problem_of(error.status_code), retry_after(error.response.headers)
                cause: openai.APIError = error
            except openai.APIConnectionError as error:
                problem, asked, cause = "unreachable", None, error
            wait = asked if asked is not None else pause
            too_long = wait > LONGEST_PAUSE or time.monotonic() + wait >= deadline
            if problem not in MAY_PASS or not tries_left or too_long:
                raise ModelError(problem, asked) from cause
            await asyncio.sleep(wait)
            pause *= 2

    async def _send_once(
        self, messages: Sequence[Message], schema: dict[str, Any] | None
    ) -> ChatCompletion:
        if self._client is None:
            self._client = openai.AsyncOpenAI(
                base_url=self._base_url,
                api_key=self._api_key,
                timeout=None,  # complete() bounds the whole, not each read
                max_retries=0,  # it would wait for minutes; retried in _send, within the limit
                default_headers={"X-Title": "plain-language-bot"},
                # httpx2's own pool takes time that grows with the square of the requests under way.
                http_client=openai.DefaultAioHttpClient(timeout=None),
            )
        most = self._max_tokens * self._traits.room
        try:
            completion = await self._client.chat.completions.create(
                model=self._model,
                messages=[*messages],  # type: ignore[list-item]
                max_tokens=most if self._traits.takes_max_tokens else openai.omit,
                max_completion_tokens=openai.omit if self._traits.takes_max_tokens else most,
                # As it is: the library would walk through every field of the schema each time.
                extra_body={"response_format": _format(schema)} if schema else None,
            )
        except (openai.APIResponseValidationError, ValueError) as error:
            raise ModelError("broken") from error
        if not isinstance(completion, ChatCompletion):  # a page of HTML, for example
            raise ModelError("broken")
        return completion


class _SchemaRefused(Exception):
    """The server seems not to take a JSON schema."""


def _format(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "json_schema",
        "json_schema": {"name": "command", "strict": True, "schema": schema},
    }


def refuses_max_tokens(error: openai.APIStatusError) -> bool:
    """Say whether a server refused the name of the limit, and not the request."""
    if error.status_code not in (400, 422):
        return False
    return error.param == "max_tokens" or "max_completion_tokens" in str(error.body)


def _reply(completion: ChatCompletion, model: str) -> Reply:
    """Read a completion; servers leave out what the specification calls required."""
    choices = completion.choices
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(choice, "message", None)
    if choice is None or not isinstance(message, ChatCompletionMessage):
        failure = (completion.model_extra or {}).get("error")
        status = failure.get("code") if isinstance(failure, dict) else None
        raise ModelError(problem_of(status) if isinstance(status, int) else "broken")
    extra = message.model_extra or {}
    if message.refusal or choice.finish_reason == "content_filter":
        raise ModelError("refused", usage=usage_of(completion.usage), model=model)
    reasoning = extra.get("reasoning") or extra.get("reasoning_content") or ""
    return Reply(
        text=message.content or "",
        usage=usage_of(completion.usage),
        reasoning=reasoning if isinstance(reasoning, str) else "",
        is_cut_off=choice.finish_reason == "length",
        model=model,
    )


def usage_of(usage: CompletionUsage | None) -> Usage:
    """Return what a server says that a request cost; some don't say."""
    if usage is None:
        return Usage()
    details = usage.prompt_tokens_details
    return Usage(
        prompt=usage.prompt_tokens or 0,
        completion=usage.completion_tokens or 0,
        cached=(details.cached_tokens if details else None) or 0,
    )
