"""The console's page of tasks: by day, with times in words, and an undo for everything."""

import re
from uuid import uuid4

import pytest

from api.console.pages import tasks as pages
from core.postgres import select
from tests.support.api import Caller
from tests.support.console import Browser, ada_in, browser
from tests.support.databases import on_sqlite
from tests.support.waiting import Clock

pytestmark = on_sqlite
__all__ = ["ada_in", "browser"]

PAGE = "/tasks"
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


def tasks(caller: Caller, done: str = "false") -> list[dict[str, object]]:
    found: list[dict[str, object]] = caller.get("/api/tasks", done=done).json
    return found


def path_of(caller: Caller) -> str:
    return f"{PAGE}/{tasks(caller, 'all')[0]['id']}"


def test_an_empty_page_says_what_to_do(ada_in: Browser) -> None:
    page = ada_in.open(PAGE)
    assert "Add a task above" in page
    assert "The first task makes one" in ada_in.open(f"{PAGE}/lists")


def test_tasks_are_shown_by_day_on_the_users_clock(ada_in: Browser, ada: Caller) -> None:
    ada.put(f"/api/user/{ada.uuid}", {"time_zone": "Asia/Tokyo"})  # where it is 21:00
    for name, when in (
        ("someday", ""),
        ("next week", "in 8 days"),
        ("in the morning", "tomorrow at 7"),
        ("tonight", "at 11pm"),
    ):
        assert f"Added “{name}”" in ada_in.send(PAGE, PAGE, name=name, when=when)
    page = ada_in.open(PAGE)

    titles = re.findall(r"<h2[^>]*>([^<]+)</h2>", page)
    assert titles == ["Today", "Tomorrow", "Tuesday 12 March 2030", "Some time"]
    names = re.findall(r"<b>([^<]+)</b>", page)
    assert names == ["tonight", "in the morning", "next week", "someday"]
    assert "Mon 4 Mar 2030, 23:00" in page
    assert tasks(ada)[3]["due_at"] == "2030-03-04T14:00:00Z"


def test_a_time_that_is_unclear_is_asked_for_and_nothing_is_lost(
    ada_in: Browser, ada: Caller
) -> None:
    for when in ("the day after never", "yesterday at 5pm", "x" * 5000, EVIL):
        answer = ada_in.post(PAGE, PAGE, name="stretch", when=when)
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
        assert 'value="stretch"' in answer.text
        assert "<script>alert" not in answer.text
    assert tasks(ada) == []
    assert ada_in.post(PAGE, PAGE, name=" ", when="").status_code == 400


def test_what_repeats_says_so_in_words_and_is_done_once_a_time(
    ada_in: Browser, ada: Caller, clock: Clock
) -> None:
    page = ada_in.send(PAGE, PAGE, name="stretch", when="every weekday at 7:30")
    assert "every weekday" in page
    assert tasks(ada)[0]["repeat"] == "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    occurrence = str(tasks(ada)[0]["occurrence"])
    for _ in range(2):  # pressed twice, as on two devices
        page = ada_in.send(f"{path_of(ada)}/done", PAGE, occurrence=occurrence)
        assert "Done for this time: “stretch”." in page
        assert tasks(ada)[0]["due_at"] == "2030-03-06T07:30:00Z"
    ada_in.send("/undo", PAGE)
    assert tasks(ada)[0]["due_at"] == "2030-03-05T07:30:00Z"


def test_done_snooze_edit_and_delete_can_be_taken_back(ada_in: Browser, ada: Caller) -> None:
    ada_in.send(PAGE, PAGE, name="buy milk", when="in 1 hour", list="shopping")
    row = path_of(ada)
    before = tasks(ada)

    assert "Done: “buy milk”." in ada_in.send(f"{row}/done", PAGE)
    assert "buy milk" in ada_in.open(f"{PAGE}?done=true")
    assert tasks(ada) == []
    ada_in.send("/undo", PAGE)
    assert tasks(ada) == before

    page = ada_in.send(f"{row}/snooze", PAGE, until="tomorrow")
    assert "is put off" in page
    ada_in.send("/undo", PAGE)
    assert tasks(ada) == before

    fields = {"name": "buy oat milk", "list": "food", "when": "every day at 9"}
    assert "every day" in ada_in.send(row, PAGE, **fields)
    assert (tasks(ada)[0]["name"], tasks(ada)[0]["list"]) == ("buy oat milk", "food")
    ada_in.send("/undo", PAGE)
    changed = {name: tasks(ada)[0][name] for name in ("name", "list", "due_at", "repeat")}
    assert changed == {name: before[0][name] for name in changed}

    ada_in.send(row, PAGE, name="buy milk", list="shopping", when="never")
    assert tasks(ada)[0]["due_at"] is None
    ada_in.send(f"{row}/delete", PAGE)
    assert tasks(ada) == []
    ada_in.send("/undo", PAGE)
    assert tasks(ada)[0]["name"] == "buy milk"
    assert "Nothing was changed" in ada_in.send(path_of(ada), PAGE, name="buy milk", when="")


def test_done_is_taken_back_on_the_page_of_what_is_done(ada_in: Browser, ada: Caller) -> None:
    ada_in.send(PAGE, PAGE, name="buy milk")
    ada_in.send(f"{path_of(ada)}/done", PAGE)
    page = ada_in.send(f"{path_of(ada)}/undone?done=true", PAGE)
    assert "is to do again" in page
    assert len(tasks(ada)) == 1


