"""The models that the settings name, and the providers of chat models.

The providers' clients take a second or two to import, so that is done in a thread, off the start
and off the event loop.
"""

import asyncio
import importlib
import importlib.util
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from ai.config import AIConfig
from ai.llm.chat import ChatOptions, Streaming
from ai.llm.clients.openai_completions import OpenAICompatible
from ai.llm.fallback import Fallbacks
from ai.llm.types import Answer, ChatModel, Tool, Turn
from config.settings import Settings

Name = Literal["openai", "anthropic"]


@dataclass(frozen=True)
class Provider:
    """Where a provider's client is, and which setting holds its key."""

    package: str
    module: str
    client: str
    key: str
    base_url: str


PROVIDERS: dict[Name, Provider] = {
    "openai": Provider(
        "openai", "ai.llm.clients.openai", "OpenAIChat", "openai_api_key", "openai_base_url"
    ),
    "anthropic": Provider(
        "anthropic",
        "ai.llm.clients.anthropic",
        "AnthropicChat",
        "anthropic_api_key",
        "anthropic_base_url",
    ),
}


def missing_package(name: Name) -> str | None:
    """Return what to do where a provider's package is not installed."""
    package = PROVIDERS[name].package
    if importlib.util.find_spec(package):
        return None
    return f"the package {package} is not installed; add it with `pip install {package}`"


class ProvidedChat:
    """A model of a provider, whose client is imported beside everything else."""

    def __init__(self, name: Name, options: ChatOptions) -> None:
        """Begin to import the client. The package has to be there."""
        self._provider = PROVIDERS[name]
        self._options = options
        self._chat: Streaming | None = None
        threading.Thread(target=self._import, name=f"import {name}", daemon=True).start()

    async def stream(
        self,
        system: str,
        turns: Sequence[Turn],
        tools: Sequence[Tool] = (),
        *,
        may_call: bool = True,
    ) -> AsyncGenerator[str | Answer, None]:
        """Yield the text as it is written, then the whole Answer. Raises ModelError."""
        if self._chat is None:
            made = await asyncio.to_thread(self._make)
            self._chat = self._chat or made
        async with aclosing(self._chat.stream(system, turns, tools, may_call=may_call)) as items:
            async for item in items:
                yield item

    @property
    def warning(self) -> str:
        """What to tell whoever runs the bot; nothing where all is well."""
        return self._chat.warning if self._chat else ""

    async def aclose(self) -> None:
        """Close the connections."""
        if self._chat is not None:
            await self._chat.aclose()

    def _import(self) -> Callable[[ChatOptions], Streaming]:
        module = importlib.import_module(self._provider.module)
        client: Callable[[ChatOptions], Streaming] = getattr(module, self._provider.client)
        if self._provider.package == "openai":
            own = importlib.import_module("ai.llm.clients.openai_responses")
            if own.is_openais(self._options.base_url or module.OPENAI):
                client = own.OpenAIResponses
        return client

    def _make(self) -> Streaming:
        chat = self._import()(self._options)
        chat.prepare()
        return chat


def model_of(settings: Settings, config: AIConfig) -> ChatModel | None:
    """Return the model that is set up, with its fallbacks; None where there is no key for one."""
    if settings.openrouter_api_key is None:
        return None
    key = settings.openrouter_api_key.get_secret_value()
    models = [
        OpenAICompatible(
            settings.openrouter_base_url,
            key,
            name,
            max_tokens=config.max_tokens,
            timeout_seconds=config.validation.timeout_seconds,
        )
        for name in dict.fromkeys([config.model, *config.models])
    ]
    return Fallbacks(models) if len(models) > 1 else models[0]
