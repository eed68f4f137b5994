"""No web page may call the API from a browser, unless the settings name it."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.main import create_app
from config.settings import load_settings
from core.db.engine import Database
from tests.support.api import Caller
from tests.support.databases import on_sqlite

pytestmark = on_sqlite
PAGE = "https://errands.example"
ALLOW = "Access-Control-Allow-Origin"


@pytest.fixture
def allowed(request: pytest.FixtureRequest) -> str:
    return f"{PAGE}/, http://localhost:3000,"


@pytest.fixture
def client(
    database: Database, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FlaskClient]:
    monkeypatch.setenv("CORS_ORIGINS", allowed)
    settings = load_settings()
    with create_app(settings, database).test_client() as client:
        yield client


def preflight(client: FlaskClient, origin: str) -> TestResponse:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return client.options("/api/errands", headers=headers)


@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000"])
def test_a_named_page_may_call(client: FlaskClient, origin: str) -> None:
    asked = preflight(client, origin)
    assert asked.status_code == 204
    assert asked.headers[ALLOW] == origin
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    answer = client.get("/api/errands", headers={"Origin": origin})
    assert answer.status_code == 401
    assert answer.headers[ALLOW] == origin
    assert "Origin" in answer.headers["Vary"]
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", PAGE + ".evil.example", "http://errands.example", "null", ""]
)
def test_any_other_page_may_not(client: FlaskClient, origin: str) -> None:
    assert ALLOW not in preflight(client, origin).headers
    assert ALLOW not in client.get("/health", headers={"Origin": origin}).headers


@pytest.mark.parametrize("allowed", ["*"])
def test_a_star_names_every_page(client: FlaskClient) -> None:
    assert preflight(client, "https://any.example").headers[ALLOW] == "https://any.example"


@pytest.mark.parametrize("allowed", ["", " , "])
def test_by_default_no_page_may(client: FlaskClient) -> None:
    asked = preflight(client, PAGE)
    assert asked.status_code == 405
    assert not [name for name, _ in asked.headers if name.startswith("Access-Control")]
    assert ALLOW not in Caller(client, {"Origin": PAGE}).get("/health").headers
