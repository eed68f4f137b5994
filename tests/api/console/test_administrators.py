"""What is tried on the pages of administrators, by them, by others and by what is stored."""

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import sqlalchemy as sa

from core import agents, postgres, web_chats
from core.db.engine import transaction
from core.users import find_user_by_name, set_role
from tests.support.api import Caller
from tests.support.console import Browser
from tests.support.databases import on_sqlite

pytestmark = on_sqlite

EDIT = "/agents/of/helper"
ROLES = "/service/users"
TOKEN = "env:AGENT_HELPER_TOKEN"
OTHER_TOKEN = "env:AGENT_OTHER_TOKEN"
EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def helper(monkeypatch: pytest.MonkeyPatch, admin: Browser) -> None:
    """An agent of ada's, who is an administrator."""
    monkeypatch.setenv("AGENT_HELPER_TOKEN", "not-a-real-one-" + "t" * 40)
    monkeypatch.setenv("AGENT_OTHER_TOKEN", "not-a-real-two-" + "u" * 40)
    agents.add("helper", TOKEN, {"type": "echo", "settings": {"prefix": "a", "suffix": "b"}})


@pytest.fixture
def ben_in(browser: Callable[[], Browser], ben: Caller) -> Browser:
    """Another administrator."""
    set_role("ben", "admin")
    found = browser()
    assert found.sign_in("ben").status_code == 303
    return found


def told(page: str) -> str:
    """Return what a page says came of it."""
    found = re.search(r'<div class="result.*?<p>(.*?)</p>', page, re.DOTALL)
    return found[1] if found else ""


def spoil(column: str, value: str) -> None:
    """Write something into helper's row that no part of the program does."""
    statement = sa.text(f"UPDATE agents SET {column} = :value WHERE name = 'helper'")  # noqa: S608
    with transaction() as connection:
        connection.execute(statement, {"value": value})


def test_two_administrators_do_not_undo_each_others_work(admin: Browser, ben_in: Browser) -> None:
    first = {"settings.prefix": "ben's", "settings.suffix": "b", "revision": "1"}
    assert "Changed helper." in ben_in.send(EDIT, EDIT, **first)
    mine = {"settings.prefix": "a", "settings.suffix": "ada's", "revision": "1"}
    answer = admin.post(EDIT, EDIT, **mine)
    assert answer.status_code == 409
    assert "was changed by somebody else meanwhile" in answer.text
    assert 'value="ada&#39;s"' in answer.text
    assert 'name="revision" value="2"' in answer.text
    assert agents.find("helper")["settings"] == {"prefix": "ben's", "suffix": "b"}

    admin.send(EDIT, EDIT, **mine | {"revision": "2"})
    assert agents.find("helper")["settings"]["suffix"] == "ada's"
    assert ben_in.post("/undo", "/agents").status_code == 409  # of what ada has changed since
    assert agents.find("helper")["settings"]["suffix"] == "ada's"


def test_a_token_that_was_typed_is_shown_to_nobody(
    admin: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    typed = {"token": "MTIzNDU2.secret", "settings.prefix": "x" * 300}
    answer = admin.post(EDIT, EDIT, **typed)
    assert answer.status_code == 400
    assert "secret" not in answer.text + caplog.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_key_in_the_place_of_its_variable_is_not_shown_again(admin: Browser) -> None:
    agents.add("talker", OTHER_TOKEN, {"type": "llm", "settings": {"model": "m"}})
    page = "/agents/of/talker"
    answer = admin.post(page, page, **{"settings.api_key": "sk-12345", "settings.model": "n"})
    assert answer.status_code == 400
    assert "sk-12345" not in answer.text
    assert 'value="n"' in answer.text


@pytest.mark.parametrize("name", ["ADA", "\N{FULLWIDTH LATIN SMALL LETTER A}da", " ada "])
def test_nobody_takes_their_own_role_by_a_name_that_looks_like_it(
    admin: Browser, name: str
) -> None:
    assert "no user called" in admin.send(f"{ROLES}/role", ROLES, username=name, role="user")
    assert find_user_by_name("ada")["role"] == "admin"  # type: ignore[index]


def test_only_the_very_user_gets_a_role(admin: Browser, ben: Caller) -> None:
    for name in ("BEN", "", "/", "//", "ben/role", "..", "ben?", "ben\r\nX: y", "\0"):
        page = admin.send(f"{ROLES}/role", ROLES, username=name, role="admin")
        assert re.search("no user called|nothing at this address", told(page)), name
    assert find_user_by_name("ben")["role"] == "user"  # type: ignore[index]


def test_a_user_with_a_slash_in_the_name_has_a_role_too(
    admin: Browser, new_user: Callable[..., Caller]
) -> None:
    new_user("and/or")
    page = admin.send(f"{ROLES}/role", ROLES, username="and/or", role="admin")
    assert "and/or is an administrator." in page


def test_what_is_told_fits_into_a_cookie(admin: Browser) -> None:
    long = "".join(chr(0x4E00 + secrets.randbelow(20_000)) for _ in range(2000))
    answer = admin.post(f"{ROLES}/role", ROLES, username=long, role="admin")
    assert answer.status_code == 303
    assert max(len(one) for one in answer.headers.getlist("Set-Cookie")) < 4096
    assert "no user called" in admin.open(ROLES)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("settings", value) for value in ("null", "[]", "{", '{"prefix": {"a": [1]}}')),
        ("answers", "3"),
        ("type", EVIL),
        ("type", "gone"),
    ],
)
def test_one_broken_agent_hides_no_other_and_can_be_turned_off(
    admin: Browser, column: str, value: str
) -> None:
    agents.add("good", OTHER_TOKEN, {"type": "echo"})
    spoil(column, value)
    page = admin.open("/agents")
    assert "good" in page
    assert EVIL not in page
    assert EVIL not in admin.open(EDIT)
    admin.send(f"{EDIT}/switch", "/agents", enabled="false")
    assert not agents.find("helper")["enabled"]
    assert "Removed helper." in admin.send(f"{EDIT}/remove", "/agents")


