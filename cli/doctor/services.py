"""What the program talks to: its API, Discord, the model, ntfy, Redis. Asks only what is set."""

import io
import random
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from config.database_url import redis_place
from config.settings import ConfigError, Settings
from core.checks import Finding, Findings

SECONDS = 5.0  # that a server gets to answer
WINDOW_SECONDS = 8.0  # that a model gets for a long prompt
PROMPT_WORDS = 6000  # about what commands, or a history of 4,000 tokens and an answer, come to
WORDS = ("the", "of", "and", "to", "in", "is", "that", "it", "was", "for", "on", "are", "with")
CLOCK_SECONDS = 5.0
"""How far the clock may be off: the header is in whole seconds, and travels for some time."""
MESSAGE_CONTENT, MESSAGE_CONTENT_LIMITED = 1 << 18, 1 << 19
"""https://docs.discord.com/developers/resources/application, application flags."""


class Net:
    """An HTTP client that notes how far this machine's clock is from the servers'."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self.behind: dict[str, float] = {}  # seconds, by host
        self.client = httpx2.AsyncClient(
            timeout=SECONDS, event_hooks={"response": [self._note_the_time]}
        )

    async def _note_the_time(self, response: httpx2.Response) -> None:
        if told := response.headers.get("Date"):
            difference = parsedate_to_datetime(told) - self._now()
            self.behind[response.url.host] = difference.total_seconds()

    async def get(self, url: str, **headers: str) -> httpx2.Response | None:
        """Send a GET; None where nobody answers."""
        try:
            return await self.client.get(url, headers=headers)
        except (httpx2.TransportError, httpx2.InvalidURL):
            return None


@asynccontextmanager
async def net() -> AsyncIterator[Net]:
    """Open a client, and close it."""
    opened = Net()
    async with opened.client:
        yield opened


async def api(settings: Settings, net: Net) -> Findings:
    """Check that the API answers, is ready, and knows the bot's key."""
    url = settings.api_url.rstrip("/")
    answer = await net.get(f"{url}/ready")
    if answer is None:
        if "api_url" not in settings.model_fields_set:
            return [Finding("unused", "API", f"does not run at {url}; `make run` starts it")]
        return [Finding("bad", "API", f"{url} can't be reached", "Start it, or change API_URL.")]
    if answer.status_code != 200:
        advice = "Its log says why; `/ready` there answers 200 when all is well."
        return [Finding("bad", "API", f"{url} answers {answer.status_code}", advice)]
    key = settings.service_key.get_secret_value()
    # An empty order: refused for its form by whoever knows the key, and for the key otherwise.
    tried = await net.client.post(
        f"{url}/api/service/tokens", json={}, headers={"X-Service-Key": key}
    )
    if tried.status_code in (401, 403):
        advice = "Give the API and the bot the same one."
        return [Finding("bad", "API", f"{url} does not know this SERVICE_KEY", advice)]
    return [Finding("good", "API", f"{url} is ready and knows this bot")]


async def discord(settings: Settings, net: Net, agents: int) -> Findings:
    """Check the token and the intents of DISCORD_BOT_TOKEN, beside a number of other agents."""
    if settings.discord_bot_token is None:
        instead = f"{agents} in the database" if agents else "the conversation is in the terminal"
        return [Finding("unused", "Discord", f"no DISCORD_BOT_TOKEN: {instead}")]
    token = settings.discord_bot_token.get_secret_value()
    return await discord_token("Discord", token, settings.discord_api_url, net)


async def discord_token(subject: str, token: str, url: str, net: Net) -> Findings:
    """Check one token: whose it is, and whether it may read what is written."""
    portal = "https://discord.com/developers/applications"
    try:
        headers = {"Authorization": f"Bot {token}"}
        httpx2.Headers(headers)
    except (ValueError, TypeError):
        return [Finding("bad", subject, "the token has characters that no token has", portal)]
    me = await net.get(f"{url}/users/@me", **headers)
    if me is None:
        advice = "Is there a way to the internet? DISCORD_API_URL says where it is asked."
        return [Finding("bad", subject, f"{url} can't be reached", advice)]
    if me.status_code == 401:
        advice = f"Reset Token in {portal}, and set the new one."
        return [Finding("bad", subject, "does not know the token", advice)]
    application = await net.get(f"{url}/oauth2/applications/@me", **headers)
    name = _json(me).get("username")
    if name is None or application is None or application.status_code != 200:
        what = f"answered {me.status_code}, and nothing that can be used"
        return [Finding("warning", subject, what, "Try again in a minute.")]
    if not _json(application).get("flags", 0) & (MESSAGE_CONTENT | MESSAGE_CONTENT_LIMITED):
        advice = f"Switch on Message Content Intent under Bot in {portal}."
        what = f"the token is {name}'s, which may not read what is written"
        return [Finding("bad", subject, what, advice)]
    return [Finding("good", subject, f"the token is {name}'s, which may read what is written")]


