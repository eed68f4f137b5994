"""Speech to text, on any server that speaks OpenAI's `POST /audio/transcriptions`."""

import asyncio
import json
from dataclasses import replace

import aiohttp

from ai.llm.chat import tokens
from ai.llm.errors import problem_of, retry_after
from ai.llm.types import Answer, ModelError, Usage
from ai.wire import number, object_of, reason, whole
from runtime.proxy import proxy_for

EXTENSIONS = {
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/mp4": "m4a",
    "audio/m4a": "m4a",
    "audio/x-m4a": "m4a",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/webm": "webm",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
}
"""The kinds of recordings that OpenAI's API reference, "Create transcription", takes, as files."""
TOKENS_A_SECOND = 10  # OpenAI's documentation, "Managing costs": a token is 100 ms of speech
MAX_ANSWER = 200_000  # bytes
TIMEOUT_SECONDS = 60
NO_KEY = "none"  # local servers ask for no key; some want the header all the same


class Transcriber:
    """A model that writes out speech; `timeout_seconds` bounds a whole request."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        model: str,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/audio/transcriptions"
        self._headers = {"Authorization": f"Bearer {api_key or NO_KEY}"}
        self._model = model
        self._timeout = timeout_seconds
        self._http: aiohttp.ClientSession | None = None

    async def transcribe(self, data: bytes, media_type: str, seconds: float) -> Answer:
        """Return what is said in a recording, on one line; "" where nothing is.

        It counts as so many seconds where the server doesn't tell what it cost. Raises ModelError.
        """
        estimated = Usage(prompt=round(seconds * TOKENS_A_SECOND))
        try:
            async with asyncio.timeout(self._timeout):
                told = await self._send(data, media_type)
        except TimeoutError as error:
            raise ModelError("timeout", usage=estimated, model=self._model) from error
        except aiohttp.ClientError as error:
            raise ModelError("unreachable", model=self._model) from error
        text = told.get("text")
        if not isinstance(text, str):
            raise ModelError("broken", usage=estimated, model=self._model)
        # Servers break the lines where they like; each would be an order of its own.
        text = " ".join(whole(text).replace("\0", " ").split())
        usage = _usage(object_of(told.get("usage")))
        if not usage.total:
            usage = replace(estimated, completion=tokens(text))
        return Answer(text, usage=usage, model=self._model)

    async def aclose(self) -> None:
        """Close the connections; the next request opens new ones."""
        http, self._http = self._http, None
        if http:
            await http.close()

    async def _send(self, data: bytes, media_type: str) -> dict[str, object]:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(),  # none: transcribe() bounds the whole
                proxy=proxy_for(self._url),
            )
        form = aiohttp.FormData({"model": self._model, "response_format": "json"})
        name = f"speech.{EXTENSIONS[media_type]}"  # servers go by it; the sender's may say anything
        form.add_field("file", data, filename=name, content_type=media_type)
        async with self._http.post(self._url, data=form, allow_redirects=False) as response:
            body = b""
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > MAX_ANSWER:
                    raise ModelError("broken", model=self._model)
            if response.status != 200:
                raise ModelError(
                    problem_of(response.status) if response.status >= 400 else "broken",
                    retry_after(response.headers),
                    model=self._model,
                    reason=reason(body, ()),
                )
        try:
            return object_of(json.loads(body))
        except (ValueError, RecursionError):
            return {}  # a page of HTML, for example


def _usage(told: dict[str, object]) -> Usage:
    """Return what a request cost: tokens, or the length of the recording."""
    if told.get("type") == "duration":
        return Usage(prompt=number(told.get("seconds")) * TOKENS_A_SECOND)
    return Usage(number(told.get("input_tokens")), number(told.get("output_tokens")))