def test_rules_that_cannot_be_read_let_nobody_in() -> None:
    spoil("answers", "[]")
    assert agents.find("helper")["answers"] == {"unreadable": True}
    assert "helper" not in web_chats.open_agents()
    with pytest.raises(ValueError, match="unreadable"):
        agents.edit("helper", {"enabled": True})


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "\N{ARABIC-INDIC DIGIT ONE}", "1_0"])
def test_only_plain_numbers_are_numbers(admin: Browser, value: str) -> None:
    agents.add("talker", OTHER_TOKEN, {"type": "llm", "settings": {"model": "m"}})
    page = "/agents/of/talker"
    for field in ("temperature", "history"):
        answer = admin.post(page, page, **{f"settings.{field}": value})
        assert answer.status_code == 400
        assert f"settings.{field}" in told(answer.text)
    assert agents.find("talker")["settings"] == {"model": "m"}


def test_a_line_end_in_a_setting_is_not_lost(admin: Browser) -> None:
    agents.edit("helper", {"settings": {"prefix": "a\nb"}})
    assert re.search(r'<textarea id="settings.prefix"[^>]*>a\nb</textarea>', admin.open(EDIT))


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize("year", [1, 9999])
def test_times_at_the_ends_of_time_are_shown(
    admin: Browser, ben: Caller, zone: str, year: int
) -> None:
    admin.send("/account", "/account", time_zone=zone)
    when = datetime(year, *((1, 1) if year == 1 else (12, 31, 23)), tzinfo=UTC)
    row = {"user_uuid": ben.uuid, "channel": "ntfy", "state": "dead", "text": "x"}
    times = {"due_at": when, "next_attempt_at": when, "settled_at": when}
    postgres.insert("deliveries", row | times)
    assert "<td>ben</td>" in admin.open("/service")


def test_a_thousand_agents_come_in_pages(admin: Browser) -> None:
    known = postgres.select_one("agents", {"name": "helper"})
    assert known is not None
    token = {"token": "sealed", "token_ref": None, "token_fingerprint": None}
    rows = [
        {**known, "id": uuid4(), "name": f"agent{number:04}", **token} for number in range(1000)
    ]
    with transaction() as connection:
        connection.execute(sa.insert(agents.agents), rows)
    for path in ("/agents", "/agents?cursor=agent0500", "/chat"):
        answer = admin.get(path, follow_redirects=True)
        assert answer.status_code == 200
        assert len(answer.data) < 100_000, path
    page = admin.open("/agents?cursor=agent0990")
    assert "helper" in page
    assert "agent0990" not in page.replace("cursor=agent0990", "")
    assert 'hx-get="/agents?cursor=agent0990"' in page  # and stays so, when it is renewed


@pytest.mark.parametrize("path", ["remove", "switch", ""])
def test_no_other_site_and_no_link_changes_an_agent(admin: Browser, path: str) -> None:
    target, token = f"{EDIT}/{path}".rstrip("/"), admin.csrf("/agents")
    for form, headers in (
        ({}, {}),
        ({"csrf": "x"}, {}),
        ({"csrf": token}, {"Origin": "http://evil.example"}),
        ({"csrf": token}, {"Origin": "null"}),
        ({"csrf": token}, {"Sec-Fetch-Site": "same-site"}),
    ):
        assert admin.client.post(target, data=form, headers=headers).status_code == 403
    assert (admin.get(target).status_code == 405) == bool(path)
    assert agents.find("helper")["revision"] == 1


def test_who_is_an_administrator_no_longer_is_refused_at_once(admin: Browser, ada: Caller) -> None:
    admin.send(f"{EDIT}/switch", "/agents", enabled="false")
    token = admin.csrf("/account")
    set_role("ada", "user")
    for path in ("/undo", f"{EDIT}/switch", f"{EDIT}/remove", f"{ROLES}/role", "/service/resend"):
        form = {"csrf": token, "enabled": "true", "username": "ada", "role": "admin"}
        assert admin.client.post(path, data=form).status_code == 403
    assert not agents.find("helper")["enabled"]
    assert find_user_by_name("ada")["role"] == "user"  # type: ignore[index]
    ada.post("/api/logout", {})
    renewed = admin.get("/agents", headers={"HX-Request": "true"})
    assert renewed.headers["HX-Redirect"] == "/login"


@pytest.mark.parametrize(
    "path",
    [
        "/agents/of/%0d%0aSet-Cookie:x",
        "/agents/of/%00",
        "/agents/of/%f0%9f%98%80",
        "/agents/of/" + "x" * 3000,
        "/agents/of/..%2f..%2fusers",
        "/agents/of/%ff",
        "/agents/new/%3Cscript%3E",
        "/agents?cursor=%00",
        "/agents?cursor=" + "x" * 3000,
        "/service?state=dead%00",
        "/service/users?cursor=%00",
        "/service/users?cursor=" + "x" * 3000,
    ],
)
def test_hostile_addresses_are_told_so(admin: Browser, path: str) -> None:
    answer = admin.get(path)
    assert answer.status_code in (400, 404)
    assert "<script>" not in answer.text
    assert "Set-Cookie:x" not in str(answer.headers)