async def model(settings: Settings, _net: Net) -> Findings:
    """Ask the model one tiny question."""
    if settings.openrouter_api_key is None:
        return [Finding("unused", "Model", "no OPENROUTER_API_KEY: the bot's own sentences only")]
    # Imported here: with a key alone is the client worth its half a second.
    from ai.config import load_ai_config
    from ai.llm.registry import model_of
    from ai.llm.types import ModelError, Said

    try:
        config = load_ai_config(settings.ai_config_path)
    except ConfigError as error:
        return [Finding("bad", "Model", str(error), "Mend the file.")]
    asked = model_of(settings, config.model_copy(update={"max_tokens": 16}))
    assert asked is not None  # noqa: S101 - for mypy; there is a key
    try:
        reply = await asked.complete("", [Said("user", "Say ok.")])
    except ModelError as error:
        advice = {
            "key": "Set OPENROUTER_API_KEY to one that is valid there.",
            "unknown": f'Change "model" in {settings.ai_config_path.name}.',
            "credit": "Pay in, or use another key.",
        }.get(error.problem, "Look at OPENROUTER_BASE_URL, or try again in a minute.")
        where = f"{config.model} at {settings.openrouter_base_url}"
        return [Finding("bad", "Model", f"{where}: {error.problem}", advice)]
    finally:
        await asked.aclose()
    tokens = f", for {reply.usage.total} tokens" if reply.usage.total else ""
    answers = Finding("good", "Model", f"{reply.model or config.model} answers{tokens}")
    key, url = settings.openrouter_api_key.get_secret_value(), settings.openrouter_base_url
    return [answers, *await window(config.model, url, key)]


async def window(model: str, url: str, key: str) -> Findings:
    """Send a model on a server of one's own a long prompt, and see whether all of it is read.

    No provider drops what it is sent, and there the prompt would cost something.
    """
    if not url.startswith("http://"):
        return []
    from ai.llm.clients.openai_completions import OpenAICompatible
    from ai.llm.traits import Traits
    from ai.llm.types import ModelError, Said

    traits = Traits()
    # In an order that no cache knows, of words that are a token each.
    prompt = " ".join(random.choices(WORDS, k=PROMPT_WORDS))  # noqa: S311 - no secret
    asked = OpenAICompatible(
        url, key, model, max_tokens=16, timeout_seconds=WINDOW_SECONDS, known=traits
    )
    try:
        await asked.complete("", [Said("user", prompt)])
    except ModelError as error:
        if error.problem != "rejected":
            return []  # too slow to tell; whether it answers at all is asked elsewhere
        what = f"{model} at {url} refuses a prompt of {PROMPT_WORDS} tokens"
        return [Finding("warning", "Model", what, "Give it a larger context window.")]
    finally:
        await asked.aclose()
    if not traits.cut_to:
        return []
    what = f"{model} at {url} reads {traits.cut_to} of more than {PROMPT_WORDS} tokens"
    advice = "Give it a larger context window (Ollama: OLLAMA_CONTEXT_LENGTH=16384)."
    return [Finding("warning", "Model", what, advice)]


async def voice(settings: Settings, _net: Net) -> Findings:
    """Have a second of silence written out."""
    if settings.transcription_base_url is None:
        if settings.transcription_api_key is None:
            what = "no TRANSCRIPTION_BASE_URL: voice messages are not understood"
            return [Finding("unused", "Voice", what)]
        what = "TRANSCRIPTION_API_KEY is set, and no TRANSCRIPTION_BASE_URL"
        advice = "Set both, for OpenAI to https://api.openai.com/v1."
        return [Finding("warning", "Voice", what, advice)]
    from ai.llm.transcription import Transcriber
    from ai.llm.types import ModelError

    key = settings.transcription_api_key
    model, url = settings.transcription_model, settings.transcription_base_url
    asked = Transcriber(url, key.get_secret_value() if key else None, model, WINDOW_SECONDS)
    try:
        await asked.transcribe(_silence(), "audio/wav", 1)
    except ModelError as error:
        advice = {
            "key": "Set TRANSCRIPTION_API_KEY to one that is valid there.",
            "unknown": "Look at TRANSCRIPTION_BASE_URL and TRANSCRIPTION_MODEL.",
            "credit": "Pay in, or use another key.",
        }.get(error.problem, "Look at TRANSCRIPTION_BASE_URL, or try again in a minute.")
        return [Finding("bad", "Voice", f"{model} at {url}: {error.problem}", advice)]
    finally:
        await asked.aclose()
    return [Finding("good", "Voice", f"{model} writes out voice messages")]


