"""What the bot alone may do: linking chats, fetching tokens, delivering messages."""

from typing import Any

import pytest

from core import reminders
from core.postgres import select
from tests.support.api import ABSENT, NEW_YEAR, Caller
from tests.support.databases import on_sqlite
from tests.support.waiting import Clock

pytestmark = pytest.mark.every_database

CHAT = {"platform": "discord", "agent": "default", "account_id": "1234"}
AGENT = {"platform": "discord", "agent": "default"}
DUE = "2030-01-01T13:00:00Z"


def link(bot: Caller, user: Caller, **more: str) -> dict[str, Any]:
    answer = bot.post("/api/service/links", {**CHAT, **more, "token": user.token})
    assert answer.status_code == 201, answer.json
    row: dict[str, Any] = answer.json
    return row


def sessions(bot: Caller, *accounts: dict[str, str]) -> list[Any]:
    answer = bot.post("/api/service/tokens", {"accounts": accounts})
    assert answer.status_code == 200, answer.json
    found: list[Any] = answer.json["sessions"]
    return found


def claim(bot: Caller, **more: object) -> dict[str, Any]:
    answer = bot.post("/api/service/deliveries/claim", {**AGENT, **more})
    assert answer.status_code == 200, answer.json
    claimed: dict[str, Any] = answer.json
    return claimed


def test_a_linked_chat_gets_tokens_until_it_is_unlinked(bot: Caller, ada: Caller) -> None:
    assert sessions(bot, CHAT) == [None]
    linked = link(bot, ada)
    assert sorted(linked) == [
        *("display_name", "has_password", "role", "time_zone", "token", "user_uuid", "username")
    ]
    assert (linked["username"], linked["user_uuid"]) == ("ada", ada.uuid)
    (fresh,) = sessions(bot, CHAT)
    for token in (linked["token"], fresh["token"]):
        assert ada.with_token(token).get("/api/errands").status_code == 200
    assert bot.post("/api/service/unlink", CHAT).json == {"success": True}
    assert sessions(bot, CHAT) == [None]
    assert bot.post("/api/service/unlink", CHAT).json == {"success": True}


def test_a_chat_belongs_to_who_logged_in_last(bot: Caller, ada: Caller, ben: Caller) -> None:
    link(bot, ada)
    link(bot, ben)
    link(bot, ada, account_id="hers")
    others = [{**CHAT, "account_id": name} for name in ("another person", "hers")]
    found = sessions(bot, CHAT, *others)
    assert [one and one["username"] for one in found] == ["ben", None, "ada"]


def test_a_link_needs_a_good_token(bot: Caller, ada: Caller) -> None:
    ada.post("/api/logout")
    for token in (ada.token, "nonsense", ""):
        answer = bot.post("/api/service/links", {**CHAT, "token": token})
        assert answer.status_code == 401


def test_tokens_go_on_after_a_log_out_elsewhere_only_for_linked_chats(
    bot: Caller, ada: Caller
) -> None:
    from tests.support.people import PASSWORD

    linked = link(bot, ada)
    chat = ada.with_token(linked["token"])
    body = {"password": "another good password", "current_password": PASSWORD}
    assert chat.put(f"/api/user/{ada.uuid}", body).status_code == 200
    assert chat.get("/api/errands").status_code == 401
    fresh = sessions(bot, CHAT)[0]["token"]
    assert ada.with_token(fresh).get("/api/errands").status_code == 200


def test_a_reminder_goes_to_the_chat_it_came_from(bot: Caller, ada: Caller, clock: Clock) -> None:
    link(bot, ada, account_id="elsewhere")
    here = ada.with_token(link(bot, ada)["token"])
    here.post("/api/errands", {"name": "call mum", "due_at": DUE})
    assert claim(bot) == {"deliveries": [], "next_due_at": DUE}
    clock.forward(hours=1)
    reminders.fire_due(clock())
    claimed = claim(bot)
    [delivery] = claimed["deliveries"]
    assert sorted(delivery) == [
        *("account_id", "agent", "due_at", "id", "lease_id", "request_id", "subject", "text")
    ]
    assert delivery["account_id"] == "1234"
    assert delivery["text"] == "Reminder: call mum"
    assert delivery["due_at"] == DUE
    assert claim(bot)["deliveries"] == []
    path = f"/api/service/deliveries/{delivery['id']}/settle"
    body = {"lease_id": delivery["lease_id"], "outcome": "sent"}
    assert bot.post(path, {**body, "lease_id": ABSENT}).status_code == 404
    assert bot.post(path, body).json == {"success": True}
    assert bot.post(path, body).status_code == 404
    assert claim(bot) == {"deliveries": [], "next_due_at": None}


