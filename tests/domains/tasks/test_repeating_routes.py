"""Tasks that come again: their times, done for one time, moved, stopped."""

from datetime import datetime
from typing import Any

import pytest

from core.postgres import select
from core.reminders import fire_due
from tests.support.api import Caller, clock
from tests.support.databases import on_sqlite
from tests.support.waiting import Clock

__all__ = ["clock"]  # it stands at NEW_YEAR

# It is Tuesday, 1 January 2030, 12:00 UTC.
FIRST = "2030-01-02T06:30:00Z"  # 7:30 in Berlin
WEEKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"


@pytest.fixture
def stretch(ada: Caller) -> dict[str, Any]:
    """A task of every weekday at 7:30 in Berlin."""
    assert ada.put(f"/api/user/{ada.uuid}", {"time_zone": "Europe/Berlin"}).status_code == 200
    body = {"name": "stretch", "due_at": FIRST, "repeat": WEEKDAYS}
    answer = ada.post("/api/tasks", body)
    assert answer.status_code == 201, answer.json
    row: dict[str, Any] = answer.json
    return row


def put(ada: Caller, row: dict[str, Any], **changes: object) -> dict[str, Any]:
    answer = ada.put(f"/api/tasks/{row['id']}", changes)
    assert answer.status_code == 200, answer.json
    after: dict[str, Any] = answer.json
    return after


def due(ada: Caller, row: dict[str, Any]) -> str:
    """When a task is due, of which its reminder knows as well."""
    shown = ada.get(f"/api/tasks/{row['id']}").json["due_at"]
    (reminder,) = select("reminders", {"fired_at": None})
    assert reminder["due_at"].strftime("%Y-%m-%dT%H:%M:%SZ") == shown
    return str(shown)


def test_the_next_time_is_set_as_the_last_one_goes_out(
    ada: Caller, stretch: dict[str, Any], clock: Clock
) -> None:
    assert stretch["repeat"] == WEEKDAYS
    clock.forward(days=1)
    assert fire_due(clock()) == 1
    assert due(ada, stretch) == "2030-01-03T06:30:00Z"
    assert fire_due(clock()) == 0
    clock.forward(days=3)  # a Saturday: of Thursday and Friday, one comes, and then Monday's
    assert fire_due(clock()) == 1
    assert due(ada, stretch) == "2030-01-07T06:30:00Z"
    assert len(select("deliveries")) == 2


def test_done_is_for_the_time_that_was_due_last(
    ada: Caller, stretch: dict[str, Any], clock: Clock
) -> None:
    clock.forward(days=1)
    fire_due(clock())
    after = put(ada, stretch, done=True)
    assert (after["done"], after["due_at"]) == (False, "2030-01-03T06:30:00Z")
    assert after["completed_at"]


def test_done_before_its_time_leaves_that_time_out(ada: Caller, stretch: dict[str, Any]) -> None:
    assert put(ada, stretch, done=True)["due_at"] == "2030-01-03T06:30:00Z"
    assert due(ada, stretch) == "2030-01-03T06:30:00Z"
    taken_back = put(ada, stretch, done=False, due_at=FIRST)
    assert (taken_back["completed_at"], taken_back["due_at"]) == (None, FIRST)


def test_one_time_can_be_moved_and_the_rest_stays(
    ada: Caller, stretch: dict[str, Any], clock: Clock
) -> None:
    put(ada, stretch, due_at="2030-01-02T09:00:00Z")
    put(ada, stretch, name="stretch well")
    clock.forward(days=1)
    assert fire_due(clock()) == 1
    assert due(ada, stretch) == "2030-01-03T06:30:00Z"


def test_a_new_rule_counts_from_its_own_first_time(ada: Caller, stretch: dict[str, Any]) -> None:
    put(ada, stretch, due_at="2030-01-05T18:00:00Z", repeat="FREQ=DAILY;INTERVAL=2")
    assert put(ada, stretch, done=True)["due_at"] == "2030-01-07T18:00:00Z"