def _silence() -> bytes:
    """Return a second without a sound, as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16_000))
    return file.getvalue()


async def ntfy(settings: Settings, net: Net) -> Findings:
    """Check the ntfy server, where one of your own is set."""
    url = settings.ntfy_base_url.rstrip("/")
    if "ntfy_base_url" not in settings.model_fields_set:
        return [Finding("unused", "ntfy", f"the public {url}, which is not asked")]
    answer = await net.get(f"{url}/v1/health")
    if answer is None or answer.status_code != 200 or not _json(answer).get("healthy"):
        state = "can't be reached" if answer is None else f"answers {answer.status_code}"
        return [Finding("bad", "ntfy", f"{url} {state}", "Start it, or change NTFY_BASE_URL.")]
    if settings.ntfy_token:
        account = await net.get(
            f"{url}/v1/account", **_bearer(settings.ntfy_token.get_secret_value())
        )
        if account is not None and account.status_code in (401, 403):
            advice = "Make a new one there: ntfy token add."
            return [Finding("bad", "ntfy", f"{url} does not know NTFY_TOKEN", advice)]
    return [Finding("good", "ntfy", f"{url} is healthy")]


async def providers(settings: Settings, net: Net) -> Findings:
    """Check the keys of the llm agents' providers, by a request that costs nothing."""
    findings = []
    for name, key, url, headers in (
        ("OPENAI", settings.openai_api_key, f"{settings.openai_base_url}/models", _bearer),
        (
            "ANTHROPIC",
            settings.anthropic_api_key,
            f"{settings.anthropic_base_url}/v1/models",
            _x_key,
        ),
    ):
        if key is None:
            continue
        answer = await net.get(url, **headers(key.get_secret_value()))
        if answer is not None and answer.status_code == 200:
            findings.append(Finding("good", "Providers", f"{name}_API_KEY is accepted"))
        elif answer is not None and answer.status_code in (401, 403):
            advice = f"Set {name}_API_KEY to one that is valid there."
            findings.append(Finding("bad", "Providers", f"{name}_API_KEY is refused", advice))
        else:
            state = "can't be reached" if answer is None else f"answers {answer.status_code}"
            advice = f"Look at {name}_BASE_URL, or try again in a minute."
            findings.append(Finding("bad", "Providers", f"{url} {state}", advice))
    return findings or [Finding("unused", "Providers", "no OPENAI_API_KEY, no ANTHROPIC_API_KEY")]


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _x_key(key: str) -> dict[str, str]:
    return {"x-api-key": key, "anthropic-version": "2023-06-01"}


def redis(settings: Settings) -> Findings:
    """Check the Redis in which several APIs count together. Blocks."""
    url = settings.rate_limit_storage_url.get_secret_value()
    where = redis_place(url)
    if where is None:
        return [Finding("unused", "Redis", "each API counts requests for itself")]
    from redis import Redis, RedisError

    patience = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS}
    try:
        with Redis.from_url(url, **patience) as client:
            client.ping()
    except (TypeError, ValueError):  # of the options: one that there is not, or a wrong value
        what, advice = "its options can't be used", "Correct RATE_LIMIT_STORAGE_URL behind the ?."
        return [Finding("bad", "Redis", f"{where}: {what}", advice)]
    except RedisError as error:
        what = f"{where} can't be used ({type(error).__name__})"
        return [Finding("bad", "Redis", what, "Start it, or change RATE_LIMIT_STORAGE_URL.")]
    return [Finding("good", "Redis", f"{where} answers")]


def clock(net: Net) -> Findings:
    """Compare the clock with the servers that have answered."""
    if not net.behind:
        return [Finding("unused", "Clock", "no server was reached to compare it with")]
    host, seconds = max(net.behind.items(), key=lambda found: abs(found[1]))
    if abs(seconds) > CLOCK_SECONDS:
        side = "behind" if seconds > 0 else "ahead of"
        what = f"{abs(seconds):.0f} s {side} {host}"
        advice = "Set it (timedatectl set-ntp true): reminders and tokens go by it."
        return [Finding("bad", "Clock", what, advice)]
    return [Finding("good", "Clock", f"as {', '.join(sorted(net.behind))}")]


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
