"""A domain's rows in the console, without a line of its own; here it is the tests' own domain."""

import html
import re
from uuid import uuid4

import pytest

from tests.support.api import Caller
from tests.support.console import Browser
from tests.support.databases import on_sqlite

pytestmark = on_sqlite

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}"
PAGE = "/data/errands"


def rows(caller: Caller) -> list[dict[str, object]]:
    found: list[dict[str, object]] = caller.get("/api/errands").json
    return found


def test_it_is_in_the_navigation_and_says_what_to_do(ada_in: Browser) -> None:
    assert f'href="{PAGE}"' in ada_in.open("/")
    page = ada_in.open(PAGE)
    assert "There is nothing here yet." in page
    assert 'aria-current="page">Errands' in page


def test_rows_are_added_changed_and_deleted_each_with_an_undo(ada_in: Browser, ada: Caller) -> None:
    page = ada_in.send(PAGE, PAGE, name="buy milk", due_at="2030-06-01T10:00")
    assert "Added “buy milk”." in page
    assert rows(ada)[0]["due_at"] == "2030-06-01T10:00:00Z"
    row = f"{PAGE}/{rows(ada)[0]['id']}"
    assert 'value="2030-06-01T10:00"' in ada_in.open(row)

    page = ada_in.send(row, PAGE, name="buy bread", due_at="2030-06-01T10:00")
    assert "Changed “buy bread”." in page
    page = ada_in.send("/undo", PAGE)
    assert "Undone: Changed" in page
    assert rows(ada)[0]["name"] == "buy milk"

    page = ada_in.send(f"{row}/delete", PAGE)
    assert "Deleted “buy milk”." in page
    assert rows(ada) == []
    ada_in.send("/undo", PAGE)
    assert [one["name"] for one in rows(ada)] == ["buy milk"]
    assert "nothing left to undo" in ada_in.send("/undo", PAGE)


def test_times_are_on_the_users_own_clock(ada_in: Browser, ada: Caller) -> None:
    assert ada.put(f"/api/user/{ada.uuid}", {"time_zone": "Asia/Tokyo"}).status_code == 200
    page = ada_in.send(PAGE, PAGE, name="tea", due_at="2030-06-01T10:00")
    assert rows(ada)[0]["due_at"] == "2030-06-01T01:00:00Z"
    assert '<time datetime="2030-06-01T10:00:00+09:00">Sat 1 Jun 2030, 10:00</time>' in page


def test_what_stays_is_not_sent(ada_in: Browser, ada: Caller) -> None:
    """A time keeps what an input can't tell: parts of a second, and which 2:30 is meant."""
    ada.put(f"/api/user/{ada.uuid}", {"time_zone": "Europe/Berlin"})
    ada.post(
        "/api/errands", {"name": "late", "due_at": "2030-10-27T01:30:30.5Z"}
    )  # the second 2:30
    row = f"{PAGE}/{rows(ada)[0]['id']}"
    shown = re.search(r'name="due_at"[^>]* value="([^"]+)"', ada_in.open(row))
    assert shown is not None
    ada_in.send(row, PAGE, name="later", due_at=shown[1])
    assert rows(ada)[0]["due_at"] == "2030-10-27T01:30:30.500000Z"
    assert "Nothing was changed" in ada_in.send(row, PAGE, name="later", due_at=shown[1])
    ada_in.send(row, PAGE, name="later", due_at="")
    assert rows(ada)[0]["due_at"] is None


def test_what_the_api_refuses_stands_beside_the_field(ada_in: Browser, ada: Caller) -> None:
    answer = ada_in.post(PAGE, PAGE, name=" ", due_at="soon")
    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.text
    assert 'value="soon"' in answer.text
    assert rows(ada) == []
    answer = ada_in.post(PAGE, PAGE, name="x", due_at="9999-12-31T23:59")
    assert answer.status_code == 400
    assert "out of reach" in answer.text


