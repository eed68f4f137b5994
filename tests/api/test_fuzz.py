"""Whatever is sent, no route answers with a 500, and every refusal is a sentence in JSON."""

import re
from typing import Any

import pytest
from apiflask import APIFlask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.users import set_role
from tests.support.api import ABSENT, Caller

# Digits and letters of other scripts that look or fold like ours, or count as digits.
ODD = [*"\u0663\u017f\u0130\u0131\u212a\u00b2\uff19\U0001d7d9", "0\u0667:30", "1_0"]
WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "true", "2030-01-01T10:00:00Z", ABSENT, "sent", "console", "\x00", "é", *ODD]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


def bodies(document: dict[str, Any], operation: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Bodies with the fields that the operation knows, and any values in them."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return st.none()
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    fields = document["components"]["schemas"][name]["properties"]
    known = st.fixed_dictionaries({}, optional=dict.fromkeys(fields, VALUES | WORDS))
    return known | VALUES


def test_no_answer_is_a_500(app: APIFlask, ada: Caller, bot: Caller) -> None:
    document: dict[str, Any] = app.spec  # type: ignore[assignment]
    set_role("ada", "admin")
    seen: set[int] = set()

    @settings(
        max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
    )
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        path, methods = data.draw(st.sampled_from(sorted(document["paths"].items())))
        method, operation = data.draw(st.sampled_from(sorted(methods.items())))
        body = data.draw(bodies(document, operation))
        query = data.draw(
            st.fixed_dictionaries(
                {},
                optional={
                    parameter["name"]: WORDS | st.integers()
                    for parameter in operation.get("parameters", [])
                    if parameter["in"] == "query"
                },
            )
        )
        path = re.sub(r"{\w+}", data.draw(st.sampled_from([ABSENT, ada.uuid, "x"])), path)
        caller = bot if operation["security"] == [{"service": []}] else ada
        answer = caller.request(method.upper(), path, body, query_string=query)
        seen.add(answer.status_code)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert answer.json["error"]

    fuzz()
    assert {200, 400} <= seen


@pytest.mark.parametrize("name", ["register", "errands"])
def test_any_text_is_stored_as_it_is_or_refused(
    app: APIFlask, ada: Caller, nobody: Caller, name: str
) -> None:
    @settings(max_examples=60)
    @given(st.text(min_size=1, max_size=300))
    def store(text: str) -> None:
        if name == "register":
            answer = nobody.post("/api/register", {"username": text, "password": "long enough"})
            assert answer.status_code in (201, 400, 409), answer.text
            return
        answer = ada.post(f"/api/{name}", {"name": text})
        assert answer.status_code in (201, 400, 409), answer.text
        if answer.status_code == 201:
            assert answer.json["name"] in text

    store()
