"""What bot processes ask about agents: which to run, and what they remember."""

import pytest

from core import agents
from tests.support.api import Caller
from tests.support.databases import on_sqlite

PLACE = {"agent": "greeter", "platform": "discord", "account_id": "1234"}


def test_a_process_is_given_its_agents_and_tells_how_they_do(bot: Caller) -> None:
    agents.add("greeter", "env:GREETER_TOKEN", {"type": "echo"})
    told = bot.post("/api/service/agents/sync", {"process": "p"})
    assert told.status_code == 200, told.json
    [given] = told.json["agents"]
    assert given.pop("created_at")
    assert given == {
        "name": "greeter",
        "type": "echo",
        "token": "env:GREETER_TOKEN",
        "answers": {},
        "settings": {},
        "revision": 1,
    }
    assert told.json["environment"] is False
    assert 0 < told.json["lease_seconds"] < 15
    status = {
        "name": "greeter",
        "state": "ready",
        "since": "2030-01-01T12:00:00Z",
        "guilds": 3,
        "latency_ms": 41.5,
        "error": None,
        "revision": 1,
    }
    bot.post("/api/service/agents/sync", {"process": "p", "agents": [status]})
    shown = agents.find("greeter")["status"]
    assert (shown["state"], shown["guilds"], shown["latency_ms"]) == ("ready", 3, 41.5)
    assert shown["process"] == "p"


def test_what_was_said_is_remembered_until_it_is_forgotten(bot: Caller) -> None:
    turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    noted = bot.post("/api/service/memory/append", {**PLACE, "turns": turns})
    assert noted.status_code == 201, noted.json
    first, second = noted.json["ids"]
    known = bot.post("/api/service/memory/read", PLACE).json
    assert known == {
        "summary": None,
        "turns": [
            {"id": first, "at": "2030-01-01T12:00:00Z", **turns[0]},
            {"id": second, "at": "2030-01-01T12:00:00Z", **turns[1]},
        ],
        "times_forgotten": 0,
        "model": "",
    }
    summary = {"content": "a greeting", "up_to": first}
    bot.post("/api/service/memory/append", {**PLACE, "summary": summary})
    known = bot.post("/api/service/memory/read", PLACE).json
    assert (known["summary"], len(known["turns"])) == ("a greeting", 1)
    erased = bot.post("/api/service/memory/forget", PLACE)
    assert erased.json == {"turns": 1, "summaries": 1}


@on_sqlite
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("agents/sync", {}),
        ("agents/sync", {"process": ""}),
        ("agents/sync", {"process": "x" * 129}),
        ("agents/sync", {"process": "p", "capacity": -1}),
        ("agents/sync", {"process": "p", "agents": [{"name": "a"}]}),
        ("agents/sync", {"process": "p", "agents": [{"name": "a", "state": "x" * 33}]}),
        ("agents/sync", {"process": "p", "agents": [{"name": "a", "state": "b", "since": 5}]}),
        ("agents/sync", {"process": "p", "agents": [{"name": "a", "state": "b", "token": "c"}]}),
        ("memory/read", {**PLACE, "limit": 201}),
        ("memory/read", {**PLACE, "agent": ""}),
        ("memory/append", {**PLACE, "turns": [{"role": "system", "content": "x"}]}),
        ("memory/append", {**PLACE, "turns": [{"role": "user", "content": ""}]}),
        ("memory/append", {**PLACE, "turns": [{"role": "user", "content": "a\0b"}]}),
        ("memory/append", {**PLACE, "turns": [{"role": "user", "content": "x" * 16_001}]}),
        ("memory/append", {**PLACE, "summary": {"content": "x"}}),
        ("memory/append", {**PLACE, "summary": {"content": "x", "up_to": -1}}),
        ("memory/forget", {**PLACE, "user_uuid": "x"}),
    ],
)
def test_bodies_that_are_refused(bot: Caller, path: str, body: dict[str, object]) -> None:
    answer = bot.post(f"/api/service/{path}", body)
    assert answer.status_code == 400, answer.json


@on_sqlite
@pytest.mark.parametrize("path", ["agents/sync", "memory/read", "memory/append", "memory/forget"])
def test_nobody_but_the_bot_may_ask(nobody: Caller, ada: Caller, path: str) -> None:
    for caller in (nobody, ada):
        assert caller.post(f"/api/service/{path}", {}).status_code == 401
