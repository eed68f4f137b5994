"""The agents in the console: administrators add, change, switch and remove them."""

from uuid import UUID

import pytest

from core import agents
from core.accounts import chat_links
from core.agents import activity, knowledge, memory
from core.agents.tables import ChatAddress
from core.web_chats import trials
from runtime.clock import utc_now
from tests.support.api import Caller
from tests.support.console import Browser
from tests.support.databases import on_sqlite
from tests.support.waiting import Clock

pytestmark = on_sqlite

PAGE = "/agents"
TOKEN = "env:AGENT_HELPER_TOKEN"
EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_HELPER_TOKEN", "not-a-real-one-" + "t" * 40)


def add(admin: Browser, **more: object) -> str:
    fields = {"name": "helper", "token": TOKEN, "enabled": "true", **more}
    return admin.send(f"{PAGE}/new/echo", f"{PAGE}/new/echo", **fields)


def test_an_agent_is_added_changed_switched_and_removed(admin: Browser) -> None:
    assert "There are no agents yet." in admin.open(PAGE)
    assert "Added helper." in add(admin, **{"settings.prefix": "You said: "})
    found = agents.find("helper")
    assert (found["settings"], found["enabled"]) == ({"prefix": "You said: "}, True)

    edit = f"{PAGE}/of/helper"
    assert 'value="You said: "' in admin.open(edit)
    fields = {"settings.prefix": "Hm: ", "answers.mention": "false", "answers.roles": "42\r\n43"}
    assert "Changed helper." in admin.send(edit, edit, **fields)
    found = agents.find("helper")
    assert found["settings"] == {"prefix": "Hm: "}
    assert found["answers"] == {"mention": False, "roles": ["42", "43"]}
    assert found["token"] == TOKEN

    admin.send("/undo", PAGE)
    assert agents.find("helper")["answers"] == {}
    admin.send(edit, edit, **{"settings.prefix": ""})
    assert agents.find("helper")["settings"] == {}

    assert "is turned off" in admin.send(f"{edit}/switch", PAGE, enabled="false")
    assert not agents.find("helper")["enabled"]
    assert "Removed helper." in admin.send(f"{edit}/remove", PAGE)
    assert agents.list_all() == []


def test_what_a_form_does_not_show_stays(admin: Browser) -> None:
    server = {"name": "calendar", "url": "https://mcp.example.com/mcp", "tools": ["list"]}
    settings = {"model": "m", "temperature": 0.5, "mcp_servers": [server]}
    agents.add("talker", TOKEN, {"type": "llm", "settings": settings})
    edit = f"{PAGE}/of/talker"
    page = admin.open(edit)
    assert "Not shown, and kept as they are: mcp_servers" in page
    fields = {"settings.model": "n", "settings.temperature": "0.7", "settings.max_tokens": "200"}
    admin.send(edit, edit, **fields)
    assert agents.find("talker")["settings"] == {
        **settings,
        "model": "n",
        "temperature": 0.7,
        "max_tokens": 200,
    }


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": EVIL}, "name"),
        ({"token": "env:no name"}, "token"),
        ({"settings.prefix": "x" * 201}, "longer than 200 characters"),
        ({"answers.roles": "nobody"}, "answers"),
    ],
)
def test_what_is_refused_is_said_and_nothing_typed_is_lost(
    admin: Browser, fields: dict[str, str], told: str
) -> None:
    given = {"name": "helper", "token": TOKEN, "settings.suffix": "kept", **fields}
    answer = admin.post(f"{PAGE}/new/echo", f"{PAGE}/new/echo", **given)
    assert answer.status_code in (400, 422), answer.text
    assert told in answer.text
    assert 'value="kept"' in answer.text
    assert EVIL not in answer.text
    assert TOKEN not in answer.text
    assert agents.list_all() == []


def test_nobody_else_sees_or_changes_them(ada_in: Browser) -> None:
    agents.add("helper", TOKEN, {"type": "echo"})
    assert 'href="/agents"' not in ada_in.open("/")
    for path in (PAGE, f"{PAGE}/new/echo", f"{PAGE}/of/helper"):
        assert ada_in.get(path).status_code == 403
    for path in (f"{PAGE}/of/helper", f"{PAGE}/of/helper/switch", f"{PAGE}/of/helper/remove"):
        assert ada_in.post(path, "/account").status_code == 403
    assert agents.find("helper")["enabled"]