@pytest.mark.parametrize("changes", [{"due_at": None}, {"repeat": None, "done": True}])
def test_it_can_be_stopped(ada: Caller, stretch: dict[str, Any], changes: dict[str, Any]) -> None:
    after = put(ada, stretch, **changes)
    assert after["repeat"] is None
    assert select("reminders") == []
    assert after["done"] is ("done" in changes)


def test_whoever_moves_keeps_the_hour(ada: Caller, stretch: dict[str, Any]) -> None:
    ada.put(f"/api/user/{ada.uuid}", {"time_zone": "America/New_York"})
    assert due(ada, stretch) == "2030-01-02T12:30:00Z"  # 7:30 there
    ada.put(f"/api/user/{ada.uuid}", {"time_zone": "Asia/Tokyo"})
    assert due(ada, stretch) == "2030-01-01T22:30:00Z"


def test_a_rule_that_ends_is_done_at_its_end(ada: Caller, clock: Clock) -> None:
    body = {"name": "twice", "due_at": FIRST, "repeat": "FREQ=DAILY;COUNT=2"}
    row = ada.post("/api/tasks", body).json
    clock.forward(days=1)
    assert fire_due(clock()) == 1
    clock.forward(days=1)
    assert fire_due(clock()) == 1
    clock.forward(days=30)
    assert fire_due(clock()) == 0
    assert ada.get(f"/api/tasks/{row['id']}").json["due_at"] == "2030-01-03T06:30:00Z"


@on_sqlite
@pytest.mark.parametrize(
    "body",
    [
        {"repeat": "FREQ=DAILY"},
        *(
            {"due_at": FIRST, "repeat": rule}
            for rule in (
                "",
                "daily",
                "FREQ=SECONDLY",
                "FREQ=DAILY;BYHOUR=9",
                "FREQ=DAILY;INTERVAL=0",
                "FREQ=DAILY;FREQ=DAILY",
                "FREQ=WEEKLY;BYDAY=XX",
                "FREQ=DAILY;UNTIL=soon",
                "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
                "FREQ=DAILY;" + "X" * 300,
                5,
            )
        ),
    ],
)
def test_a_repetition_that_can_not_be_followed_is_refused(
    ada: Caller, body: dict[str, Any]
) -> None:
    answer = ada.post("/api/tasks", {"name": "odd", **body})
    assert answer.status_code in (400, 422)
    assert answer.json["error"]
    assert ada.get("/api/tasks").json == []


def test_done_twice_for_one_time_skips_nothing(
    ada: Caller, stretch: dict[str, Any], clock: Clock
) -> None:
    clock.forward(days=1)
    fire_due(clock())
    shown = ada.get(f"/api/tasks/{stretch['id']}").json
    assert shown["occurrence"] == FIRST
    for _ in range(3):
        after = put(ada, stretch, done=True, occurrence=FIRST)
        assert after["due_at"] == "2030-01-03T06:30:00Z"
    second = put(ada, stretch, done=True, occurrence="2030-01-03T06:30:00Z")
    assert second["due_at"] == "2030-01-04T06:30:00Z"
    assert put(ada, stretch, done=True, occurrence=FIRST) == second | {
        "completed_at": second["completed_at"]
    }
    late = ada.put(f"/api/tasks/{stretch['id']}", {"done": True, "occurrence": "2031-01-01T00:00Z"})
    assert late.status_code == 400


def test_taking_done_back_restores_the_due_time(ada: Caller, stretch: dict[str, Any]) -> None:
    assert put(ada, stretch, done=True)["due_at"] == "2030-01-03T06:30:00Z"
    for _ in range(2):
        assert put(ada, stretch, done=False)["due_at"] == FIRST
    assert due(ada, stretch) == FIRST
    assert put(ada, stretch, done=True, occurrence=FIRST)["due_at"] == "2030-01-03T06:30:00Z"


