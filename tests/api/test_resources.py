"""However large the rows are, an answer takes a bounded part of the memory, and no row is lost."""

import re
from itertools import chain

import pytest

from api.resources import MAX_PAGE_CHARS
from core.postgres import insert_many
from tests.support.api import Caller
from tests.support.databases import on_sqlite


def pages(caller: Caller, path: str) -> list[list[str]]:
    found = []
    while path:
        answer = caller.get(path)
        assert answer.status_code == 200, answer.text
        found.append([row["name"] for row in answer.json])
        link = re.match("<(.*)>", answer.headers.get("Link", ""))
        path = link[1] if link else ""
    return found


def test_a_page_of_large_rows_is_cut_and_goes_on(ada: Caller) -> None:
    names = [f"{number:05}" + "\N{GRINNING FACE}" * 9_995 for number in range(250)]
    more = [f"{number:05}" for number in range(250, 700)]
    insert_many(
        "errands",
        [{"user_uuid": ada.uuid, "name": name} for name in names + more],
    )
    found = pages(ada, "/api/errands?limit=1000")
    assert sorted(chain(*found)) == names + more
    assert len(found) == 3
    assert all(sum(map(len, page)) <= MAX_PAGE_CHARS for page in found)


@on_sqlite
@pytest.mark.parametrize("limit", [1, 199, 200, 201, 399, 400, 401, 1000])
def test_pages_end_where_they_should_at_each_size(ada: Caller, limit: int) -> None:
    names = [f"{number:04}" for number in range(401)]
    insert_many("errands", [{"user_uuid": ada.uuid, "name": name} for name in names])
    first = ada.get(f"/api/errands?limit={limit}")
    assert len(first.json) == min(limit, 401)
    assert ("Link" in first.headers) == (limit < 401)
    if limit > 100:
        found = pages(ada, f"/api/errands?limit={limit}")
        assert sorted(chain(*found)) == names
    assert len(ada.get(f"/api/errands?limit={limit}&offset=390").json) == min(limit, 11)