def test_lists_are_made_renamed_and_deleted(ada_in: Browser, ada: Caller) -> None:
    here = f"{PAGE}/lists"
    assert "Made the list “shopping”." in ada_in.send(here, here, name="shopping")
    assert ada_in.post(here, here, name="Shopping").status_code == 409
    (made,) = ada.get("/api/lists").json
    assert "“food”" in ada_in.send(f"{here}/{made['id']}", here, name="food")
    ada_in.send("/undo", here)
    assert ada.get("/api/lists").json[0]["name"] == "shopping"
    ada_in.send(PAGE, PAGE, name="milk", list="shopping")
    ada_in.send(PAGE, PAGE, name="call bob")
    page = ada_in.open(f"{PAGE}?list=shopping")
    assert "<b>milk</b>" in page
    assert "<b>call bob</b>" not in page
    ada_in.send(f"{here}/{made['id']}/delete", here)
    assert [row["name"] for row in tasks(ada)] == ["call bob"]
    assert ada_in.get(f"{PAGE}?list=nothing").status_code == 404


def test_many_tasks_come_in_pages_in_the_order_of_their_times(ada_in: Browser, ada: Caller) -> None:
    for number in range(35):
        due = {"due_at": f"2030-04-01T10:{59 - number:02}:00Z"} if number < 30 else {}
        assert ada.post("/api/tasks", {"name": f"task-{number}-", **due}).status_code == 201
    page = ada_in.open(PAGE)
    assert page.index("task-29-") < page.index("task-28-")
    assert "task-0-" not in page
    following = re.search(r'href="([^"]+)" rel="next"', page)
    assert following is not None
    page = ada_in.open(following[1].replace("&amp;", "&"))
    assert {"task-0-", "task-34-"} <= {*re.findall(r"task-\d+-", page)}
    for start in ("-1", "x", "٣", "9" * 50, "1e3"):
        assert ada_in.get(PAGE, query_string={"start": start}).status_code == 200


def test_names_and_lists_are_text(ada_in: Browser, ada: Caller) -> None:
    pages = [
        ada_in.send(PAGE, PAGE, name=EVIL, list=EVIL, when="in 1 hour"),
        ada_in.open(path_of(ada)),
        ada_in.open(f"{PAGE}/lists"),
        ada_in.get(PAGE, query_string={"list": EVIL}).text,
        ada_in.get(PAGE, query_string={"list": f"{EVIL}x"}).text,
        ada_in.send(f"{path_of(ada)}/done", PAGE),
        ada_in.open(f"{PAGE}?done=true"),
    ]
    for page in pages:
        assert "<script>alert" not in page
        assert "<img" not in page


@pytest.mark.parametrize("what", ["", "/done", "/undone", "/snooze", "/delete"])
def test_tasks_of_others_are_not_there(
    ada_in: Browser, ada: Caller, ben: Caller, what: str
) -> None:
    theirs = ben.post("/api/tasks", {"name": "secret", "due_at": "2030-04-01T10:00:00Z"}).json["id"]
    for task_id in (theirs, str(uuid4())):
        fields = {"name": "mine", "list": "x", "until": "tomorrow"}
        assert ada_in.post(f"{PAGE}/{task_id}{what}", PAGE, **fields).status_code == 404
    assert ada_in.get(f"{PAGE}/{theirs}").status_code == 404
    home = select("task_lists")[0]["id"]
    for path in (f"{PAGE}/lists/{home}", f"{PAGE}/lists/{home}/delete"):
        assert ada_in.post(path, PAGE, name="mine").status_code == 404
    assert [row["name"] for row in tasks(ben)] == ["secret"]


def test_a_shared_list_shows_whose_it_is(ada_in: Browser, ada: Caller, ben: Caller) -> None:
    ben.post("/api/tasks", {"name": "ben's milk", "list": "shopping"})
    home = ben.get("/api/lists").json[0]["id"]
    ben.post(f"/api/lists/{home}/members", {"username": "ada", "role": "viewer"})
    (invited,) = ada.get("/api/lists/invitations").json
    assert ada.put(f"/api/lists/invitations/{invited['id']}").status_code == 200
    page = ada_in.open(PAGE)
    assert "ben&#39;s shopping" in page
    assert ada_in.post(f"{path_of(ben)}/done", PAGE).status_code == 403
    assert "Rename" not in ada_in.open(f"{PAGE}/lists")


def test_who_has_thousands_of_tasks_sees_what_is_due_first_and_stays_on_the_page(
    ada_in: Browser, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "AT_ONCE", 2)
    monkeypatch.setattr(pages, "MAX_SORTED", 6)
    monkeypatch.setattr(pages, "PER_PAGE", 2)
    for name in ("a", "b", "c", "d"):
        ada_in.send(PAGE, PAGE, name=name)
    page = ada_in.send(PAGE, PAGE, name="today", when="in 1 hour")
    assert re.findall(r"<b>([^<]+)</b>", page) == ["today", "a"]
    page = ada_in.open(f"{PAGE}?start=4&list=tasks")
    assert re.findall(r"<b>([^<]+)</b>", page) == ["d"]
    (button,) = re.findall(r'action="([^"]+/done[^"]*)"', page)
    page = ada_in.send(button.replace("&amp;", "&"), PAGE)
    assert re.findall(r"<b>([^<]+)</b>", page) == ["b", "c"]  # there is no third page any more
    assert "oldest tasks" not in page
    for name in ("e", "f", "g"):
        page = ada_in.send(PAGE, PAGE, name=name)
    assert "These are your 6 oldest tasks." in page