def test_a_delivery_that_failed_comes_again(bot: Caller, ada: Caller, clock: Clock) -> None:
    user = ada.with_token(link(bot, ada)["token"])
    user.post("/api/errands", {"name": "call mum", "due_at": NEW_YEAR.isoformat()})
    reminders.fire_due(clock())
    [delivery] = claim(bot)["deliveries"]
    body = {"lease_id": delivery["lease_id"], "outcome": "retry", "error": "x", "retry_after": 7.5}
    assert bot.post(f"/api/service/deliveries/{delivery['id']}/settle", body).status_code == 200
    assert claim(bot)["next_due_at"] == "2030-01-01T12:00:07.500000Z"
    clock.forward(seconds=8)
    assert [again["id"] for again in claim(bot)["deliveries"]] == [delivery["id"]]


def test_another_agents_messages_are_not_its_own(bot: Caller, ada: Caller, clock: Clock) -> None:
    user = ada.with_token(link(bot, ada)["token"])
    user.post("/api/errands", {"name": "call mum", "due_at": NEW_YEAR.isoformat()})
    reminders.fire_due(clock())
    for other in ({"agent": "other"}, {"platform": "console"}):
        assert claim(bot, **other) == {"deliveries": [], "next_due_at": None}
    assert len(claim(bot)["deliveries"]) == 1


def test_one_request_claims_for_many_agents(bot: Caller, ada: Caller, clock: Clock) -> None:
    for agent in ("echo", "helper", "quiet"):
        user = ada.with_token(link(bot, ada, agent=agent)["token"])
        user.post("/api/errands", {"name": f"by {agent}", "due_at": NEW_YEAR.isoformat()})
    reminders.fire_due(clock())
    body = {"platform": "discord", "agents": ["echo", "helper", "nobody"]}
    claimed = bot.post("/api/service/deliveries/claim", body).json["deliveries"]
    told = {(one["agent"], one["text"]) for one in claimed}
    assert told == {("echo", "Reminder: by echo"), ("helper", "Reminder: by helper")}
    answer = bot.post("/api/service/deliveries/claim", body | {"agents": [], "agent": "quiet"})
    assert [one["agent"] for one in answer.json["deliveries"]] == ["quiet"]


def test_a_delivery_names_the_request_that_set_it(bot: Caller, ada: Caller, clock: Clock) -> None:
    user = ada.with_token(link(bot, ada)["token"])
    user.headers["X-Request-ID"] = "message-1"
    user.post("/api/errands", {"name": "call mum", "due_at": NEW_YEAR.isoformat()})
    reminders.fire_due(clock())
    assert claim(bot)["deliveries"][0]["request_id"] == "message-1"


def test_who_blocked_the_bot_gets_what_was_held_when_they_write_again(
    bot: Caller, ada: Caller, clock: Clock
) -> None:
    user = ada.with_token(link(bot, ada)["token"])
    for name in ("first", "second"):
        user.post("/api/errands", {"name": name, "due_at": NEW_YEAR.isoformat()})
        reminders.fire_due(clock())
        for delivery in claim(bot)["deliveries"]:
            path = f"/api/service/deliveries/{delivery['id']}/settle"
            body = {"lease_id": delivery["lease_id"], "outcome": "failed", "error": "blocked"}
            assert bot.post(path, body).status_code == 200
    assert [row["state"] for row in select("deliveries")] == ["held", "held"]
    clock.forward(hours=2)
    assert claim(bot) == {"deliveries": [], "next_due_at": None}
    assert sessions(bot, CHAT) != [None]
    texts = {delivery["text"] for delivery in claim(bot)["deliveries"]}
    late = "(late: it was due 2 hours ago)"
    assert texts == {f"Reminder: first {late}", f"Reminder: second {late}"}


@on_sqlite
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("links", CHAT),
        ("links", {**CHAT, "token": 5}),
        ("tokens", {**CHAT, "account_id": ""}),
        ("tokens", {**CHAT, "account_id": "x" * 65}),
        ("tokens", {**CHAT, "platform": "x" * 33}),
        ("tokens", {**CHAT, "account_id": "a\x00b"}),
        ("tokens", {**CHAT, "account_id": 1234}),
        ("unlink", {**CHAT, "user_uuid": "x"}),
        ("deliveries/claim", {**AGENT, "limit": 0}),
        ("deliveries/claim", {**AGENT, "limit": 101}),
        ("deliveries/claim", {}),
        ("deliveries/claim", {"platform": "discord", "agents": []}),
        ("deliveries/claim", {"platform": "discord", "agents": [""]}),
        (f"deliveries/{ABSENT}/settle", {"lease_id": "x", "outcome": "sent"}),
        (f"deliveries/{ABSENT}/settle", {"lease_id": ABSENT, "outcome": "lost"}),
        (
            f"deliveries/{ABSENT}/settle",
            {"lease_id": ABSENT, "outcome": "retry", "retry_after": -1},
        ),
        ("deliveries/x/settle", {"lease_id": ABSENT, "outcome": "sent"}),
    ],
)
def test_bodies_that_are_refused(bot: Caller, path: str, body: dict[str, object]) -> None:
    answer = bot.post(f"/api/service/{path}", body)
    assert answer.status_code == 400, answer.json
