"""A scripted language model: a real HTTP server on loopback, as OpenAI's and as Anthropic's are.

    model_server.replies('{"interaction_type": "task", "action": "show"}')
    model_server.replies(Answer(status=429, headers={"Retry-After": "1"}), Answer(delay=5))
    model_server.replies(Answer(calls=[("task_add", {"name": "milk"})]))  # where it is streamed
    model_server.script = lambda request: "..."  # decides for itself, for whole conversations

Each request takes the next answer of the queue; with an empty queue the script decides. Requests
are recorded in `requests`. The fixture is `model_server`; import it in a conftest to use it.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from ai.llm.types import Answer as Whole
from ai.llm.types import Chat, Tool, Turn
from tests.support.loopback import Asked, LoopbackServer, Reply
from tests.support.model_streams import (
    Calls,
    anthropic_events,
    event,
    openai_events,
    responses_events,
)

ERRORS = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    402: ("insufficient_credits", None, "Insufficient credits."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    422: ("invalid_request_error", None, "Unprocessable request."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached."),
    500: ("server_error", None, "The server had an error."),
    503: ("server_error", None, "The engine is overloaded."),
}
ANTHROPIC_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


CORRECTION = "That answer can't be used:"  # as the parser begins one


@dataclass
class Answer:
    """What the server does with one request."""

    text: str | None = ""
    status: int = 200
    delay: float = 0
    headers: dict[str, str] = field(default_factory=dict)
    finish_reason: str = "stop"
    message: dict[str, Any] = field(default_factory=dict)  # more of the message: reasoning, refusal
    body: bytes | None = None  # instead of a completion
    content_type: str = "application/json"
    hangs: bool = False  # no answer at all until the server closes
    trickles: bool = False  # the headers come, and a byte now and then
    calls: Calls = field(default_factory=list)  # of tools; streams only, as all that follows
    thinks: str = ""  # in a field of its own
    piece_delay: float = 0
    breaks_after: int | None = None  # events; then the connection is cut
    stalls_after: int | None = None  # events; then nothing more comes
    fails_after: int | None = None  # events; then the server tells of an error


@dataclass
class Request:
    """A request as it came in; the headers' names are in lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    window: int | None = None

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation that was sent."""
        messages: list[dict[str, Any]] = self.body.get("messages") or self.body["input"]
        return messages

    @property
    def is_response(self) -> bool:
        """Whether it speaks the language of OpenAI's Responses API."""
        return self.path.endswith("/responses")

    @property
    def is_anthropic(self) -> bool:
        """Whether it speaks Anthropic's language."""
        return self.path == "/v1/messages"

    @property
    def system(self) -> str:
        """The system prompt."""
        if self.is_anthropic:
            return str(self.body.get("system", ""))
        return next((m["content"] for m in self.messages if m["role"] == "system"), "")

    @property
    def user(self) -> str:
        """What the user said last, and not what was wrong with an answer to it."""
        said = [str(m["content"]) for m in self.messages if m["role"] == "user"]
        return next(text for text in reversed(said) if not text.startswith(CORRECTION))

    @property
    def words(self) -> int:
        """How long the conversation is: what it counts as in tokens here."""
        sent = sum(len(str(m.get("content", "")).split()) for m in self.messages)
        return min(sent, self.window or sent)


Script = Callable[[Request], Answer | str]


