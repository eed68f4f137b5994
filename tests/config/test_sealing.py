"""Tokens at rest: what is one, whose it is, and where it is looked for."""

import base64
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from config.sealing import Sealer, SealError, bot_of
from config.secrets import kept_secrets, keys_in, new_secret
from config.settings import ConfigError, Settings, get_settings, load_settings


@pytest.fixture
def settings() -> Settings:
    return get_settings().model_copy(
        update={"agent_token_keys": SecretStr(new_secret("agent_token_keys"))}
    )


def test_what_is_sealed_differs_each_time_and_is_opened_again(settings: Settings) -> None:
    sealer = Sealer(settings)
    one, two = sealer.seal("a.secret.token"), sealer.seal("a.secret.token")
    assert one != two
    assert "secret" not in one
    assert sealer.open(one) == sealer.open(two) == "a.secret.token"


def test_a_damaged_token_is_refused_without_showing_it(settings: Settings) -> None:
    sealer = Sealer(settings)
    sealed = sealer.seal("a.secret.token")
    for broken in (sealed[:-4] + "AAAA", "nonsense", ""):
        with pytest.raises(SealError) as refused:
            sealer.open(broken)
        assert "secret" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_tokens_of_one_bot_have_one_fingerprint(settings: Settings) -> None:
    sealer = Sealer(settings)
    first = base64.urlsafe_b64encode(b"1234567890").decode().rstrip("=")
    assert bot_of(f"{first}.a.b") == "1234567890"
    assert sealer.fingerprints(f"{first}.a.b") == sealer.fingerprints(f"{first}.c.d")
    other = Sealer(
        settings.model_copy(update={"agent_token_keys": SecretStr(Fernet.generate_key().decode())})
    )
    assert sealer.fingerprints("a.b.c") != other.fingerprints("a.b.c"), "who has no key can't guess"
    for token in ("a.b.c", "no-dots", "5", "MTIz", "\u00e9.a.b", "====.a.b"):
        assert bot_of(token) == token


def test_a_reference_is_looked_up_in_the_environment_then_in_the_file(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text("GREETER=from the file\nOTHER=from the file\n")
    monkeypatch.setenv("ENV_FILE", str(file))
    monkeypatch.setenv("GREETER", "from the environment")
    sealer = Sealer(settings)
    assert sealer.open("env:GREETER") == "from the environment"
    assert sealer.open("env:OTHER") == "from the file"
    with pytest.raises(SealError, match="the variable MISSING is not set"):
        sealer.open("env:MISSING")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "one word"),
        ("two words", "one word"),
        ("x" * 501, "500"),
        ("env:", "env:NAME"),
        ("env:A-B", "env:NAME"),
        ("env:SERVICE_KEY", "SERVICE_KEY is a setting"),
        ("env:jwt_secret", "jwt_secret is a setting"),
    ],
)
def test_what_is_no_token_is_refused(given: str, told: str) -> None:
    with pytest.raises(SealError, match=told):
        Sealer(get_settings()).check(given)


def test_the_bots_own_variable_may_be_referred_to() -> None:
    assert Sealer(get_settings()).check("env:DISCORD_BOT_TOKEN") == "env:DISCORD_BOT_TOKEN"


def test_keys_are_checked_when_the_program_starts(tmp_path: Path) -> None:
    good = Fernet.generate_key().decode()
    assert keys_in(f" {good} , {good} ") == [good, good]
    file = tmp_path / ".env"
    file.write_text(f"AGENT_TOKEN_KEYS={good},a-bad-key\n")
    with pytest.raises(ConfigError, match="AGENT_TOKEN_KEYS: key 2 is no Fernet key") as refused:
        load_settings(file)
    assert "a-bad-key" not in str(refused.value)


def test_development_keeps_its_key_apart(tmp_path: Path) -> None:
    made = kept_secrets(tmp_path)
    assert kept_secrets(tmp_path) == made
    assert keys_in(made["agent_token_keys"]) == [made["agent_token_keys"]]
    (tmp_path / "secrets.json").unlink()
    again = kept_secrets(tmp_path)
    assert again["jwt_secret"] != made["jwt_secret"]
    assert again["agent_token_keys"] == made["agent_token_keys"]
    (tmp_path / "agent_keys.json").write_text("{}")
    with pytest.raises(ValueError, match="set the agents' tokens again"):
        kept_secrets(tmp_path)
