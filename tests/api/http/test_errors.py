"""Every error is JSON with a sentence in it, whatever raised it."""

import logging
import re
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask import request
from flask.testing import FlaskClient

from api.http.security import public
from api.main import create_app
from config.settings import Settings
from core.db.engine import Database, use_database
from core.errors import AppError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from core.postgres import execute
from tests.support.api import Caller
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD

LEAKS = re.compile(
    r"Traceback|SELECT|INSERT|psycopg2|sqlite|sqlalchemy|File \"|/work|/site-p", re.I
)


def test_unknown_addresses(nobody: Caller) -> None:
    answer = nobody.get("/nowhere")
    assert answer.status_code == 404
    assert answer.json == {"error": "There is nothing at this address."}


def test_methods_that_an_address_does_not_take(nobody: Caller) -> None:
    for method in ("DELETE", "PATCH", "OPTIONS", "TRACE"):
        answer = nobody.request(method, "/api/errands")
        assert answer.status_code == 405
        assert "GET" in answer.json["error"]
        assert "POST" in answer.headers["Allow"]


@on_sqlite
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"null",
        b"[]",
        b"[1, 2]",
        b'"text"',
        b"1",
        b"NaN",
        b'{"username": NaN}',
        b"\xff\xfe\x00",
        b"[" * 30_000,
        b'{"a":' * 10_000,
        b"1" * 10_000,
        b'{"username": "\\ud800", "password": "\\udfff----"}',
        b'{"username": "a\\u0000b", "password": "long enough"}',
        b'{"username": "a", "username": "b"}',
        b"username=ada&password=x",
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_bodies_that_are_no_use(client: FlaskClient, body: bytes, content_type: str) -> None:
    answer = client.post("/api/register", data=body, content_type=content_type)
    assert answer.status_code == 400
    assert answer.json["error"]
    assert not LEAKS.search(answer.text)


def test_the_fields_that_are_wrong_are_named(nobody: Caller) -> None:
    answer = nobody.post("/api/register", {"username": 5, "color": "red"})
    assert answer.status_code == 400
    assert sorted(answer.json["fields"]) == ["color", "password", "username"]
    assert "password: Field required" in answer.json["error"]


def test_many_or_long_wrong_fields_make_no_long_answer(nobody: Caller) -> None:
    many = nobody.post("/api/register", {f"{'x' * 200}{number}": 1 for number in range(200)})
    assert many.status_code == 400
    assert len(many.text) < 5000


def test_a_body_that_is_too_large(client: FlaskClient) -> None:
    answer = client.post("/api/register", json={"username": "x" * 70_000, "password": PASSWORD})
    assert answer.status_code == 413
    assert answer.json["error"]


@on_sqlite
@pytest.mark.parametrize(
    "uuid", ["x", "1", "{00000000-0000-4000-8000-000000000000}", "0" * 32, "0" * 3000, "%00", "é"]
)
def test_bad_uuids_in_a_path(ada: Caller, nobody: Caller, uuid: str) -> None:
    for path in ("/api/user/", "/api/errands/", "/api/errands/"):
        answer = ada.get(path + uuid)
        assert answer.status_code == 400, path
        assert "UUID" in answer.json["error"]
        assert nobody.get(path + uuid).status_code == 401


@on_sqlite
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput("so"), 400),
        (Forbidden("so"), 403),
        (NotFound("so"), 404),
        (Conflict("so"), 409),
        (Unavailable("so"), 503),
    ],
)
def test_errors_of_the_program(app: APIFlask, error: AppError, status: int) -> None:
    @app.get("/fail")
    @public
    def fail() -> None:
        raise error

    answer = app.test_client().get("/fail")
    assert (answer.status_code, answer.json) == (status, {"error": "so"})
    assert answer.headers.get("Retry-After") == ("5" if status == 503 else None)


@on_sqlite
def test_a_field_that_a_plain_route_asks_for_is_named(app: APIFlask) -> None:
    @app.post("/plain")
    @public
    def plain() -> str:
        return str(request.get_json()["name"])

    answer = app.test_client().post("/plain", json={"title": "x"})
    assert (answer.status_code, answer.json) == (400, {"error": "name is required."})


def test_an_unexpected_error_is_logged_and_not_told(
    app: APIFlask, caplog: pytest.LogCaptureFixture
) -> None:
    @app.post("/fail")
    @public
    def fail() -> None:
        try:
            raise LookupError(request.get_json()["password"])
        except LookupError as error:
            raise RuntimeError("SELECT it FROM users") from error

    with caplog.at_level(logging.INFO):
        answer = app.test_client().post(
            "/fail", json={"password": PASSWORD}, headers={"X-Request-ID": "abc-1"}
        )
    assert answer.status_code == 500
    assert answer.json["request_id"] == answer.headers["X-Request-ID"] == "abc-1"
    assert not LEAKS.search(answer.text)
    told = caplog.text
    assert told.index("LookupError") < told.index("RuntimeError")
    assert told.count(", in fail") == 2
    assert PASSWORD not in told


def test_a_database_that_is_away_is_a_503(settings: Settings) -> None:
    database = Database("postgresql+psycopg2://app@127.0.0.1:1/app")
    before = use_database(database)
    try:
        client = create_app(settings, database).test_client()
        answer = client.post("/api/login", json={"username": "ada", "password": PASSWORD})
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "try again" in answer.json["error"]
        assert not LEAKS.search(answer.text)
        assert client.get("/health").status_code == 200
    finally:
        use_database(before)
        database.close()


def test_request_ids_are_taken_or_made(nobody: Caller) -> None:
    made = nobody.get("/health").headers["X-Request-ID"]
    assert UUID(made)
    for bad in ("a b", "x" * 200, "tab\t", "ü"):
        nobody.headers = {"X-Request-ID": bad}
        assert nobody.get("/health").headers["X-Request-ID"] != bad
    nobody.headers = {"X-Request-ID": "discord:123.456"}
    assert nobody.get("/health").headers["X-Request-ID"] == "discord:123.456"


def test_log_lines_hold_no_names_tokens_or_texts(
    ada: Caller, nobody: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        ada.post("/api/errands", {"name": "a very private matter"})
        ada.get("/api/errands", list="a secret list")
        ada.get("/api/getUserUUID/some-other-name")
        nobody.post("/api/login", {"username": "ada", "password": "a wrong password"})
        nobody.get("/some/private/path")
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "/api/errands" in said
    for secret in ("private", "secret", "some-other-name", "a wrong password", ada.token):
        assert secret not in said


def test_a_database_that_lacks_a_table_is_our_trouble_not_the_callers(
    ada: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    execute("DROP TABLE errands")
    for answer in (ada.get("/api/errands"), ada.post("/api/errands", {"name": "x"})):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert list(answer.json) == ["error"]
        assert "errands" not in answer.text
        assert not LEAKS.search(answer.text)
    assert "has no table or column errands: is it up to date?" in caplog.text


@pytest.mark.every_database
def test_a_log_in_without_a_column_is_no_wrong_password(ada: Caller, nobody: Caller) -> None:
    execute("ALTER TABLE users RENAME COLUMN role TO rank_of_user")
    answer = nobody.post("/api/login", {"username": "ada", "password": PASSWORD})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert not LEAKS.search(answer.text)
    assert ada.get("/api/errands").status_code == 503
