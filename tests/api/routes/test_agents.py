"""Agents over HTTP, for administrators and for nobody else."""

from typing import Any

import pytest

from core.users import set_role
from tests.support.api import Caller
from tests.support.databases import on_sqlite

TOKEN = "NDU2.secret.part"
GREETER = {
    "name": "greeter",
    "type": "echo",
    "token": TOKEN,
    "settings": {"prefix": "> "},
    "answers": {"direct_messages": "off"},
}


@pytest.fixture
def admin(ada: Caller) -> Caller:
    """An administrator."""
    set_role("ada", "admin")
    return ada


def create(admin: Caller, **more: object) -> dict[str, Any]:
    answer = admin.post("/api/agents", {**GREETER, **more})
    assert answer.status_code == 201, answer.json
    made: dict[str, Any] = answer.json
    return made


def test_an_agent_is_made_read_changed_and_deleted(admin: Caller) -> None:
    made = create(admin)
    assert made == {
        "name": "greeter",
        "type": "echo",
        "enabled": True,
        "token": "sealed",
        "settings": {"prefix": "> "},
        "answers": {"direct_messages": "off"},
        "memory_days": None,
        "revision": 1,
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
        "status": {
            "state": "unassigned",
            "since": None,
            "guilds": None,
            "latency_ms": None,
            "error": None,
            "revision": None,
            "process": None,
        },
    }
    assert admin.get("/api/agents").json == [made]
    assert admin.get("/api/agents/greeter").json == made
    changed = admin.put("/api/agents/greeter", {"settings": {"suffix": "!"}, "memory_days": 3})
    assert changed.status_code == 200, changed.json
    assert (changed.json["settings"], changed.json["revision"]) == ({"suffix": "!"}, 2)
    assert admin.put("/api/agents/greeter", {"memory_days": None}).json["memory_days"] is None
    assert admin.delete("/api/agents/greeter").json == {"success": True}
    for method, body in (("GET", None), ("PUT", {"enabled": True}), ("DELETE", None)):
        assert admin.request(method, "/api/agents/greeter", body).status_code == 404


def test_an_agent_is_disabled_and_enabled(admin: Caller) -> None:
    create(admin)
    disabled = admin.post("/api/agents/greeter/disable").json
    assert (disabled["enabled"], disabled["status"]["state"]) == (False, "disabled")
    enabled = admin.post("/api/agents/greeter/enable").json
    assert (enabled["enabled"], enabled["status"]["state"]) == (True, "unassigned")
    assert enabled["revision"] == 3
    assert admin.post("/api/agents/nobody/enable").status_code == 404


def test_no_answer_holds_a_token(admin: Caller) -> None:
    create(admin)
    create(admin, name="referring", token="env:SOME_TOKEN")
    answers = [
        admin.get("/api/agents"),
        admin.put("/api/agents/greeter", {"token": "NzY4.new.secret"}),
        admin.put("/api/agents/referring", {"token": "NzY4.another.secret"}),
        admin.post("/api/agents", {**GREETER, "name": "second", "token": "NzY4.new.secret"}),
        admin.post("/api/agents", {**GREETER, "name": "second", "token": "a secret\nwith blanks"}),
        admin.post("/api/agents", {**GREETER, "name": "second", "token": "secret" * 1000}),
        admin.post("/api/agents", {**GREETER, "name": "second", "token": ["secret"]}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 409, 409, 400, 400, 400]
    for answer in answers:
        assert "secret" not in answer.text
        assert "gAAAA" not in answer.text, "nor a sealed one"


def test_only_administrators_may_and_only_as_long_as_they_are(admin: Caller, ben: Caller) -> None:
    create(admin)
    requests = [
        ("GET", "/api/agents", None),
        ("POST", "/api/agents", {**GREETER, "name": "other"}),
        ("GET", "/api/agents/greeter", None),
        ("PUT", "/api/agents/greeter", {"enabled": False}),
        ("POST", "/api/agents/greeter/enable", None),
        ("POST", "/api/agents/greeter/disable", None),
        ("DELETE", "/api/agents/greeter", None),
    ]
    for method, path, body in requests:
        assert ben.request(method, path, body).status_code == 403, (method, path)
    assert admin.get("/api/agents").status_code == 200
    set_role("ada", "user")
    for method, path, body in requests:
        answer = admin.request(method, path, body)
        assert answer.status_code == 403, (method, path)
        assert "administrator" in answer.json["error"]


def test_nobody_makes_themselves_an_administrator(ada: Caller, nobody: Caller) -> None:
    body = {"username": "eve", "password": "long enough", "role": "admin"}
    assert nobody.post("/api/register", body).status_code == 400
    assert ada.put(f"/api/user/{ada.uuid}", {"role": "admin"}).status_code == 400


@on_sqlite
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"type": "oracle"}, 'type: "oracle" is not known; there is commands, echo'),
        ({"settings": {"prefix": 5}}, "settings.prefix: 5 is not of the type string"),
        ({"settings": {"prefix": "x" * 201}}, "settings.prefix: longer than 200 characters"),
        ({"settings": {"colour": "red"}}, 'settings: "colour": unknown; there is prefix, suffix'),
        ({"answers": {"direct_messages": "maybe"}}, "answers.direct_messages:"),
        ({"answers": {"guilds": ["a name"]}}, "answers.guilds.0:"),
        ({"answers": []}, "answers:"),
        (
            {"type": "llm", "settings": {"model": "m", "api_key": "sk-a-real-key"}},
            "settings.api_key: it can't be used (pattern: ",
        ),
        ({"memory_days": -1}, "memory_days:"),
        ({"name": "Greeter"}, "name: up to 64 small letters"),
        ({"name": "a" * 65}, "name:"),
        ({"name": ""}, "name:"),
        ({"token": "env:JWT_SECRET"}, "token: JWT_SECRET is a setting"),
        ({"token": "env:"}, "token: a reference is written env:NAME"),
        ({"token": ""}, "token: a token is one word"),
        ({"id": "x"}, "id:"),
        ({"revision": 0}, "revision:"),
    ],
)
def test_what_is_refused_where_it_is_made(
    admin: Caller, change: dict[str, object], told: str
) -> None:
    answer = admin.post("/api/agents", {**GREETER, **change})
    assert answer.status_code == 400, answer.json
    assert answer.json["error"].startswith(told)
    assert "real-key" not in answer.text
    assert admin.get("/api/agents").json == []
    if "name" not in change:
        create(admin)
        assert admin.put("/api/agents/greeter", change).status_code == 400
        assert admin.get("/api/agents/greeter").json["revision"] == 1
