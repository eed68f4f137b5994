"""The requests of the chat: what is refused, and what comes where the server has no streams."""

import json
from collections.abc import Callable

import pytest

from core import web_chats
from core.web_chats import Event
from tests.support.api import Caller
from tests.support.waiting import Clock

PATH = "/api/chat/default"


def numbers(answer: bytes) -> list[int]:
    """The numbers of the events in an answer."""
    lines = answer.decode().splitlines()
    return [int(line.removeprefix("id: ")) for line in lines if line.startswith("id: ")]


def test_only_who_has_logged_in_may_talk(nobody: Caller) -> None:
    for method, path in (
        ("GET", "/api/chat"),
        ("POST", f"{PATH}/messages"),
        ("GET", f"{PATH}/events"),
    ):
        assert nobody.request(method, path).status_code == 401


def test_only_the_bot_may_answer(ada: Caller) -> None:
    for what in ("claim", "say", "settle", "leave"):
        assert ada.post(f"/api/service/chat/{what}", {}).status_code == 401
    assert ada.get("/api/service/chat/news").status_code == 401


def test_agents_are_listed(ada: Caller) -> None:
    assert ada.get("/api/chat").json == [{"name": "default"}]
    assert ada.post("/api/chat/other/messages", {"text": "hello"}).status_code == 404
    assert ada.get("/api/chat/other/events").status_code == 404
    assert ada.get(f"/api/chat/{'a' * 65}/events").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "a\0b"},
        {"text": "x" * 8001},
        {"text": 5},
        {"text": "hello", "answers": "x" * 65},
        {"text": "hello", "offer": -1},
        {"text": "hello", "offer": 10**30},
        {"text": "hello", "user_uuid": "someone else"},
    ],
)
def test_message_that_is_none_is_refused(ada: Caller, body: object) -> None:
    assert ada.post(f"{PATH}/messages", body).status_code in (400, 422)


def test_events_come_after_the_last_one_that_is_known(
    ada: Caller, new_user: Callable[..., Caller], clock: Clock
) -> None:
    after = ada.post(f"{PATH}/messages", {"text": "hello"}).json["after"]
    lines = {"text": "one\n\nevent: done\ndata: {}\n\u2028two"}
    web_chats.say(ada.uuid, "default", [Event("reply", lines), Event("reply", {})], clock())
    answer = ada.get(f"{PATH}/events")
    assert answer.mimetype == "text/event-stream"
    assert numbers(answer.data) == [after + 1, after + 2]
    block = answer.data.decode().split("\n\n")[1]
    assert json.loads(block.split("\n")[2].removeprefix("data: ")) == lines
    assert numbers(ada.get(f"{PATH}/events", after=after + 1).data) == [after + 2]
    for last, expected in (
        (str(after + 1), [after + 2]),
        (str(after + 2), []),
        ("٣", [after + 1, after + 2]),
        ("9" * 5000, [after + 1, after + 2]),
        ("-1", [after + 1, after + 2]),
        ("x", [after + 1, after + 2]),
    ):
        headers = {**ada.headers, "Last-Event-ID": last.encode().decode("latin-1")}
        answer = ada.client.get(f"{PATH}/events", headers=headers)
        assert numbers(answer.data) == expected, last
    for wrong in ("-1", "x", "9" * 30, "٣"):
        assert ada.get(f"{PATH}/events", after=wrong).status_code in (200, 400, 422)
    assert numbers(new_user("eve").get(f"{PATH}/events").data) == []


def test_bot_says_what_has_a_form(bot: Caller, ada: Caller) -> None:
    said = {"id": ada.uuid, "text": "hello"}
    where = {"agent": "default", "user_uuid": ada.uuid}
    assert bot.post("/api/service/chat/say", {**where, "said": said}).status_code == 200
    for wrong in ({"text": "x" * 16_001}, {"buttons": [{"label": "a"}]}, {"kind": "done"}):
        body = {**where, "said": said | wrong}
        assert bot.post("/api/service/chat/say", body).status_code == 400
    nobody_at_all = {**where, "user_uuid": "00000000-0000-4000-8000-000000000000", "said": said}
    assert bot.post("/api/service/chat/say", nobody_at_all).status_code == 404
    assert bot.get("/api/service/chat/news").status_code == 404  # no streams in tests
