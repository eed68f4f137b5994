"""What modules of a user's own find in os.environ, and where they reach the API."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from cli.doctor import machine
from config.own_settings import OwnSettings, own_settings
from config.settings import ConfigError, Settings, api_url, get_settings, load_settings, serving_api
from docs.settings_table import env_example

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
    monkeypatch.setattr("config.own_settings._declared", {})
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


def test_the_api_may_take_any_free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "0")
    assert load_settings().api_url == "http://127.0.0.1:0"


@pytest.mark.parametrize(
    "name",
    [name.upper() for name in Settings.model_fields if name.endswith(("api_url", "base_url"))],
)
@pytest.mark.parametrize(
    "value", ["app:5000", "//app:5000", "ftp://app", "http://", "http://app:99999", "app"]
)
def test_an_address_that_is_none_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=rf"^{name}: [^\n]+\Z"):
        load_settings()


def test_a_modules_own_settings_have_types_and_defaults(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Weather(OwnSettings):
        weather_days: int = Field(3, description="Days ahead that are told.")
        weather_key: SecretStr | None = Field(None, description="The service's key.")

    environment.write_text("WEATHER_KEY=abc\nWEATHER_DAYS=5\n", "utf-8")
    monkeypatch.setenv("WEATHER_DAYS", "7")

    read = Weather.read()

    assert (read.weather_days, read.weather_key) == (7, SecretStr("abc"))
    monkeypatch.setenv("WEATHER_DAYS", "secret")
    with pytest.raises(ConfigError, match=r"^WEATHER_DAYS: .* \(in the environment\)") as raised:
        Weather.read()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "default", "told"),
    [
        ("db_host", Field("x", description="A host."), "DB_HOST is another's"),
        ("tide_key", Field("x"), "TIDE_KEY needs a description"),
        ("tide_key", Field(description="A key."), "TIDE_KEY needs a default"),
    ],
)
def test_a_setting_that_cannot_be_declared_is_named(name: str, default: object, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        type("Tide", (OwnSettings,), {name: default, "__annotations__": {name: str}})


def test_own_settings_are_documented_and_told_by_the_doctor(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tides(OwnSettings):
        __module__ = "bot.commands.tides"
        tide_station: str = Field("hamburg", description="Where the tides are measured.")

    assert Tides in [*own_settings()]
    assert env_example().endswith("\n# Where the tides are measured.\n#TIDE_STATION=hamburg\n")
    environment.write_text("TIDE_STATIO=kiel\n", "utf-8")
    _, findings = machine.settings()
    assert "bot.commands.tides: TIDE_STATION (default)" in [one.what for one in findings]
    assert "Did you mean TIDE_STATION?" in [one.advice for one in findings]
