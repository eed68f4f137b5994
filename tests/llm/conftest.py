"""Llm agents talk with a scripted model, over the real API."""

import pytest

from config.settings import Settings
from tests.support.chat import chat, clock, database_url, stranger, world
from tests.support.llm import llm, talking
from tests.support.model_server import ModelServer, model_server
from tests.support.picture_server import picture_server

__all__ = [
    "chat",
    "clock",
    "database_url",
    "llm",
    "model_server",
    "picture_server",
    "stranger",
    "world",
]


@pytest.fixture
def settings(model_server: ModelServer) -> Settings:
    """Settings with keys for the scripted model."""
    return talking(model_server)
