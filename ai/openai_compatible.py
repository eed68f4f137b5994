"""Models on any server that speaks OpenAI's chat completions: one question, one whole answer.

Servers differ: some refuse a JSON schema, some put the answer beside where it belongs, some answer
with a page of HTML. What can't be used becomes a ModelError.

The openai package's client is not used here: it takes 3 ms of the processor for such a request,
aiohttp half a millisecond (`make bench`, crowd).
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import aiohttp

from ai.models import Message, ModelError, Reply, Usage
from ai.problems import MAY_PASS, problem_of, retry_after
from config.proxy import proxy_for

RETRIES = 2
LONGEST_PAUSE = 5.0  # seconds that a person is kept waiting because a server asks for it
MOST_ROOM = 16  # times max_tokens, for models that think before they answer
NO_KEY = "none"  # local servers ask for no key; some want the header all the same
JSON = {"Content-Type": "application/json"}
REFUSES_SCHEMA = {400, 404, 422, 500, 501}
"""What servers that don't know `response_format` answer to it; some say 404, some 500."""


Json = dict[str, Any]


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
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._headers = {
            "Authorization": f"Bearer {api_key or NO_KEY}",
            "X-Title": "plain-language-bot",
        }
        self._model = model
        self._max_tokens = max_tokens
        self._timeout = timeout_seconds
        self._pause = pause_seconds
        self._traits = traits(base_url, model)
        self._http: aiohttp.ClientSession | None = None
        self._last_schema: tuple[dict[str, Any], str] = ({}, "")

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
        http, self._http = self._http, None
        if http:
            await http.close()

    async def _request(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, deadline: float
    ) -> Json:
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
    ) -> Json:
        """Send one request, again after a pause where that may help and there is time for it."""
        pause, tries_left = self._pause, RETRIES + 1
        while True:
            tries_left -= 1
            try:
                return await self._send_once(messages, schema)
            except _Refused as error:
                if self._traits.takes_max_tokens and error.is_about_max_tokens:
                    self._traits.takes_max_tokens = False
                    tries_left += 1
                    continue
                if schema and not self._traits.takes_schema and error.status in REFUSES_SCHEMA:
                    raise _SchemaRefused from error
                problem, asked = problem_of(error.status), retry_after(error.headers)
                cause: Exception = error
            except aiohttp.ClientError as error:
                problem, asked, cause = "unreachable", None, error
            wait = asked if asked is not None else pause
            too_long = wait > LONGEST_PAUSE or time.monotonic() + wait >= deadline
            if problem not in MAY_PASS or not tries_left or too_long:
                raise ModelError(problem, asked) from cause
            await asyncio.sleep(wait)
            pause *= 2

    async def _send_once(self, messages: Sequence[Message], schema: dict[str, Any] | None) -> Json:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(),  # none: complete() bounds the whole
                connector=aiohttp.TCPConnector(limit=0),
                proxy=proxy_for(self._url),
            )
        limit = "max_tokens" if self._traits.takes_max_tokens else "max_completion_tokens"
        question = {
            "model": self._model,
            "messages": messages,
            limit: self._max_tokens * self._traits.room,
        }
        sent = json.dumps(question)
        if schema:
            sent = f'{sent[:-1]}, "response_format": {self._written(schema)}}}'
        async with self._http.post(self._url, data=sent, headers=JSON) as response:
            body = await response.read()
            if not response.ok:
                raise _Refused(response.status, response.headers, body)
        return _read(body)

    def _written(self, schema: dict[str, Any]) -> str:
        """Return a schema as it is sent; it is large, and mostly the same as the last one."""
        if self._last_schema[0] is not schema:
            wanted = {"name": "command", "strict": True, "schema": schema}
            written = json.dumps({"type": "json_schema", "json_schema": wanted})
            self._last_schema = schema, written
        return self._last_schema[1]


class _SchemaRefused(Exception):
    """The server seems not to take a JSON schema."""


class _Refused(Exception):
    """The server answered with a status of an error."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"status {status}")
        self.status, self.headers, self.body = status, headers, body

    @property
    def is_about_max_tokens(self) -> bool:
        """Whether it is the name of the limit that was refused, and not the request."""
        if self.status not in (400, 422):
            return False
        if b"max_completion_tokens" in self.body:
            return True
        return _object(_read(self.body).get("error")).get("param") == "max_tokens"


def _read(body: bytes) -> Json:
    """Return the object in an answer; an empty one for a page of HTML, for example."""
    try:
        return _object(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _reply(completion: Json, model: str) -> Reply:
    """Read a completion; servers leave out what the specification calls required."""
    choices = completion.get("choices")
    choice = _object(choices[0] if isinstance(choices, list) and choices else None)
    message = choice.get("message")
    if not isinstance(message, dict):
        status = _object(completion.get("error")).get("code")
        raise ModelError(problem_of(status) if isinstance(status, int) else "broken")
    usage = _usage(_object(completion.get("usage")))
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        raise ModelError("refused", usage=usage, model=model)
    return Reply(
        text=_text(message.get("content")),
        usage=usage,
        reasoning=_text(message.get("reasoning") or message.get("reasoning_content")),
        is_cut_off=choice.get("finish_reason") == "length",
        model=model,
    )


def _usage(told: Json) -> Usage:
    """Return what a server says that a request cost; some don't say."""
    details = _object(told.get("prompt_tokens_details"))
    return Usage(
        prompt=_number(told.get("prompt_tokens")),
        completion=_number(told.get("completion_tokens")),
        cached=_number(details.get("cached_tokens")),
    )


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
