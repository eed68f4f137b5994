"""A POST that is sent again makes one row, and gets the first answer."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from core.idempotency import KEPT, forget_old
from core.postgres import count
from runtime.clock import utc_now
from tests.support.api import Caller
from tests.support.databases import on_sqlite

pytestmark = pytest.mark.every_database


def send(
    caller: Caller, key: str = "message-1", body: object = None, path: str = "/api/errands"
) -> TestResponse:
    again = Caller(caller.client, {**caller.headers, "Idempotency-Key": key})
    return again.post(path, {"name": "a"} if body is None else body)


def test_sending_again_makes_one_row_and_gets_the_first_answer(ada: Caller) -> None:
    first, second = send(ada), send(ada)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert second.content_type == first.content_type
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(ada.get("/api/errands").json) == 1


def test_without_the_header_every_request_counts(ada: Caller) -> None:
    assert (
        ada.post("/api/errands", {"name": "a"}).json != ada.post("/api/errands", {"name": "a"}).json
    )


def test_another_key_is_another_request(ada: Caller) -> None:
    assert send(ada, "1").json["id"] != send(ada, "2").json["id"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": "b"}, "/api/errands"),
        ({"name": "a"}, "/api/notifications/addresses"),
        ({}, "/api/errands"),
    ],
    ids=["body", "path", "bad body"],
)
def test_a_key_is_for_one_request_alone(ada: Caller, body: object, path: str) -> None:
    send(ada)
    answer = send(ada, body=body, path=path)
    assert answer.status_code == 422
    assert answer.json["error"].startswith("This Idempotency-Key was used for another request.")
    assert count("errands", {"user_uuid": ada.uuid}) == 1


def test_keys_of_different_users_have_nothing_to_do_with_each_other(
    ada: Caller, ben: Caller
) -> None:
    assert send(ada).json["id"] != send(ben).json["id"]
    assert len(ben.get("/api/errands").json) == 1


def test_a_refused_request_may_be_tried_again(ada: Caller) -> None:
    assert send(ada, body={"name": ""}).status_code == 400
    assert send(ada, body={"name": "now with a name"}).status_code == 201


def test_all_that_a_request_does_is_done_once(ada: Caller) -> None:
    errand = {"name": "call mum", "due_at": "2030-01-02T10:00:00Z"}
    assert send(ada, body=errand).json == send(ada, body=errand).json
    for table in ("errands", "reminders"):
        assert count(table, {"user_uuid": ada.uuid}) == 1


def test_sending_at_the_same_time_makes_one_row(app: APIFlask, ada: Caller) -> None:
    answers: list[TestResponse] = []
    together = threading.Barrier(6)

    def post() -> None:
        with app.test_client() as client:
            together.wait()
            answers.append(send(Caller(client, ada.headers)))

    senders = [threading.Thread(target=post) for _ in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len(ada.get("/api/errands").json) == 1


@on_sqlite
@pytest.mark.parametrize("key", ["", "k" * 256, "with blank", "é"])
def test_odd_keys_are_refused(ada: Caller, key: str) -> None:
    assert send(ada, key).status_code == 400


@on_sqlite
def test_strangers_keys_change_nothing(nobody: Caller) -> None:
    assert send(nobody).status_code == 401
    body = {"username": "ada", "password": "long enough"}
    assert send(nobody, body=body, path="/api/register").status_code == 201
    assert send(nobody, body=body, path="/api/register").status_code == 409


def test_answers_are_forgotten_after_a_day(ada: Caller) -> None:
    send(ada)
    assert forget_old(utc_now() + KEPT - timedelta(minutes=1)) == 0
    assert forget_old(utc_now() + KEPT + timedelta(minutes=1)) == 1
    assert send(ada).headers.get("Idempotency-Replayed") is None


def test_they_go_with_their_user(ada: Caller, new_user: Callable[..., Caller]) -> None:
    send(ada)
    ada.delete(f"/api/user/{ada.uuid}", {"password": "correct horse battery staple"})
    assert count("idempotency_keys") == 0