def test_lists_come_in_pages(ada_in: Browser, ada: Caller) -> None:
    for number in range(30):
        ada.post("/api/errands", {"name": f"errand number {number}."})
    page = ada_in.open(PAGE)
    assert "number 0." in page
    assert "number 29." not in page
    following = re.search(r'href="([^"]+)" rel="next"', page)
    assert following is not None
    page = ada_in.open(following[1].replace("&amp;", "&"))
    assert "number 0." not in page
    assert "number 29." in page
    assert ada_in.get(f"{PAGE}?cursor=nonsense").status_code == 400


def test_a_row_is_looked_for_by_its_name_and_the_page_stays(ada_in: Browser, ada: Caller) -> None:
    for number in range(26):
        ada.post("/api/errands", {"name": "tea & milk" if number else "bread"})
    page = ada_in.open(f"{PAGE}?name=tea+%26+milk&done=false")
    assert "bread" not in page
    for address in (rf"{PAGE}/[^/]+", rf"{PAGE}/[^/]+/delete"):  # of a link, and of a button
        kept = re.search(rf'"({address}\?[^"]+)"', page)
        assert kept is not None
        answer = ada_in.post(html.unescape(kept[1]), PAGE, name="tea")
        assert answer.headers["Location"] == f"{PAGE}?name=tea+%26+milk&done=false"


def test_who_deletes_the_last_row_of_a_page_is_told_the_way_back(
    ada_in: Browser, ada: Caller
) -> None:
    for number in range(26):
        ada.post("/api/errands", {"name": f"errand {number}."})
    following = re.search(r'href="([^"]+)" rel="next"', ada_in.open(PAGE))
    assert following is not None
    page = ada_in.open(html.unescape(following[1]))
    (button,) = re.findall(rf'action="({PAGE}/[^"]+/delete[^"]*)"', page)
    page = ada_in.send(html.unescape(button), PAGE)
    assert "Nothing is left on this page." in page
    assert f'href="{PAGE}">First page' in page


def test_names_are_text_and_nothing_else(ada_in: Browser, ada: Caller) -> None:
    page = ada_in.send(PAGE, PAGE, name=EVIL)
    row = f"{PAGE}/{rows(ada)[0]['id']}"
    refused = ada_in.post(PAGE, PAGE, name=EVIL, due_at=EVIL).text
    for shown in (page, ada_in.open(PAGE), ada_in.open(row), refused):
        assert "<script>alert" not in shown
        assert "<img" not in shown
        assert ">49" not in shown
        assert "&lt;script&gt;" in shown


@pytest.mark.parametrize("path", ["", "/delete"])
def test_rows_of_others_are_not_there(ada_in: Browser, ben: Caller, path: str) -> None:
    theirs = ben.post("/api/errands", {"name": "ben's secret"}).json["id"]
    for row_id in (theirs, str(uuid4()), "nonsense"):
        assert ada_in.get(f"{PAGE}/{row_id}").status_code == 404
        assert ada_in.post(f"{PAGE}/{row_id}{path}", PAGE, name="mine").status_code == 404
    assert "There is no such thing." in ada_in.get(f"{PAGE}/nonsense").text
    assert "ben" not in ada_in.open(PAGE)
    assert rows(ben)[0]["name"] == "ben's secret"


@pytest.mark.parametrize(
    "name", ["users", "nothing", "phrases", "agents", "__class__", "reminders"]
)
def test_tables_that_are_no_domains_have_no_page(ada_in: Browser, name: str) -> None:
    assert ada_in.get(f"/data/{name}").status_code == 404
    assert ada_in.post(f"/data/{name}", PAGE, name="x").status_code == 404


def test_a_field_more_is_not_sent(ada_in: Browser, ada: Caller, ben: Caller) -> None:
    ada_in.send(PAGE, PAGE, name="x", user_uuid=ben.uuid, id=str(uuid4()), done="true")
    assert rows(ben) == []
    assert rows(ada)[0]["done"] is False
