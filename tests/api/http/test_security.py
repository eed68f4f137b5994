"""Who may call what: every route of the application, in one table made from the application."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from apiflask import APIFlask

from api.http.security import SERVICE_KEY_HEADER, access_of
from config.settings import Settings, get_settings
from core.auth import issue_token
from core.postgres import select_one
from tests.support.api import Caller
from tests.support.people import PASSWORD

PUBLIC = {
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("POST", "/api/register"),
    ("POST", "/api/login"),
    ("POST", "/api/login/code"),
}


def routes(app: APIFlask) -> Iterator[tuple[str, str, str]]:
    """Yield every method and path of the application, and who may call it.

    The console's pages have tests of their own: they ask browsers to sign in.
    """
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("console."):
            continue
        values = {name: str(uuid4()) for name in rule.arguments}
        with app.test_request_context():
            path = app.url_for(rule.endpoint, **values)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, path, access_of(app.view_functions[rule.endpoint])


def test_these_routes_and_no_others_are_public(app: APIFlask) -> None:
    assert {(method, path) for method, path, access in routes(app) if access == "public"} == PUBLIC


def test_the_service_routes_are_the_ones_below_their_path(app: APIFlask) -> None:
    for _, path, access in routes(app):
        assert (access == "service") == path.startswith("/api/service/")


def test_every_other_route_refuses_who_has_no_right_to_it(
    app: APIFlask, nobody: Caller, ada: Caller, bot: Caller
) -> None:
    refused = 0
    for method, path, access in routes(app):
        if access == "public":
            continue
        intruders = [
            nobody,
            nobody.with_token("nonsense"),
            nobody.with_token(""),
            Caller(nobody.client, {"Authorization": "Basic YTpi"}),
            Caller(nobody.client, {"Authorization": "Bearer"}),
            Caller(nobody.client, {SERVICE_KEY_HEADER: "guess"}),
            Caller(nobody.client, {SERVICE_KEY_HEADER: "gu\xe9ss"}),
            bot if access in ("user", "admin") else ada,
        ]
        for intruder in intruders:
            for body in (None, {}, {"nonsense": 1}):
                answer = intruder.request(method, path, body)
                assert answer.status_code == 401, (method, path, intruder.headers, answer.json)
                assert list(answer.json) == ["error"]
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                refused += 1
    assert refused > 200


def test_the_bot_is_admitted_to_its_routes(bot: Caller) -> None:
    address = {"platform": "console", "agent": "default"}
    assert bot.post("/api/service/deliveries/claim", address).status_code == 200


def test_without_a_service_key_nobody_is_the_bot(app: APIFlask, nobody: Caller) -> None:
    settings: Settings = app.extensions["settings"]
    empty = settings.model_copy(update={"service_key": type(settings.service_key)("")})
    app.extensions["settings"] = empty
    for headers in ({}, {SERVICE_KEY_HEADER: ""}):
        answer = Caller(nobody.client, headers).post("/api/service/unlink", {})
        assert answer.status_code == 401


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def unsigned(claims: dict[str, Any]) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def resubjected(token: str, sub: str) -> str:
    """The token with another user's id in it, under the signature that it had."""
    head, _, signature = token.split(".")
    body = json.dumps({**claims_of(token), "sub": sub}).encode()
    return ".".join([head, base64.urlsafe_b64encode(body).rstrip(b"=").decode(), signature])


def resigned(claims: dict[str, Any], secret: str) -> str:
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        return jwt.encode(claims, secret, "HS512")


def test_forged_and_stale_tokens_are_refused(ada: Caller, ben: Caller, settings: Settings) -> None:
    secret = settings.jwt_secret.get_secret_value().split(",")[0]
    good = claims_of(ada.token)
    now = datetime.now(UTC)
    soon = now + timedelta(minutes=5)
    forged = {
        "alg none": unsigned(good),
        "another key": jwt.encode(good, "k" * 48, "HS256"),
        "another algorithm": resigned(good, secret),
        "no exp": jwt.encode({k: v for k, v in good.items() if k != "exp"}, secret, "HS256"),
        "expired": jwt.encode({**good, "exp": now - timedelta(seconds=1)}, secret, "HS256"),
        "issued in the future": jwt.encode({**good, "iat": soon}, secret, "HS256"),
        "not good yet": jwt.encode({**good, "nbf": soon}, secret, "HS256"),
        "another user's sub": resubjected(ada.token, ben.uuid),
        "nobody": jwt.encode({**good, "sub": str(uuid4())}, secret, "HS256"),
        "no sub": jwt.encode({k: v for k, v in good.items() if k != "sub"}, secret, "HS256"),
        "sub is no uuid": jwt.encode({**good, "sub": "ada"}, secret, "HS256"),
        "ver is a text": jwt.encode({**good, "ver": "0 or 1"}, secret, "HS256"),
        "an older ver": jwt.encode({**good, "ver": -1}, secret, "HS256"),
        "cut": ada.token[:-2],
        "a body of another": ".".join(
            [ada.token.split(".")[0], ben.token.split(".")[1], ada.token.split(".")[2]]
        ),
    }
    for name, token in forged.items():
        answer = ada.with_token(token).get("/api/errands")
        assert answer.status_code == 401, name
    assert ada.get("/api/errands").status_code == 200


def test_keys_are_changed_without_logging_anyone_out(
    ada: Caller, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = settings.jwt_secret.get_secret_value(), "n" * 48
    credentials = {"username": "ada", "password": PASSWORD}

    def restart(secrets: str) -> None:
        monkeypatch.setenv("JWT_SECRET", secrets)
        get_settings.cache_clear()

    try:
        restart(f"{new}, {old}")
        assert ada.get("/api/errands").status_code == 200
        fresh = ada.with_token(ada.post("/api/login", credentials).json["token"])
        restart(new)
        assert fresh.get("/api/errands").status_code == 200
        assert ada.get("/api/errands").status_code == 401
        restart(old)
        assert fresh.get("/api/errands").status_code == 401
    finally:
        get_settings.cache_clear()


def test_a_token_with_a_chat_is_as_good(ada: Caller) -> None:
    row = select_one("users", {"id": ada.uuid})
    assert row is not None
    token = issue_token(row, uuid4())
    assert ada.with_token(token).get("/api/errands").status_code == 200


def test_answers_are_hardened(nobody: Caller, ada: Caller) -> None:
    for answer in (
        nobody.get("/health"),
        nobody.get("/nowhere"),
        nobody.get("/api/errands"),
        ada.get("/api/errands"),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in answer.headers
