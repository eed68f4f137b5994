"""Who calls the API in its tests, and at what time."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PASSWORD = "correct horse battery staple"
ABSENT = "00000000-0000-4000-8000-000000000000"  # the id of nothing
NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


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


on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is decided before any database is asked."""
