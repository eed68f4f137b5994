"""The account's page: what is shown, changed, taken along and forgotten."""

import json
import re
from collections.abc import Callable

from core import users
from core.agents import memory
from core.agents.memory import Turn
from core.agents.tables import ChatAddress
from core.postgres import insert, select
from tests.support.api import Caller
from tests.support.console import Browser
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD
from tests.support.waiting import Clock

pytestmark = on_sqlite

PAGE = "/account"
EVIL = "<img src=x onerror=alert(1)>"
ORDER = {"interaction_type": "errand", "action": "show"}


def test_names_and_zones_are_changed_with_an_undo(ada_in: Browser, ada: Caller) -> None:
    page = ada_in.send(PAGE, PAGE, display_name="Ada L.", time_zone="Asia/Tokyo")
    assert "Saved." in page
    assert users.find_user(ada.uuid)["time_zone"] == "Asia/Tokyo"
    ada_in.send("/undo", PAGE)
    assert users.find_user(ada.uuid)["time_zone"] is None
    assert "no such time zone" in ada_in.send(PAGE, PAGE, time_zone="Mars/Olympus")
    assert "Nothing was changed" in ada_in.send(PAGE, PAGE, time_zone="")


def test_names_are_text(ada_in: Browser) -> None:
    page = ada_in.send(PAGE, PAGE, display_name=EVIL)
    assert "<img" not in page
    assert "&lt;img" in page


def test_a_new_password_keeps_this_session_and_ends_the_others(
    ada_in: Browser, browser: Callable[[], Browser]
) -> None:
    other = browser()
    other.sign_in("ada")
    wrong = {"password": "a new password", "current_password": "wrong"}
    assert "The password is wrong." in ada_in.send(f"{PAGE}/password", PAGE, **wrong)
    good = wrong | {"current_password": PASSWORD}

    page = ada_in.send(f"{PAGE}/password", PAGE, **good)

    assert "Your password is changed." in page
    assert "a new password" not in page
    assert other.get("/chat").status_code == 303


def test_what_was_used_is_shown(ada_in: Browser) -> None:
    page = ada_in.open(PAGE)
    assert re.search(r'<meter value="0" max="\d+"', page)


def test_an_agent_forgets_a_user_and_nobody_else(
    ada_in: Browser, ada: Caller, ben: Caller, clock: Clock
) -> None:
    said = [Turn("user", "my secret"), Turn("assistant", "noted")]
    for who in (ada, ben):
        address = {"platform": "web", "agent": "helper", "account_id": str(who.uuid)}
        insert("chat_accounts", address | {"user_uuid": who.uuid, "logged_in": True})
        memory.append(ChatAddress("web", "helper", str(who.uuid)), said, clock())
    assert "helper" in ada_in.open(PAGE)

    page = ada_in.send(f"{PAGE}/memory/helper/forget", PAGE)

    assert "helper has forgotten" in page
    assert "No agent remembers" in page
    left = select("agent_turns")
    assert {str(row["user_uuid"]) for row in left} == {ben.uuid}
    times = memory.read(ChatAddress("web", "helper", ada.uuid), clock()).times_forgotten
    assert times == 1  # what is being answered is not remembered afterwards


def test_a_phrase_is_forgotten_with_an_undo(ada_in: Browser, ada: Caller, ben: Caller) -> None:
    made = [
        who.post("/api/phrases", {"phrase": f"tea {EVIL}", "orders": [ORDER]}).json
        for who in (ada, ben)
    ]
    page = ada_in.open(PAGE)
    assert "&lt;img" in page
    assert "<img" not in page
    assert ada_in.post(f"{PAGE}/phrases/{made[1]['id']}/forget", PAGE).status_code == 404
    ada_in.send(f"{PAGE}/phrases/{made[0]['id']}/forget", PAGE)
    assert ada.get("/api/phrases").json == []
    ada_in.send("/undo", PAGE)
    assert ada.get("/api/phrases").json[0]["orders"] == [ORDER]
    assert len(ben.get("/api/phrases").json) == 1


def test_a_token_for_programs_is_shown_once(ada_in: Browser, ada: Caller) -> None:
    answer = ada_in.post(f"{PAGE}/token", PAGE)
    shown = re.search(r"<pre[^>]*>([\w.-]+)</pre>", answer.text)
    assert shown is not None
    assert ada.with_token(shown[1]).get(f"/api/user/{ada.uuid}").status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


def test_everything_is_taken_along_but_secrets(ada_in: Browser, ada: Caller, ben: Caller) -> None:
    hook = "https://discord.com/api/webhooks/1/very-secret"
    for who in (ada, ben):
        who.put("/api/notifications", {"discord_webhook": hook, "ntfy_topic": "t-" + who.username})
        for number in range(501):
            insert("errands", {"user_uuid": who.uuid, "name": f"{who.username} {number}"})
        who.post("/api/login/codes")

    answer = ada_in.get(f"{PAGE}/data")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    data = json.loads(answer.data)
    assert data["users"][0]["username"] == "ada"
    assert len({row["name"] for row in data["errands"]}) == 501
    assert data["notifications"][0]["ntfy_topic"] == "t-ada"
    assert "login_codes" not in data
    assert "ben" not in answer.text
    for secret in ("very-secret", "password_hashed", "$2b$", "token_version"):
        assert secret not in answer.text


def test_an_account_is_deleted_by_its_password_alone(ada_in: Browser, ada: Caller) -> None:
    assert "password is wrong" in ada_in.send(f"{PAGE}/delete", PAGE, password="no")
    assert users.find_user(ada.uuid) is not None
    answer = ada_in.post(f"{PAGE}/delete", PAGE, password=PASSWORD)
    assert answer.headers["Location"] == "/login"
    assert users.find_user(ada.uuid) is None
    assert ada_in.get("/chat").status_code == 303
