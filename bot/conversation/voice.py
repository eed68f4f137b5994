"""Voice messages: fetched, written out by a model, and from then on like typed ones.

None is while the bot waits for a secret: what is said then is fetched and sent nowhere.
"""

import asyncio
import logging
from dataclasses import replace

from ai.llm.transcription import TOKENS_A_SECOND, Transcriber
from ai.llm.types import ModelError
from bot.api.usage import Budget
from bot.downloads import Downloads, NotFetched
from bot.messages import MAX_QUOTED, Incoming, Recording
from config.settings import Settings

logger = logging.getLogger(__name__)

MAX_SECONDS = 300  # of a recording
MAX_BYTES = 5_000_000  # five minutes of MP3 at its usual 128 kbit/s
LEAST_RATE = 1000  # bytes a second: 8 kbit/s, MP3's lowest, where nothing tells how long it is
OPUS_RATE = 48_000  # positions a second, in every Ogg file with Opus; RFC 7845, section 4
AT_ONCE = 8  # recordings of one agent that are in memory
TIMEOUT_SECONDS = 75  # of a recording, with the wait for its turn

NO_VOICE = "I can't listen to voice messages, I'm afraid. Please write it to me."
TO_BE_TYPED = "That is a secret, which I take in writing alone. Please type it, or say “cancel”."
TOO_LONG = "That is too long for me: I listen to up to {most:g} minutes. Please write it to me."
NOTHING_SAID = "I have heard nothing in that. Please say it again, or write it to me."
NOT_HEARD = "I could not listen to that. Please try again in a moment, or write it to me."


class NotHeard(Exception):
    """A recording was not written out; the message is one sentence for the person."""


class Voice:
    """Listens to recordings, where the settings name a server that writes them out."""

    def __init__(self, settings: Settings) -> None:
        self._transcriber: Transcriber | None = None
        if settings.transcription_base_url is not None:
            key = settings.transcription_api_key
            self._transcriber = Transcriber(
                settings.transcription_base_url,
                key.get_secret_value() if key else None,
                settings.transcription_model,
            )
        self._downloads = Downloads(settings.discord_cdn_urls)
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def is_on(self) -> bool:
        """Whether it listens at all."""
        return self._transcriber is not None

    async def written_out(self, incoming: Incoming, budget: Budget) -> Incoming:
        """Return a message with the words of its recording.

        They are its text where there is no other and the person has said it; else they are what
        the message is about. Raises NotHeard and ApiError.
        """
        recording = incoming.recording
        if recording is None or self._transcriber is None:
            raise NotHeard(NO_VOICE)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), self._turns:
                text = await self._heard(self._transcriber, recording, budget)
        except (NotFetched, TimeoutError) as error:
            logger.info("a recording was left out: %s", str(error) or type(error).__name__)
            raise NotHeard(NOT_HEARD) from error
        if not text:
            raise NotHeard(NOTHING_SAID)
        if recording.is_quoted or incoming.text.strip():
            about = "\n\n".join(part for part in (incoming.quoted, text) if part)[:MAX_QUOTED]
            return replace(incoming, quoted=about, recording=None)
        return replace(incoming, text=text, recording=None)

    async def close(self) -> None:
        """Close the connections."""
        await self._downloads.close()
        if self._transcriber is not None:
            await self._transcriber.aclose()

    async def _heard(self, model: Transcriber, recording: Recording, budget: Budget) -> str:
        _check(recording.size, recording.seconds)
        data = await self._downloads.fetch(recording.url, MAX_BYTES)
        seconds = _opus_seconds(data)
        _check(len(data), seconds)  # what is stated is the word of whoever sent it
        seconds = seconds or recording.seconds or len(data) / LEAST_RATE
        if refusal := await budget.allow(round(seconds * TOKENS_A_SECOND)):
            raise NotHeard(refusal)
        try:
            answer = await model.transcribe(data, recording.media_type, seconds)
        except ModelError as error:
            logger.warning("a recording was not written out: %s", error.told)
            await budget.spend(error.usage, error.model)
            raise NotHeard(NOT_HEARD) from error
        await budget.spend(answer.usage, answer.model)
        return answer.text


def _check(size: int, seconds: float | None) -> None:
    """Raise NotHeard where a recording is too long."""
    if size > MAX_BYTES or not 0 <= (seconds or 0) <= MAX_SECONDS:
        raise NotHeard(TOO_LONG.format(most=MAX_SECONDS / 60))


def _opus_seconds(data: bytes) -> float | None:
    """Return how long an Ogg file with Opus is, as Discord's voice messages are; else None.

    Its last page tells its last position, in eight bytes; RFC 3533, section 6.
    """
    page = data.rfind(b"OggS")
    if page < 0 or b"OpusHead" not in data[:64] or len(data) < page + 14:
        return None
    return int.from_bytes(data[page + 6 : page + 14], "little") / OPUS_RATE
