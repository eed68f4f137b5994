"""The resource that people copy: list, read, create, update, delete, one's own rows only."""

import re

import pytest
from werkzeug.test import TestResponse

from core.postgres import execute
from tests.support.api import ABSENT, Caller
from tests.support.databases import on_sqlite

pytestmark = pytest.mark.every_database

PATH = "/api/example"
HOSTILE = [
    "@everyone",
    "**bold** `code` [x](http://y)",
    "{user_input} {0} {{",
    "\"double\" 'single' --; DROP TABLE examples",
    "🦊 naïve 中文",
    "line one\nline two",
    "x" * 255,
    "%s %(name)s :name",
]


def test_the_life_of_a_row(ada: Caller) -> None:
    assert ada.get(PATH).json == []
    made = ada.post(PATH, {"name": "first"})
    assert made.status_code == 201
    assert sorted(made.json) == ["created_at", "id", "name"]
    one = f"{PATH}/{made.json['id']}"
    assert ada.get(one).json == made.json
    changed = ada.put(one, {"name": "second"})
    assert (changed.status_code, changed.json) == (200, {**made.json, "name": "second"})
    assert ada.get(PATH).json == [changed.json]
    assert ada.delete(one).json == {"success": True}
    assert ada.get(one).status_code == ada.delete(one).status_code == 404
    assert ada.get(PATH).json == []


@on_sqlite
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_back_as_they_went_in(ada: Caller, name: str) -> None:
    assert ada.post(PATH, {"name": name}).json["name"] == name
    assert [row["name"] for row in ada.get(PATH).json] == [name]


def test_another_users_row_is_as_absent_as_none(ada: Caller, ben: Caller) -> None:
    row = ben.post(PATH, {"name": "ben's"}).json
    for method, body in (("GET", None), ("PUT", {"name": "mine"}), ("DELETE", None)):
        another = ada.request(method, f"{PATH}/{row['id']}", body)
        absent = ada.request(method, f"{PATH}/{ABSENT}", body)
        assert another.status_code == absent.status_code == 404
        assert another.json == absent.json
    assert ada.get(PATH).json == []
    assert ben.get(PATH).json == [row]


@on_sqlite
@pytest.mark.parametrize("field", ["id", "user_uuid", "created_at", "owner", "nonsense"])
def test_a_body_sets_no_id_owner_or_time(ada: Caller, ben: Caller, field: str) -> None:
    row = ada.post(PATH, {"name": "mine"}).json
    body = {"name": "x", field: ben.uuid}
    assert ada.post(PATH, body).status_code == 400
    assert ada.put(f"{PATH}/{row['id']}", body).status_code == 400
    assert ada.get(PATH).json == [row]
    assert ben.get(PATH).json == []


def test_pages(ada: Caller) -> None:
    names = [str(number) for number in range(12)]
    for name in names:
        ada.post(PATH, {"name": name})
    assert [row["name"] for row in ada.get(PATH).json] == names
    page = ada.get(PATH, limit=5, offset=10).json
    assert [row["name"] for row in page] == names[10:]


def follow(ada: Caller, answer: TestResponse) -> TestResponse | None:
    """The next page, which the Link header leads to."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    found = re.fullmatch(r'<([^>]+)>; rel="next"', link)
    assert found
    return ada.get(found[1])


def test_pages_lead_to_each_other_though_rows_come_and_go(ada: Caller, ben: Caller) -> None:
    names = [str(number) for number in range(10)]
    for name in names:
        ada.post(PATH, {"name": name})
        ben.post(PATH, {"name": "ben's"})
    seen = []
    page: TestResponse | None = ada.get(PATH, limit=3)
    while page is not None:
        seen += [row["name"] for row in page.json]
        assert ada.delete(f"{PATH}/{page.json[0]['id']}").status_code == 200
        page = follow(ada, page)
    assert seen == names


def test_a_list_can_be_filtered(ada: Caller) -> None:
    for name in ("a", "b", "a", "a"):
        ada.post(PATH, {"name": name})
    first = ada.get(PATH, name="a", limit=2)
    second = follow(ada, first)
    assert second is not None
    assert [row["name"] for row in first.json + second.json] == ["a"] * 3
    assert ada.get(PATH, name="c").json == []
    assert ada.get(PATH, id=ABSENT).status_code == ada.get(PATH, name="\0").status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "ten"},
        {"limit": 1.5},
        {"offset": -1},
        {"offset": 10**30},
        {"cursor": "x"},
        {"cursor": "eyJpZCI6IDF9"},
        {"cursor": "é"},
        {"cursor": "c" * 501},
        {"order": "name; DROP TABLE examples"},
    ],
)
def test_pages_that_there_are_not(ada: Caller, query: dict[str, object]) -> None:
    answer = ada.get(PATH, **query)
    assert answer.status_code == 400
    assert next(iter(query)) in answer.json["error"]


@pytest.mark.every_database
def test_rows_that_got_their_ids_from_the_database_have_pages(ada: Caller) -> None:
    query = "INSERT INTO examples (user_uuid, name) SELECT id, :name FROM users"
    names = [f"{number}" for number in range(20)]
    for name in names:
        execute(query, {"name": name})
    found, path = [], "/api/example?limit=1"
    while path:
        answer = ada.get(path)
        assert answer.status_code == 200, answer.text
        found += [row["name"] for row in answer.json]
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert sorted(found) == sorted(names)
