"""The documentation can be read without the internet, and leaves nothing out."""

import re

from apiflask import APIFlask

from tests.support.api import Caller
from tests.support.databases import on_sqlite

pytestmark = on_sqlite


def test_every_route_and_every_type_is_on_the_page(app: APIFlask, nobody: Caller) -> None:
    page = nobody.get("/docs")
    assert page.status_code == 200
    assert page.content_type == "text/html; charset=utf-8"
    document = nobody.get("/openapi.json").json
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    named = set(re.findall(r'id="([\w.-]+)"', page.text))
    assert {one["operationId"] for one in operations} <= named
    assert set(document["components"]["schemas"]) <= named
    assert set(re.findall(r'href="#([\w.-]+)"', page.text)) <= named


def test_it_needs_no_script_and_nothing_from_elsewhere(nobody: Caller) -> None:
    page = nobody.get("/docs")
    assert "<script" not in page.text
    assert set(re.findall(r'(?:src|href)="([^#"][^"]*)"', page.text)) == {"/openapi.json"}
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