def test_done_drops_the_repetition_that_was_put_off(
    ada: Caller, stretch: dict[str, Any], clock: Clock
) -> None:
    clock.forward(days=1)
    fire_due(clock())
    put(ada, stretch, due_at="2030-01-02T12:10:00Z")  # in ten minutes
    after = put(ada, stretch, done=True, occurrence=FIRST)
    assert after["due_at"] == "2030-01-03T06:30:00Z"


def test_a_time_that_was_moved_is_not_taken_for_one_that_was_put_off(
    ada: Caller, stretch: dict[str, Any], clock: Clock
) -> None:
    clock.forward(days=1)
    fire_due(clock())
    put(ada, stretch, due_at="2030-01-03T05:00:00Z")  # Thursday's, an hour and a half earlier
    after = put(ada, stretch, done=True, occurrence=FIRST)
    assert after["due_at"] == "2030-01-03T05:00:00Z"


@pytest.mark.parametrize("how", ["done", "deleted", "done for this time"])
def test_what_is_done_before_its_message_goes_out_is_not_announced(
    ada: Caller, stretch: dict[str, Any], clock: Clock, how: str
) -> None:
    ada.put("/api/notifications", {"ntfy_topic": "ada", "ntfy_enabled": True})
    once = ada.post("/api/tasks", {"name": "once", "due_at": FIRST}).json
    clock.forward(days=1)
    fire_due(clock())
    assert len(select("deliveries", {"state": "waiting"})) == 2
    if how == "deleted":
        ada.delete(f"/api/tasks/{once['id']}")
        ada.delete(f"/api/tasks/{stretch['id']}")
    else:
        put(ada, once, done=True)
        put(ada, stretch, done=True)
    assert select("deliveries", {"state": "waiting"}) == []


def test_the_last_time_of_a_series_can_be_done_and_taken_back(ada: Caller) -> None:
    body = {"name": "once more", "due_at": FIRST, "repeat": "FREQ=DAILY;COUNT=1"}
    row = ada.post("/api/tasks", body).json
    assert put(ada, row, done=True)["done"]
    back = put(ada, row, done=False)
    assert (back["done"], back["due_at"]) == (False, FIRST)
    assert due(ada, row) == FIRST


@pytest.mark.parametrize(
    ("zone", "due_at", "said", "following"),
    [
        # 2:30 of the day on which Berlin's clocks go from 2:00 to 3:00.
        ("Europe/Berlin", "2030-03-31T01:30:00Z", "2030-03-31T02:30:00", "2030-04-01T00:30:00Z"),
        # Midnight of the day on which Cairo's go from 0:00 to 1:00.
        ("Africa/Cairo", "2030-04-25T22:00:00Z", "2030-04-26T00:00:00", "2030-04-26T21:00:00Z"),
    ],
)
def test_a_series_from_a_day_on_which_the_clocks_skip_its_time_keeps_what_was_said(
    ada: Caller, clock: Clock, zone: str, due_at: str, said: str, following: str
) -> None:
    ada.put(f"/api/user/{ada.uuid}", {"time_zone": zone})
    body = {"name": "x", "due_at": due_at, "repeat": "FREQ=DAILY", "repeat_from": said}
    row = ada.post("/api/tasks", body).json
    assert (row["due_at"], row["repeat_from"]) == (due_at, said)
    clock.forward(days=115)
    clock.now = datetime.fromisoformat(due_at)
    assert fire_due(clock()) == 1
    assert due(ada, row) == following


@on_sqlite
@pytest.mark.parametrize(
    "said",
    [
        "",
        "2030-02-30T00:00:00",
        "02:30",
        "2030-03-31T02:30",
        "2030-03-31T02:30:00Z",
        "٢٠٣٠-03-31T02:30:00",
    ],
)
def test_a_wall_time_that_is_none_is_refused(ada: Caller, said: str) -> None:
    body = {"name": "x", "due_at": FIRST, "repeat": "FREQ=DAILY", "repeat_from": said}
    assert ada.post("/api/tasks", body).status_code in (400, 422)
    lone = ada.post("/api/tasks", {"name": "x", "repeat_from": "2030-03-31T02:30:00"})
    assert lone.status_code == 400
