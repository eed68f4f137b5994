"""The OpenAPI document: every route is in it, with who may call it and how it fails."""

import re
from typing import Any

import pytest
from apiflask import APIFlask

from api.http.security import access_of
from tests.support.api import Caller
from tests.support.databases import on_sqlite

PAGES = ("openapi.spec", "documentation")


@pytest.fixture
def document(nobody: Caller) -> dict[str, Any]:
    answer = nobody.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


@on_sqlite
def test_every_route_is_in_the_document(app: APIFlask, document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    documented = {(method, path) for method, path, _ in operations(document)}
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PAGES or rule.endpoint.startswith("console."):
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in (rule.methods or set()) - {"HEAD"}:
            assert (method, path) in documented


@on_sqlite
def test_every_operation_says_who_may_call_it(app: APIFlask, document: dict[str, Any]) -> None:
    assert sorted(document["components"]["securitySchemes"]) == ["operator", "service", "user"]
    by_path = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule): rule.endpoint
        for rule in app.url_map.iter_rules()
    }
    for method, path, operation in operations(document):
        access = access_of(app.view_functions[by_path[path]])
        expected = {
            "public": [],
            "admin": ["user"],
            "operator": ["operator", "service"],
        }.get(access, [access])
        assert [name for one in operation["security"] for name in one] == expected, (method, path)
        assert ("401" in operation["responses"]) == (
            access != "public" or path.startswith("/api/login")
        )


@on_sqlite
def test_every_operation_is_described_and_every_error_is_an_error(
    document: dict[str, Any],
) -> None:
    seen = set()
    for method, path, operation in operations(document):
        assert operation["summary"].endswith("."), (method, path)
        assert operation["operationId"] not in seen
        seen.add(operation["operationId"])
        successes = [code for code in operation["responses"] if code.startswith("2")]
        assert len(successes) == 1, (method, path)
        for code, response in operation["responses"].items():
            if (path, code) == ("/metrics", "200") or "text/event-stream" in response["content"]:
                continue
            schema = response["content"]["application/json"]["schema"]
            is_error = schema == {"$ref": "#/components/schemas/Error"}
            assert is_error == (code not in successes), (method, path, code)
        if "requestBody" in operation:
            assert "400" in operation["responses"], (method, path)


@on_sqlite
def test_every_reference_resolves(document: dict[str, Any]) -> None:
    text = str(document)
    names = set(re.findall(r"#/components/schemas/([\w.]+)", text))
    assert names
    assert names <= set(document["components"]["schemas"])
    assert "'$defs'" not in text


@on_sqlite
def test_bodies_refuse_what_they_do_not_know(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            name = schema["$ref"].rpartition("/")[2]
            body = document["components"]["schemas"][name]
            assert body["additionalProperties"] is False, (method, path)
