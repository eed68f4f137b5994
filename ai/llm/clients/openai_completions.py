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
from typing import Any

import aiohttp

from ai.llm.errors import problem_of, retry_after
from ai.llm.retry import Retry
from ai.llm.schemas import Json, flattened
from ai.llm.traits import MAX_TOKEN_MULTIPLIER, Traits, traits
from ai.llm.types import Answer, ModelError, Said, Usage
from ai.wire import number, object_of, reason, text, whole
from runtime.proxy import proxy_for

NO_KEY = "none"  # local servers ask for no key; some want the header all the same
JSON = {"Content-Type": "application/json"}
REFUSES_SCHEMA = {400, 404, 422, 500, 501}
"""What servers that don't know `response_format` answer to it; some say 404, some 500."""
CHOICE, SCHEMA = "anyOf", "response_format"
"""What is left out where it was refused: the choice between objects in a schema, or all of it."""

Messages = list[dict[str, str]]
"""The turns as the server wants them."""


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
        known: Traits | None = None,
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
        self._traits = known or traits(base_url, model)
        self._http: aiohttp.ClientSession | None = None
        self._last_schema: tuple[dict[str, Any], str] = ({}, "")
        self._flat: tuple[Json, Json] = ({}, {})  # a schema, and the same one flat

    async def complete(
        self, system: str, turns: Sequence[Said], schema: dict[str, Any] | None = None
    ) -> Answer:
        """Answer, as JSON of the schema where the server can. Raises ModelError."""
        deadline = time.monotonic() + self._timeout
        messages = [{"role": "system", "content": system}] if system else []
        messages += [{"role": turn.role, "content": turn.text} for turn in turns]
        try:
            async with asyncio.timeout(self._timeout):
                answer = _answer(await self._request(messages, schema, deadline), self._model)
        except TimeoutError as error:
            raise ModelError("timeout") from error
        self._traits.note_prompt([one["content"] for one in messages], answer.usage)
        if answer.is_cut_off and not answer.text.strip():
            self._traits.token_multiplier = min(
                self._traits.token_multiplier * 4, MAX_TOKEN_MULTIPLIER
            )
        return answer

    async def aclose(self) -> None:
        """Close the connections; the next request opens new ones."""
        http, self._http = self._http, None
        if http:
            await http.close()

    async def _request(
        self, messages: Messages, schema: dict[str, Any] | None, deadline: float
    ) -> Json:
        """Ask with the schema, else with a flat one, else with none, as the server takes them."""
        refused: list[tuple[str, int]] = []
        for kind, form in self._forms(schema):
            try:
                completion = await self._send(messages, form, deadline, kind)
            except _SchemaRefused as error:
                refused.append((kind, error.status))
                continue
            # Only now: the server may have been broken altogether.
            for other, status in refused:
                self._traits.note_refused(other, status)
            if form is not None:
                self._traits.note_taken(kind)
            break
        return completion

    def _forms(self, schema: Json | None) -> list[tuple[str, Json | None]]:
        """Return the schemas to try in turn, each with its kind; at last none."""
        forms: list[tuple[str, Json | None]] = []
        if schema is not None and not self._traits.leaves_out(SCHEMA):
            if self._flat[0] is not schema:
                self._flat = schema, flattened(schema)
            flat = self._flat[1]
            if flat is not schema and not self._traits.leaves_out(CHOICE):
                forms.append((CHOICE, schema))
            forms.append((SCHEMA, flat))
        return [*forms, ("", None)]

    async def _send(
        self, messages: Messages, schema: Json | None, deadline: float, kind: str
    ) -> Json:
        """Send one request, again after a pause where that may help and there is time for it."""
        retry = Retry(self._pause, deadline)
        while True:
            try:
                return await self._send_once(messages, schema)
            except _Refused as error:
                if error.sent == "max_tokens" and error.is_about_max_tokens:
                    self._traits.takes_max_tokens = False
                    continue
                may_be = kind not in self._traits.takes or error.is_about_schema
                if schema and may_be and error.status in REFUSES_SCHEMA:
                    raise _SchemaRefused(error.status) from error
                problem, asked = problem_of(error.status), retry_after(error.headers)
                why = reason(error.body, [one["content"] for one in messages[1:]])
                failure = ModelError(problem, asked, reason=why)
                failure.__cause__ = error
            except aiohttp.ClientError as error:
                failure = ModelError("unreachable")
                failure.__cause__ = error
            await retry.pause(failure)

    async def _send_once(self, messages: Messages, schema: dict[str, Any] | None) -> Json:
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
            limit: self._max_tokens * self._traits.token_multiplier,
        }
        sent = json.dumps(question)
        if schema:
            sent = f'{sent[:-1]}, "response_format": {self._written(schema)}}}'
        async with self._http.post(self._url, data=sent, headers=JSON) as response:
            body = await response.read()
            if not response.ok:
                raise _Refused(response.status, response.headers, body, limit)
        return _read(body)

    def _written(self, schema: dict[str, Any]) -> str:
        """Return a schema as it is sent; it is large, and mostly the same as the last one."""
        if self._last_schema[0] is not schema:
            wanted = {"name": "command", "strict": False, "schema": schema}
            written = json.dumps({"type": "json_schema", "json_schema": wanted})
            self._last_schema = schema, written
        return self._last_schema[1]


class _SchemaRefused(Exception):
    """The server seems not to take a JSON schema."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class _Refused(Exception):
    """The server answered with a status of an error."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, sent: str) -> None:
        super().__init__(f"status {status}")
        self.status, self.headers, self.body = status, headers, body
        self.sent = sent  # the name of the limit; another request may have changed it meanwhile

    @property
    def is_about_schema(self) -> bool:
        """Whether the server names what it does not take."""
        return any(word in self.body for word in (b"response_format", b"json_schema", b"anyOf"))

    @property
    def is_about_max_tokens(self) -> bool:
        """Whether it is the name of the limit that was refused, and not the request."""
        if self.status not in (400, 422):
            return False
        if b"max_completion_tokens" in self.body:
            return True
        return object_of(_read(self.body).get("error")).get("param") == "max_tokens"


def _read(body: bytes) -> Json:
    """Return the object in an answer; an empty one for a page of HTML, for example."""
    try:
        return object_of(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _answer(completion: Json, model: str) -> Answer:
    """Read a completion; servers leave out what the specification calls required."""
    choices = completion.get("choices")
    choice = object_of(choices[0] if isinstance(choices, list) and choices else None)
    message = choice.get("message")
    if not isinstance(message, dict):
        status = object_of(completion.get("error")).get("code")
        raise ModelError(problem_of(status) if isinstance(status, int) else "broken")
    usage = _usage(object_of(completion.get("usage")))
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        raise ModelError("refused", usage=usage, model=model)
    return Answer(
        text=whole(text(message.get("content"))),
        usage=usage,
        reasoning=text(message.get("reasoning") or message.get("reasoning_content")),
        is_cut_off=choice.get("finish_reason") == "length",
        model=model,
    )


def _usage(told: Json) -> Usage:
    """Return what a server says that a request cost; some don't say."""
    details = object_of(told.get("prompt_tokens_details"))
    return Usage(
        prompt=number(told.get("prompt_tokens")),
        completion=number(told.get("completion_tokens")),
        cached=number(details.get("cached_tokens")),
    )
