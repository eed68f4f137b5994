"""Registering, logging in and out, and one's own account."""

from collections.abc import Callable

import pytest

from tests.support.api import ABSENT, Caller
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD

pytestmark = pytest.mark.every_database

NewUser = Callable[..., Caller]
LOGIN = {"username": "ada", "password": PASSWORD}


def test_registering_and_logging_in(nobody: Caller) -> None:
    answer = nobody.post("/api/register", LOGIN)
    assert (answer.status_code, answer.json) == (201, {"success": True})
    answer = nobody.post("/api/login", LOGIN)
    assert answer.status_code == 200
    assert list(answer.json) == ["token"]


def test_a_taken_name_is_a_conflict(nobody: Caller, ada: Caller) -> None:
    answer = nobody.post("/api/register", LOGIN)
    assert answer.status_code == 409
    assert "taken" in answer.json["error"]


@on_sqlite
@pytest.mark.parametrize("path", ["/api/register", "/api/login"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "ada"},
        {"password": PASSWORD},
        {"username": 1, "password": PASSWORD},
        {"username": "ada", "password": None},
        {"username": ["ada"], "password": {"a": 1}},
        {**LOGIN, "id": "1"},
    ],
)
def test_missing_and_bad_fields_are_400(nobody: Caller, path: str, body: object) -> None:
    answer = nobody.post(path, body)
    assert answer.status_code == 400
    assert answer.json["error"]


@on_sqlite
@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("", PASSWORD),
        ("   ", PASSWORD),
        ("a" * 256, PASSWORD),
        ("a" * 2000, PASSWORD),
        ("a\nb", PASSWORD),
        ("a\x00b", PASSWORD),
        ("ada", "hunter2"),
        ("ada", "x" * 73),
        ("ada", "ü" * 37),  # 74 bytes
    ],
)
def test_bad_names_and_passwords_are_refused_with_a_reason(
    nobody: Caller, username: str, password: str
) -> None:
    answer = nobody.post("/api/register", {"username": username, "password": password})
    assert answer.status_code == 400
    assert len(answer.json["error"]) > 20
    assert password not in answer.json["error"]


def test_an_unknown_name_is_answered_like_a_wrong_password(nobody: Caller, ada: Caller) -> None:
    wrong = nobody.post("/api/login", {"username": "ada", "password": "not the password"})
    unknown = nobody.post("/api/login", {"username": "eve", "password": "not the password"})
    too_long = nobody.post("/api/login", {"username": "ada", "password": "x" * 73})
    assert wrong.status_code == unknown.status_code == too_long.status_code == 401
    assert wrong.json == unknown.json == too_long.json


HOSTILE = [
    "@everyone",
    "**bold** _under_ `code`",
    "{user_input} {{}} {0}",
    "'quotes\" -- ; DROP TABLE users",
    "山田太郎",
    "a/b//c",
    "%s %(x)s %%",
    "x" * 255,
    "../../etc/passwd",
]


@pytest.mark.parametrize("username", HOSTILE)
def test_hostile_user_names_work_like_any_other(new_user: NewUser, username: str) -> None:
    user = new_user(username)
    from urllib.parse import quote

    answer = user.get(f"/api/getUserUUID/{quote(username, safe='')}")
    assert answer.status_code == 200, answer.json
    account = user.get(f"/api/user/{answer.json}").json
    assert account["username"] == username


def test_an_account_is_shown_without_its_hash(ada: Caller) -> None:
    account = ada.get(f"/api/user/{ada.uuid}").json
    assert sorted(account) == [
        *("created_at", "display_name", "has_password", "id", "time_zone", "username")
    ]
    assert (account["id"], account["has_password"]) == (ada.uuid, True)


def test_only_ones_own_uuid_is_told(ada: Caller, ben: Caller) -> None:
    assert ada.get("/api/getUserUUID/ada").json == ada.uuid
    another, unknown = ada.get("/api/getUserUUID/ben"), ada.get("/api/getUserUUID/eve")
    assert another.status_code == unknown.status_code == 401
    assert another.json == unknown.json


def test_another_users_account_is_as_absent_as_none(ada: Caller, ben: Caller) -> None:
    for method, body in (
        ("GET", None),
        ("PUT", {"display_name": "x"}),
        ("DELETE", {"password": PASSWORD}),
    ):
        another = ada.request(method, f"/api/user/{ben.uuid}", body)
        absent = ada.request(method, f"/api/user/{ABSENT}", body)
        assert another.status_code == absent.status_code == 404
        assert another.json == absent.json
    assert ben.get(f"/api/user/{ben.uuid}").status_code == 200


