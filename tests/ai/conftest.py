"""A scripted model, and clients for it that are closed again."""

from collections.abc import AsyncIterator, Callable

import pytest

from ai.llm.clients.openai_completions import OpenAICompatible
from tests.support.model_server import ModelServer, model_server

__all__ = ["model_server"]

Connect = Callable[..., OpenAICompatible]


@pytest.fixture
async def connect(model_server: ModelServer) -> AsyncIterator[Connect]:
    """Make clients of the scripted model that retry after a moment."""
    made: list[OpenAICompatible] = []

    def make(
        name: str = "some/model", *, base_url: str = "", timeout: float = 10
    ) -> OpenAICompatible:
        url = base_url or model_server.base_url
        made.append(
            OpenAICompatible(url, "sk-secret", name, timeout_seconds=timeout, pause_seconds=0.01)
        )
        return made[-1]

    yield make
    for model in made:
        await model.aclose()
