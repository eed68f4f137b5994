"""The application on both databases, and callers who are logged in to it."""

from collections.abc import Callable, Iterator

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.http.security import SERVICE_KEY_HEADER
from api.main import create_app
from config.settings import Settings, get_settings
from core.db.engine import Database
from tests.api.callers import PASSWORD, Caller, Clock


@pytest.fixture
def settings() -> Settings:
    return get_settings()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(database: Database, settings: Settings, clock: Clock) -> APIFlask:
    return create_app(settings, database, clock)


@pytest.fixture
def client(app: APIFlask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


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