def test_unknown_ones_are_told(admin: Browser) -> None:
    for path in (f"{PAGE}/new/parrot", f"{PAGE}/of/nobody"):
        assert admin.get(path).status_code == 404


def test_an_agent_tells_what_it_does_remembers_and_looks_up(
    admin: Browser, ben: Caller, clock: Clock
) -> None:
    agents.add("helper", TOKEN, {"type": "echo", "answers": {"direct_messages": "off"}})
    now = clock()
    activity.note([activity.Line("helper", now, "ERROR", EVIL)], {"helper": 4}, now)
    chat_links.link(UUID(ben.uuid), platform="discord", agent="helper", account_id="77")
    for account in ("77", EVIL):
        said = [memory.Turn("user", "my secret")]
        memory.append(ChatAddress("discord", "helper", account), said, now)
    for document in ("a/b.md", EVIL):
        knowledge.put("helper", document, [knowledge.Passage("", "words")])

    assert "<td>4</td>" in admin.open(PAGE)
    about = f"{PAGE}/about/helper"
    page = admin.open(about)
    for words in ("no direct messages", "<td>ben</td>", "a/b.md", "&lt;script&gt;"):
        assert words in page
    assert EVIL not in page
    assert "my secret" not in page

    whom = {"user_uuid": ben.uuid, "platform": "discord", "account_id": "77"}
    assert "has forgotten them: 1 rows" in admin.send(f"{about}/forget", about, **whom)
    whom = {"platform": "discord", "account_id": EVIL}
    assert "has forgotten them: 1 rows" in admin.send(f"{about}/forget", about, **whom)
    assert "It remembers nobody." in admin.open(about)
    for document in ("a/b.md", EVIL):
        admin.send(f"{about}/documents/remove", about, document=document)
    assert "It has no documents." in admin.open(about)
    assert admin.post(f"{about}/documents/remove", about, document="gone").status_code == 404
    assert admin.post(f"{about}/forget", about, user_uuid="x").status_code == 400


def test_nobody_else_looks_into_an_agent(ada_in: Browser, ada: Caller) -> None:
    agents.add("helper", TOKEN, {"type": "echo"})
    about = f"{PAGE}/about/helper"
    assert ada_in.get(about).status_code == 403
    for path in ("forget", "documents/remove"):
        assert ada_in.post(f"{about}/{path}", "/account").status_code == 403
    for path in ("", "/memory", "/documents"):
        assert ada.get(f"/api/operations/agents/helper{path}").status_code == 403
    assert ada.post("/api/operations/agents/helper/forget", {}).status_code == 403
    assert ada.delete("/api/operations/agents/helper/documents?name=x").status_code == 403


def test_settings_are_tried_before_they_are_saved(admin: Browser, ada: Caller) -> None:
    new = f"{PAGE}/new/echo"
    assert 'formtarget="trial"' in admin.open(new)
    chat = admin.send(f"{PAGE}/try/echo", new, **{"settings.prefix": "Hm: "})
    assert "You are trying settings that are not saved." in chat
    tried = trials.going_on(utc_now())[trials.name_of(UUID(ada.uuid))]
    assert (tried["type"], tried["settings"]) == ("echo", {"prefix": "Hm: "})
    assert agents.list_all() == []

    assert "The trial has ended." in admin.send(f"{PAGE}/try/end", PAGE)
    assert admin.get(f"/chat/{trials.name_of(UUID(ada.uuid))}").status_code == 404


def test_a_saved_agent_is_tried_with_what_its_form_does_not_show(admin: Browser) -> None:
    server = {"name": "calendar", "url": "https://mcp.example.com/mcp", "tools": ["list"]}
    settings = {"model": "m", "temperature": 0.5, "mcp_servers": [server]}
    agents.add("helper", TOKEN, {"type": "llm", "settings": settings})
    tried = {"settings.model": "other", "settings.temperature": "0.5"}
    admin.send(f"{PAGE}/try/llm?name=helper", f"{PAGE}/of/helper", **tried)
    (trial,) = trials.going_on(utc_now()).values()
    assert trial["settings"] == settings | {"model": "other"}
    assert agents.find("helper")["settings"] == settings

    refused = admin.post(f"{PAGE}/try/llm?name=helper", **{"settings.temperature": "7"})
    assert (refused.status_code, "settings.temperature: 7" in refused.text) == (400, True)
    admin.send(f"{PAGE}/of/helper", f"{PAGE}/of/helper", **tried)
    assert trials.going_on(utc_now()) == {}, "it is saved now"
