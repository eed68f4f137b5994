"""Tasks and lists, and the reminders that follow them."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, local
from typing import Any

import httpx2
import pytest
from apiflask import APIFlask

import api.routes.tasks
from core.postgres import count, insert_many, select
from core.reminders import fire_due, next_reminder
from tests.support.api import ABSENT, NEW_YEAR, Caller, clock, running
from tests.support.databases import on_postgresql, on_sqlite
from tests.support.waiting import Clock

__all__ = ["clock"]  # it stands at NEW_YEAR

pytestmark = pytest.mark.every_database

LATER = "2030-01-01T18:00:00+01:00"  # five hours after NEW_YEAR
EVEN_LATER = "2030-01-02T08:00:00Z"


def add(user: Caller, name: str, **more: object) -> dict[str, Any]:
    answer = user.post("/api/tasks", {"name": name, **more})
    assert answer.status_code == 201, answer.json
    row: dict[str, Any] = answer.json
    return row


def names(user: Caller, **query: object) -> list[str]:
    return [row["name"] for row in user.get("/api/tasks", **query).json]


def reminders() -> list[tuple[str, str]]:
    rows = select("reminders", order_by="due_at")
    return [(row["text"], row["due_at"].isoformat()) for row in rows]


def test_a_task_goes_to_the_default_list(ada: Caller) -> None:
    assert ada.get("/api/tasks", list="tasks").json == []
    row = add(ada, "buy milk")
    times = ["due_at", "repeat", "repeat_from", "occurrence", "completed_at", "created_at"]
    assert sorted(row) == sorted(["id", "name", "list", "list_id", "done", "owner", *times])
    assert (row["list"], row["done"], row["due_at"]) == ("tasks", False, None)
    assert ada.get("/api/tasks").json == [row]
    assert ada.get("/api/tasks", list="tasks").json == [row]
    assert ada.get(f"/api/tasks/{row['id']}").json == row


def test_lists_are_made_when_missing_and_compare_without_case(ada: Caller) -> None:
    add(ada, "milk", list="Shopping")
    add(ada, "eggs", list="shopping")
    add(ada, "call mum")
    assert names(ada, list="SHOPPING") == ["milk", "eggs"]
    lists = ada.get("/api/lists").json
    assert [(row["name"], row["open"], row["done"]) for row in lists] == [
        ("Shopping", 2, 0),
        ("tasks", 1, 0),
    ]
    assert ada.get("/api/tasks", list="garden").status_code == 404


def test_completing_and_reopening(ada: Caller, clock: Clock) -> None:
    row = add(ada, "buy milk")
    path = f"/api/tasks/{row['id']}"
    done = ada.put(path, {"done": True}).json
    assert done["completed_at"] == "2030-01-01T12:00:00Z"
    clock.forward(hours=1)
    again = ada.put(path, {"done": True}).json
    assert again["completed_at"] == done["completed_at"]
    assert names(ada) == []
    assert names(ada, done="true") == names(ada, done="all") == ["buy milk"]
    assert ada.get("/api/lists").json[0]["done"] == 1
    reopened = ada.put(path, {"done": False}).json
    assert (reopened["done"], reopened["completed_at"]) == (False, None)


def test_renaming_and_moving(ada: Caller) -> None:
    path = f"/api/tasks/{add(ada, 'milk')['id']}"
    row = ada.put(path, {"name": "oat milk", "list": "shopping"}).json
    assert (row["name"], row["list"]) == ("oat milk", "shopping")
    assert names(ada, list="shopping") == ["oat milk"]
    assert names(ada, list="tasks") == []


def test_the_reminder_follows_its_task(ada: Caller) -> None:
    row = add(ada, "water the plants", due_at=LATER)
    assert row["due_at"] == "2030-01-01T17:00:00Z"
    assert reminders() == [("Reminder: water the plants", "2030-01-01T17:00:00+00:00")]
    path = f"/api/tasks/{row['id']}"
    ada.put(path, {"due_at": EVEN_LATER})
    assert reminders() == [("Reminder: water the plants", "2030-01-02T08:00:00+00:00")]
    ada.put(path, {"name": "feed the cat"})
    assert reminders() == [("Reminder: feed the cat", "2030-01-02T08:00:00+00:00")]
    ada.put(path, {"done": True})
    assert reminders() == []
    ada.put(path, {"done": False})
    assert len(reminders()) == 1
    ada.put(path, {"due_at": None})
    assert reminders() == []
    ada.put(path, {"due_at": LATER})
    ada.delete(path)
    assert reminders() == []


def test_a_reminder_that_went_out_is_not_sent_again_by_a_new_name(
    ada: Caller, clock: Clock
) -> None:
    path = f"/api/tasks/{add(ada, 'call mum', due_at=LATER)['id']}"
    clock.forward(hours=6)
    assert fire_due(clock()) == 1
    ada.put(path, {"name": "call dad"})
    assert fire_due(clock()) == 0
    ada.put(path, {"due_at": EVEN_LATER})
    clock.forward(days=1)
    assert fire_due(clock()) == 1


def test_emptying_and_deleting_lists(ada: Caller) -> None:
    row = add(ada, "milk", list="shopping", due_at=LATER)
    add(ada, "eggs", list="shopping")
    kept = add(ada, "call mum", due_at=LATER)
    path = f"/api/lists/{row['list_id']}"
    assert ada.delete(f"{path}/tasks").json == {"deleted": 2}
    assert [text for text, _ in reminders()] == ["Reminder: call mum"]
    assert [found["name"] for found in ada.get("/api/lists").json] == ["shopping", "tasks"]
    add(ada, "milk", list="shopping", due_at=LATER)
    assert ada.delete(path).json == {"success": True}
    assert [text for text, _ in reminders()] == ["Reminder: call mum"]
    assert [found["id"] for found in ada.get("/api/tasks").json] == [kept["id"]]
    assert ada.delete(path).status_code == ada.delete(f"{path}/tasks").status_code == 404


def test_making_lists(ada: Caller, ben: Caller) -> None:
    made = ada.post("/api/lists", {"name": "Garden"})
    assert made.status_code == 201
    assert ada.post("/api/lists", {"name": "garden"}).status_code == 409
    assert ben.post("/api/lists", {"name": "Garden"}).status_code == 201
    assert ada.get("/api/lists").json == [made.json]
    assert (made.json["open"], made.json["done"]) == (0, 0)


def test_another_users_tasks_and_lists_are_absent(ada: Caller, ben: Caller) -> None:
    row = add(ben, "secret", list="private", due_at=LATER)
    requests = [
        ("GET", "/api/tasks/{}", row["id"], None),
        ("PUT", "/api/tasks/{}", row["id"], {"name": "x"}),
        ("DELETE", "/api/tasks/{}", row["id"], None),
        ("DELETE", "/api/lists/{}", row["list_id"], None),
        ("DELETE", "/api/lists/{}/tasks", row["list_id"], None),
    ]
    for method, path, key, body in requests:
        another = ada.request(method, path.format(key), body)
        none = ada.request(method, path.format(ABSENT), body)
        assert another.status_code == none.status_code == 404
        assert another.json == none.json
    assert ada.get("/api/tasks", list="private").status_code == 404
    assert ada.get("/api/tasks").json == ada.get("/api/lists").json == []
    assert ben.get("/api/tasks").json == [row]
    assert len(reminders()) == 1


@on_sqlite
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "  "},
        {"name": None},
        {"name": "x" * 10_001},
        {"name": "nul \x00"},
        {"name": "x", "due_at": "tomorrow"},
        {"name": "x", "due_at": "2030-01-01T17:00:00"},  # whose five o'clock?
        {"name": "x", "due_at": 1893456000},
        {"name": "x", "due_at": "9999-12-31T23:59:59-14:00"},
        {"name": "x", "due_at": "0001-01-01T00:00:00+14:00"},
        {"name": "x", "due_at": "1e999"},
        {"name": "x", "list": ""},
        {"name": "x", "list": None},
        {"name": "x", "list": "y" * 256},
        {"name": "x", "list_id": ABSENT},
        {"name": "x", "done": True},
        {"name": "x", "user_uuid": ABSENT},
    ],
)
def test_tasks_that_are_refused(ada: Caller, body: dict[str, object]) -> None:
    answer = ada.post("/api/tasks", body)
    assert answer.status_code == 400, answer.json
    assert ada.get("/api/tasks").json == ada.get("/api/lists").json == []


@on_sqlite
@pytest.mark.parametrize(
    "body", [{}, {"done": None}, {"done": "perhaps"}, {"name": None}, {"list": None}, {"id": "x"}]
)
def test_task_changes_that_are_refused(ada: Caller, body: dict[str, object]) -> None:
    row = add(ada, "buy milk", due_at=LATER)
    assert ada.put(f"/api/tasks/{row['id']}", body).status_code == 400
    assert ada.get("/api/tasks").json == [row]


@pytest.mark.parametrize(
    "name", ["@everyone", "**a** {b} \"c\" 'd'", "🦊" * 100, "x" * 2000, "line\nline", "%s :x"]
)
def test_hostile_task_names(ada: Caller, name: str) -> None:
    row = add(ada, name, list=name[:255], due_at=LATER)
    assert row["name"] == name
    assert names(ada) == [name]
    assert reminders()[0][0] == f"Reminder: {name}"
    assert names(ada, list=name[:255]) == [name]


def test_nothing_is_kept_of_a_task_whose_reminder_fails(ada: Caller) -> None:
    """The due time is what the database of the reminders can keep, or the task is not made."""
    assert (
        ada.post("/api/tasks", {"name": "x", "due_at": "1969-01-01T00:00:00Z"}).status_code == 400
    )
    assert ada.get("/api/tasks", done="all").json == []
    assert next_reminder(NEW_YEAR) is None


@on_postgresql
def test_parallel_requests_make_one_list_however_it_is_capitalised(
    app: APIFlask, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, both_have_looked = api.routes.tasks._find_list, Barrier(2, timeout=10)
    looked = local()

    def find_list(name: str) -> dict[str, Any] | None:
        found = look(name)
        if not hasattr(looked, "once"):
            looked.once = both_have_looked.wait()
        return found

    def add(name: str) -> int:
        with app.test_client() as client:
            body = {"name": "x", "list": name}
            return Caller(client, ada.headers).post("/api/tasks", body).status_code

    monkeypatch.setattr("api.routes.tasks._find_list", find_list)
    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(add, ["New", "new"])] == [201, 201]
    assert len(ada.get("/api/lists").json) == 1


@pytest.mark.slow
@pytest.mark.every_database
def test_a_long_list_is_emptied_soon(ada: Caller) -> None:
    home = ada.post("/api/tasks", {"name": "x", "due_at": "2030-01-01T13:00:00Z"}).json["list_id"]
    row = {"user_uuid": ada.uuid, "list_id": home}
    insert_many("tasks", [row | {"name": f"{number}"} for number in range(20_000)])
    started = time.monotonic()
    assert ada.delete(f"/api/lists/{home}/tasks").json == {"deleted": 20_001}
    assert time.monotonic() - started < 15, "with a statement each it takes minutes"
    assert count("reminders") == 0


def test_a_list_that_many_tasks_ask_for_at_once_is_made_once(app: APIFlask) -> None:
    credentials = {"username": "ada", "password": "correct horse battery staple"}
    with running(app) as url, httpx2.Client(base_url=url) as client:
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda _: client.post("/api/register", json=credentials), range(4))
            assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
            token = client.post("/api/login", json=credentials).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            body = {"name": "milk", "list": "shopping"}
            answers = pool.map(lambda _: client.post("/api/tasks", json=body), range(8))
            assert [answer.status_code for answer in answers] == [201] * 8
        [shopping] = client.get("/api/lists").json()
        assert shopping["open"] == 8


def test_a_refused_list_may_be_tried_again(ada: Caller) -> None:
    once = Caller(ada.client, {**ada.headers, "Idempotency-Key": "2"})
    ada.post("/api/lists", {"name": "home"})
    assert once.post("/api/lists", {"name": "home"}).status_code == 409
    assert once.post("/api/lists", {"name": "home"}).status_code == 409
