"""Log-ins leave room for other requests."""

import threading

import pytest
from apiflask import APIFlask

from api.http.hashing_slots import HashingSlots
from config.settings import Settings, get_settings
from tests.support.api import Caller
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD

pytestmark = on_sqlite


@pytest.fixture
def settings() -> Settings:
    return get_settings().model_copy(update={"api_threads": 4})


def test_who_finds_no_room_is_asked_to_come_back(app: APIFlask, ada: Caller) -> None:
    room: HashingSlots = app.extensions["hashing"]
    for _ in range(2):
        assert room.places.acquire(blocking=False)
    credentials = {"username": "ada", "password": PASSWORD}
    crowded = ada.post("/api/login", credentials)
    assert crowded.status_code == 503
    assert crowded.headers["Retry-After"] == "1"
    assert "logging in right now" in crowded.json["error"]
    assert ada.get("/api/errands").status_code == 200
    room.places.release()
    assert ada.post("/api/login", credentials).status_code == 200


def test_who_found_room_waits_for_a_turn(app: APIFlask, ada: Caller) -> None:
    room: HashingSlots = app.extensions["hashing"]
    taken = 0
    while room.turns.acquire(blocking=False):
        taken += 1
    statuses: list[int] = []

    def log_in() -> None:
        with app.test_client() as client:
            answer = Caller(client).post("/api/login", {"username": "ada", "password": PASSWORD})
            statuses.append(answer.status_code)

    waiting = threading.Thread(target=log_in)
    waiting.start()
    waiting.join(0.2)
    assert statuses == []
    room.turns.release(taken)
    waiting.join(10)
    assert statuses == [200]


def test_nobody_waits_for_a_turn_without_end(
    app: APIFlask, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.hashing_slots.MAX_WAIT", 0.1)
    room: HashingSlots = app.extensions["hashing"]
    taken = 0
    while room.turns.acquire(blocking=False):
        taken += 1
    credentials = {"username": "ada", "password": PASSWORD}
    for _ in range(4):  # twice as often as there are places
        assert ada.post("/api/login", credentials).status_code == 503
    room.turns.release(taken)
    assert ada.post("/api/login", credentials).status_code == 200


def test_only_a_password_waits_for_a_slot(app: APIFlask, ada: Caller) -> None:
    room: HashingSlots = app.extensions["hashing"]
    while room.places.acquire(blocking=False):
        pass
    path = f"/api/user/{ada.uuid}"
    assert ada.put(path, {"time_zone": "Europe/Berlin"}).status_code == 200
    new = {"password": "another good password", "current_password": PASSWORD}
    assert ada.put(path, new).status_code == 503


def test_room_is_given_back_after_an_error(ada: Caller) -> None:
    for _ in range(5):
        assert ada.post("/api/register", {"username": "ada", "password": "x"}).status_code == 400
    assert ada.post("/api/login", {"username": "ada", "password": PASSWORD}).status_code == 200
