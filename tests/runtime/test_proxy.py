"""Which proxy stands between us and an address."""

import pytest

from runtime.proxy import proxy_for


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://models.example/v1", "http://secure.example:3128"),
        ("http://models.example/v1", "http://plain.example:3128"),
        ("http://app:5000", None),
        ("http://api.inside.example", None),
    ],
)
def test_the_environment_names_it(
    monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://secure.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://plain.example:3128")
    monkeypatch.setenv("NO_PROXY", "app,.inside.example")
    assert proxy_for(url) == proxy