class ModelServer(LoopbackServer):
    """The server; `base_url` is what a client is given."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.script: Script = lambda _: Answer(status=500)
        self.refuses_schema_with: int | None = None
        self.window: int | None = None  # tokens; it drops what is beyond, without a word
        self._queue: deque[Answer] = deque()
        self._lock = threading.Lock()
        super().__init__()

    @property
    def base_url(self) -> str:
        """Where the server is reached, as OPENROUTER_BASE_URL would say it."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """Where the server is reached, as ANTHROPIC_BASE_URL would say it."""
        return self.url

    def replies(self, *answers: Answer | str | dict[str, Any]) -> None:
        """Queue answers; a text is a plain completion, a dict one in JSON."""
        for answer in answers:
            if not isinstance(answer, Answer):
                answer = Answer(answer if isinstance(answer, str) else json.dumps(answer))
            self._queue.append(answer)

    def respond(self, asked: Asked) -> Reply:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        request = Request(asked.path, headers, json.loads(asked.body), self.window)
        answer = self._choose(request)
        if self.pause(answer.delay) or answer.hangs:
            self.pause()
            raise ConnectionError
        if request.body.get("stream") and answer.status == 200 and answer.body is None:
            return Reply(200, self._pieces(request, answer), {"Content-Type": "text/event-stream"})
        body = answer.body if answer.body is not None else _body(request, answer)
        told = {"Content-Type": answer.content_type, **answer.headers}
        if answer.trickles:
            drops = self._slowly([bytes([byte]) for byte in body], 0.05)
            return Reply(answer.status, drops, {"Content-Length": str(len(body)), **told})
        return Reply(answer.status, body, told)

    def _choose(self, request: Request) -> Answer:
        """Record a request and choose its answer."""
        with self._lock:
            self.requests.append(request)
            if self.refuses_schema_with and "response_format" in request.body:
                return Answer(status=self.refuses_schema_with)
            if self._queue:
                return self._queue.popleft()
        answer = self.script(request)
        return answer if isinstance(answer, Answer) else Answer(answer)

    def _pieces(self, request: Request, answer: Answer) -> Iterator[bytes]:
        """Yield the events of a stream, as far as the answer lets them come."""
        for number, sent in enumerate(self._slowly(_events(request, answer), answer.piece_delay)):
            if number == answer.breaks_after or (number == answer.stalls_after and self.pause()):
                raise ConnectionError
            if number == answer.fails_after:
                yield _failure(request).encode()
                return
            yield sent

    def _slowly(self, pieces: Iterable[bytes], seconds: float) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            if self.pause(seconds):
                raise ConnectionError


def _events(request: Request, answer: Answer) -> Iterator[bytes]:
    model, size = request.body["model"], request.words
    if request.is_anthropic:
        events = anthropic_events(answer, model, size)
    elif request.is_response:
        events = responses_events(answer, model, size)
    else:
        tells_usage = bool(request.body.get("stream_options", {}).get("include_usage"))
        events = openai_events(answer, model, size, tells_usage=tells_usage)
    return (one.encode() for one in events)


def _failure(request: Request) -> str:
    """Return how the servers tell of an error in a stream."""
    told = {"message": "Overloaded.", "type": "overloaded_error"}
    if request.is_anthropic:
        return event("error", error=told)
    return f"data: {json.dumps({'error': told | {'code': 503}})}\n\n"


def _body(request: Request, answer: Answer) -> bytes:
    if answer.status != 200 and request.is_anthropic:
        kind = ANTHROPIC_ERRORS.get(answer.status, "api_error")
        failure = {"type": "error", "error": {"type": kind, "message": answer.text or "Error."}}
        return json.dumps(failure).encode()
    if answer.status != 200:
        kind, code, message = ERRORS.get(answer.status, ("server_error", None, "Error."))
        error = {"message": answer.text or message, "type": kind, "param": None, "code": code}
        return json.dumps({"error": error}).encode()
    prompt = request.words
    completion = len((answer.text or "").split())
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": request.body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": answer.text, **answer.message},
                    "finish_reason": answer.finish_reason,
                    "logprobs": None,
                }
            ],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            },
        }
    ).encode()


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    """A scripted model for one test."""
    with ModelServer() as server:
        yield server


async def streamed(
    chat: Chat, system: str, turns: Sequence[Turn], tools: Sequence[Tool]
) -> tuple[str, Whole]:
    """Ask a model; return what was shown, and the whole answer. The connections are closed."""
    shown, whole = "", None
    try:
        async with aclosing(chat.stream(system, turns, tools)) as items:
            async for item in items:
                if isinstance(item, Whole):
                    whole = item
                else:
                    shown += item
    finally:
        await chat.aclose()
    assert whole is not None
    return shown, whole
