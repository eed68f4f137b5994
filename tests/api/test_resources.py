"""However large the rows are, an answer takes a bounded part of the memory, and no row is lost."""

import re
from itertools import chain

import pytest

from api.resources import MAX_PAGE_CHARS
from core.postgres import insert, insert_many, select
from tests.support.api import ABSENT, Caller
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


def things_of(user: Caller) -> dict[str, str]:
    """Make a row of each kind that a parcel can refer to; return the fields that name them."""
    chat = {"platform": "test", "agent": "bot", "account_id": user.username}
    return {
        "errand_id": user.post("/api/errands", {"name": "post"}).json["id"],
        "chat_id": str(insert("chat_accounts", chat | {"user_uuid": user.uuid})["id"]),
        "payer_id": user.uuid,
    }


@pytest.mark.parametrize("field", ["errand_id", "chat_id", "payer_id"])
def test_a_row_refers_to_the_callers_own_rows_only(ada: Caller, ben: Caller, field: str) -> None:
    hers, his = things_of(ada)[field], things_of(ben)[field]
    for value in (hers, hers.upper(), None):
        answer = ada.post("/api/parcels", {"name": "box", field: value})
        assert (answer.status_code, answer.json[field]) == (201, value and hers)
        kept = answer.json
    refused = [ada.post("/api/parcels", {"name": "box", field: id}) for id in (his, ABSENT)]
    refused += [ada.put(f"/api/parcels/{kept['id']}", {field: id}) for id in (his, ABSENT)]
    assert {(answer.status_code, answer.json["error"]) for answer in refused} == {
        (400, f"{field}: there is no such thing, or it is not yours.")
    }
    assert ada.get(f"/api/parcels/{kept['id']}").json == kept
    assert len(select("parcels")) == 3
