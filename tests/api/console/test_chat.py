"""The chat's page: what it passes on to the API, and what it does not."""

from uuid import UUID

from core import web_chats
from core.postgres import insert, select
from core.reminders import fire_due, set_reminder
from core.web_chats import Event
from tests.support.api import NEW_YEAR, Caller
from tests.support.console import Browser
from tests.support.databases import on_sqlite
from tests.support.waiting import Clock

pytestmark = on_sqlite

EVIL = '"><script>alert(1)</script>'


def test_the_first_page_is_the_chat(ada_in: Browser) -> None:
    page = ada_in.open("/")
    assert 'data-path="/chat/default"' in page
    assert 'type="password"' in page


def test_messages_and_events_are_those_of_the_api(
    ada_in: Browser, ada: Caller, ben: Caller, clock: Clock
) -> None:
    headers = {"X-CSRF-Token": ada_in.csrf("/chat")}
    posted = ada_in.client.post("/chat/default/messages", json={"text": "hello"}, headers=headers)
    assert posted.status_code == 201
    for who in (ada, ben):
        words = Event("reply", {"id": "1", "text": f"for {who.username}"})
        web_chats.say(who.uuid, "default", [words], clock())

    events = ada_in.get("/chat/default/events", query_string={"after": posted.json["after"]})

    assert events.mimetype == "text/event-stream"
    assert "for ada" in events.text
    assert "for ben" not in events.text
    last = web_chats.states({web_chats.find(ada.uuid, "default", clock())["id"]})
    after = next(iter(last.values())).last_number
    again = ada_in.get("/chat/default/events?after=0", headers={"Last-Event-ID": str(after)})
    assert "for ada" not in again.text


def test_what_the_api_refuses_is_told_as_it_says_it(ada_in: Browser) -> None:
    headers = {"X-CSRF-Token": ada_in.csrf("/chat")}
    post = ada_in.client.post
    for body, status in (({"text": ""}, 400), ({"text": "x", "user_uuid": "y"}, 400)):
        answer = post("/chat/default/messages", json=body, headers=headers)
        assert (answer.status_code, next(iter(answer.json))) == (status, "error")
    for _ in range(5):
        assert (
            post("/chat/default/messages", json={"text": "x"}, headers=headers).status_code == 201
        )
    answer = post("/chat/default/messages", json={"text": "x"}, headers=headers)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert ada_in.client.post("/chat/default/messages", json={"text": "x"}).status_code == 403


def test_an_agent_that_is_none_is_told(ada_in: Browser) -> None:
    for path in ("/chat/other", f"/chat/{EVIL}", "/chat/other/events"):
        answer = ada_in.get(path)
        assert answer.status_code == 404
        assert "<script>alert" not in answer.text


def test_who_has_no_chat_yet_gets_reminders_here(ada_in: Browser, ada: Caller) -> None:
    """Those that are set on another page, before anything was said."""
    ada_in.open("/")
    set_reminder(UUID(ada.uuid), "errands:1", "Reminder: tea", NEW_YEAR)
    fire_due(NEW_YEAR)
    (delivery,) = select("deliveries")
    assert (delivery["channel"], delivery["sender"]) == ("chat", "web/default")


def test_who_has_a_chat_elsewhere_keeps_getting_them_there(ada_in: Browser, ada: Caller) -> None:
    address = {"platform": "discord", "agent": "default", "account_id": "1"}
    insert("chat_accounts", address | {"user_uuid": ada.uuid})
    ada_in.open("/")
    assert len(select("chat_accounts")) == 1
