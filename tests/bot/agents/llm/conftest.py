"""Llm agents talk with a scripted model, over the real API."""

import pytest

from config.settings import Settings
from tests.support.llm import llm, talking
from tests.support.model_server import ModelServer
from tests.support.picture_server import picture_server

__all__ = ["llm", "picture_server"]


@pytest.fixture
def settings(model_server: ModelServer) -> Settings:
    """Settings with keys for the scripted model."""
    return talking(model_server)
