"""What modules of a user's own find in os.environ, and where they reach the API."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import ConfigError, api_url, get_settings, load_settings, serving_api

KEYS = "n" * 40, "o" * 40


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A config/.env of the test's own, read by this process."""
    for name in ("JWT_SECRET", "HABITS_COLOUR", "API_URL"):
        monkeypatch.setenv(name, "to be put back")
        monkeypatch.delenv(name)
    file = tmp_path / ".env"
    monkeypatch.setenv("ENV_FILE", str(file))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    get_settings.cache_clear()
    yield file
    get_settings.cache_clear()


def test_a_generated_secret_is_in_the_environment(environment: Path) -> None:
    environment.touch()
    assert get_settings().jwt_secret.get_secret_value() == os.environ["JWT_SECRET"]


def test_of_several_keys_the_one_that_signs_is_in_the_environment(environment: Path) -> None:
    environment.write_text(f'JWT_SECRET="{KEYS[0]}, {KEYS[1]}"\n', "utf-8")
    assert get_settings().jwt_secret.get_secret_value().endswith(KEYS[1])
    assert os.environ["JWT_SECRET"] == KEYS[0]


def test_a_modules_own_settings_are_in_the_environment(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.write_text("HABITS_COLOUR=red\nAPI_URL=http://127.0.0.1:1\n", "utf-8")
    monkeypatch.setenv("API_URL", "http://127.0.0.1:2")  # the environment wins
    get_settings()
    assert os.environ["HABITS_COLOUR"] == "red"
    assert os.environ["API_URL"] == "http://127.0.0.1:2"


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:4711"), ("::", "http://[::1]:4711"), ("box", "http://box:4711")],  # noqa: S104
)
def test_the_api_of_this_process_comes_first(environment: Path, host: str, url: str) -> None:
    environment.write_text("API_URL=http://127.0.0.1:2\n", "utf-8")
    with serving_api(host, 4711) as address:
        assert api_url() == address == url
    assert api_url() == "http://127.0.0.1:2"


@pytest.mark.parametrize("name", ["POLL_INTERVAL", "WAKE_INTERVAL", "SENT_KEPT_DAYS"])
@pytest.mark.parametrize("value", ["inf", "nan", "1e20", "-1", "0"])
def test_a_time_that_no_clock_can_wait_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=rf"^{name}: Input should be .*\Z"):
        load_settings()
