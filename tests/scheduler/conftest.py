"""A receiver for webhooks and ntfy, to which this process's settings lead."""

from collections.abc import Iterator

import pytest

from config.settings import get_settings
from tests.support.http_sink import HttpSink


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpSink]:
    with HttpSink() as server:
        monkeypatch.setenv("NTFY_BASE_URL", server.url)
        monkeypatch.setenv("DISCORD_WEBHOOK_BASE_URL", server.webhooks)
        get_settings.cache_clear()
        yield server
    get_settings.cache_clear()