def test_changing_an_account(ada: Caller) -> None:
    path = f"/api/user/{ada.uuid}"
    change = {"display_name": "Ada L.", "time_zone": "Europe/Berlin", "username": "ada2"}
    answer = ada.put(path, change)
    assert (answer.status_code, answer.json) == (200, {"success": True})
    account = ada.get(path).json
    assert {name: account[name] for name in change} == change
    assert ada.put(path, {"display_name": None}).status_code == 200
    assert ada.get(path).json["display_name"] is None


@on_sqlite
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": ABSENT},
        {"password_hashed": "x"},
        {"created_at": "2020-01-01T00:00:00Z"},
        {"token_version": 5},
        {"username": None},
        {"username": ""},
        {"username": "a\nb"},
        {"display_name": ""},
        {"display_name": "x" * 256},
        {"time_zone": "Mars/Base"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "Europe"},
        {"time_zone": ""},
        {"time_zone": "x" * 5000},
        {"current_password": PASSWORD},
        {"password": "a new password"},
        {"password": "short", "current_password": PASSWORD},
        {"password": "x" * 73, "current_password": PASSWORD},
    ],
)
def test_changes_that_are_refused(ada: Caller, body: dict[str, object]) -> None:
    path = f"/api/user/{ada.uuid}"
    before = ada.get(path).json
    answer = ada.put(path, body)
    assert answer.status_code == 400, answer.json
    assert ada.get(path).json == before


def test_a_taken_name_can_not_be_taken_over(ada: Caller, ben: Caller) -> None:
    assert ada.put(f"/api/user/{ada.uuid}", {"username": "ben"}).status_code == 409


def test_changing_the_password_ends_older_tokens(nobody: Caller, ada: Caller) -> None:
    path = f"/api/user/{ada.uuid}"
    new = "another good password"
    wrong = ada.put(path, {"password": new, "current_password": "not the password"})
    assert wrong.status_code == 401
    right = ada.put(path, {"password": new, "current_password": PASSWORD})
    assert right.status_code == 200, right.json
    assert ada.get(path).status_code == 401
    assert nobody.post("/api/login", LOGIN).status_code == 401
    assert nobody.post("/api/login", {**LOGIN, "password": new}).status_code == 200


def test_logging_out_ends_every_token(nobody: Caller, ada: Caller) -> None:
    other = nobody.post("/api/login", LOGIN).json["token"]
    assert ada.post("/api/logout").json == {"success": True}
    for token in (ada.token, other):
        assert ada.with_token(token).get("/api/errands").status_code == 401
    again = nobody.post("/api/login", LOGIN).json["token"]
    assert ada.with_token(again).get("/api/errands").status_code == 200


def test_deleting_an_account_needs_the_password(nobody: Caller, ada: Caller) -> None:
    path = f"/api/user/{ada.uuid}"
    assert ada.post("/api/errands", {"name": "x"}).status_code == 201
    assert ada.delete(path).status_code == 400
    assert ada.delete(path, {}).status_code == 400
    assert ada.delete(path, {"password": "wrong password"}).status_code == 401
    assert ada.get(path).status_code == 200
    assert ada.delete(path, {"password": PASSWORD}).status_code == 200
    assert ada.get(path).status_code == 401, "the token of a deleted user is accepted"
    assert nobody.post("/api/login", LOGIN).status_code == 401
    assert nobody.post("/api/register", LOGIN).status_code == 201


def test_a_password_changes_with_the_rest_or_not_at_all(
    ada: Caller, ben: Caller, nobody: Caller
) -> None:
    path = f"/api/user/{ada.uuid}"
    both = {"password": "another good password", "current_password": PASSWORD, "username": "ben"}
    assert ada.put(path, both).status_code == 409
    assert nobody.post("/api/login", {"username": "ada", "password": PASSWORD}).status_code == 200
    assert ada.put(path, both | {"username": "grace"}).status_code == 200
    again = {"username": "grace", "password": both["password"]}
    assert nobody.post("/api/login", again).status_code == 200


@on_sqlite
@pytest.mark.parametrize(
    "zone",
    ["localtime", "posixrules", "right/UTC", "posix/UTC", "Factory", "", "../UTC", "utc", "UTC\n"],
)
def test_what_is_no_zone_of_the_world_is_refused(ada: Caller, zone: str) -> None:
    path = f"/api/user/{ada.uuid}"
    assert ada.put(path, {"time_zone": zone}).status_code == 400
    assert ada.put(path, {"time_zone": "Asia/Kathmandu"}).status_code == 200
