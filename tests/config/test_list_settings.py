"""Settings that are lists: what is empty is no entry, and each entry is checked by itself."""

from ipaddress import ip_network

import pytest

from config.settings import ConfigError, Settings, load_settings

GOOD, OTHER = "g" * 40, "o" * 40
REST = {"SERVICE_KEY": "s" * 40, "APP_ENV": "production"}


def loaded(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


@pytest.mark.parametrize(
    ("name", "given", "read"),
    [
        ("CORS_ORIGINS", "https://a.example/, ,http://localhost:3000,", 2),
        ("CORS_ORIGINS", "*", ("*",)),
        ("PUSH_SCHEMES", " Tgram,,slack,", ("tgram", "slack")),
        ("PUSH_SCHEMES", " , ", ()),
        ("PUSH_NETWORKS", "10.1.0.0/16,", (ip_network("10.1.0.0/16"),)),
        ("DISCORD_CDN_URLS", "https://cdn.example/", ("https://cdn.example",)),
    ],
)
def test_blanks_are_no_entries(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str, read: object
) -> None:
    value = getattr(loaded(monkeypatch, **{name: given}), name.lower())
    assert value == read or len(value) == read


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("CORS_ORIGINS", "https://a.example,b.example", r"CORS_ORIGINS \(entry 2\): .*like https:"),
        ("CORS_ORIGINS", "https://a.example/page", r"CORS_ORIGINS \(entry 1\): .*without a path"),
        ("PUSH_SCHEMES", "tgram,slack://", r"PUSH_SCHEMES \(entry 2\)"),
        ("PUSH_NETWORKS", "10.0.0.0/8,10.0.0.0/99", r"PUSH_NETWORKS \(entry 2\): .*network"),
        ("DISCORD_CDN_URLS", "ftp://x.example", r"DISCORD_CDN_URLS \(entry 1\)"),
        ("AGENT_TOKEN_KEYS", "short", "AGENT_TOKEN_KEYS: key 1 is no Fernet key"),
    ],
)
def test_a_bad_entry_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        loaded(monkeypatch, **{name: given})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        (", ", "JWT_SECRET is missing"),
        (f"a,{GOOD}", r"JWT_SECRET \(key 1\) is shorter"),
        (f"{GOOD},a", r"JWT_SECRET \(key 2\) is shorter"),
        (f"{GOOD}, changeme-{OTHER}", r"JWT_SECRET \(key 2\) is a well-known"),
    ],
)
def test_production_refuses_a_list_with_one_bad_key(
    monkeypatch: pytest.MonkeyPatch, secret: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        loaded(monkeypatch, JWT_SECRET=secret, **REST)
    assert loaded(monkeypatch, JWT_SECRET=f"{GOOD}, {OTHER},", **REST)


def test_development_makes_the_keys_that_a_list_of_nothing_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = loaded(monkeypatch, JWT_SECRET=" , ", SERVICE_KEY=" ", AGENT_TOKEN_KEYS=",")
    for value in (made.jwt_secret, made.service_key, made.agent_token_keys):
        assert len(value.get_secret_value()) > 32
