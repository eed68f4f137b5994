"""The API in tests: the application, those who call it, and a real server for it.

Import the fixtures in a conftest.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx2
import pytest
from apiflask import APIFlask
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.http.security import SERVICE_KEY_HEADER
from api.http.server import serve
from api.main import create_app
from config.settings import Settings
from core.db.engine import Database
from tests.support.people import PASSWORD
from tests.support.waiting import Clock

HOST = "127.0.0.1"
NEW_YEAR = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
ABSENT = "00000000-0000-4000-8000-000000000000"  # the id of nothing


def is_ready(url: str) -> bool:
    """Tell whether an API at this address takes requests."""
    try:
        return httpx2.get(f"{url}/ready", timeout=2).status_code == 200
    except httpx2.TransportError:
        return False


@contextmanager
def running(app: Flask, threads: int = 8, port: int = 0) -> Iterator[str]:
    """Serve an application on a port, or on a free one; yield its address."""
    server = serve(app, HOST, port, threads)
    thread = threading.Thread(target=server.run, name="test-api")
    thread.start()
    try:
        yield f"http://{HOST}:{server.port}"
    finally:
        server.close()
        thread.join(15)
        assert not thread.is_alive(), "the server did not stop"


@dataclass
class Caller:
    """Someone who sends requests, with the same headers each time."""

    client: FlaskClient
    headers: dict[str, str] = field(default_factory=dict)
    uuid: str = ""
    username: str = ""

    def request(self, method: str, path: str, body: object = None, **more: object) -> TestResponse:
        if body is not None:
            more["json"] = body
        return self.client.open(path, method=method, headers=self.headers, **more)

    def get(self, path: str, **query: object) -> TestResponse:
        return self.request("GET", path, query_string=query or None)

    def post(self, path: str, body: object = None) -> TestResponse:
        return self.request("POST", path, body)

    def put(self, path: str, body: object = None) -> TestResponse:
        return self.request("PUT", path, body)

    def delete(self, path: str, body: object = None) -> TestResponse:
        return self.request("DELETE", path, body)

    @property
    def token(self) -> str:
        return self.headers["Authorization"].removeprefix("Bearer ")

    def with_token(self, token: str) -> "Caller":
        headers = {"Authorization": f"Bearer {token}"}
        return Caller(self.client, headers, self.uuid, self.username)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still, on a Tuesday."""
    return Clock(NEW_YEAR)


@pytest.fixture
def app(database: Database, settings: Settings, clock: Clock) -> APIFlask:
    return create_app(settings, database, clock)


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def nobody(client: FlaskClient) -> Caller:
    """Someone without a token."""
    return Caller(client)


@pytest.fixture
def new_user(nobody: Caller) -> Callable[..., Caller]:
    """Register someone and log them in."""

    def make(username: str, password: str = PASSWORD) -> Caller:
        credentials = {"username": username, "password": password}
        answer = nobody.post("/api/register", credentials)
        assert answer.status_code == 201, answer.json
        token = nobody.post("/api/login", credentials).json["token"]
        user = nobody.with_token(token)
        user.username = username
        claims = user.get(f"/api/getUserUUID/{username}")
        user.uuid = claims.json if claims.status_code == 200 else ""
        return user

    return make


@pytest.fixture
def ada(new_user: Callable[..., Caller]) -> Caller:
    return new_user("ada")


@pytest.fixture
def ben(new_user: Callable[..., Caller]) -> Caller:
    return new_user("ben")


@pytest.fixture
def bot(client: FlaskClient, settings: Settings) -> Caller:
    """The bot, with its service key."""
    return Caller(client, {SERVICE_KEY_HEADER: settings.service_key.get_secret_value()})
