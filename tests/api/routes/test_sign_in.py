"""Logging in by an account of a platform, linking it, and codes that are good once."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from apiflask import APIFlask

from api.main import create_app
from config.settings import Settings
from core.db.engine import Database
from core.postgres import select
from tests.support.api import Caller
from tests.support.people import PASSWORD
from tests.support.waiting import Clock

pytestmark = pytest.mark.every_database

ACCOUNT = {"platform": "discord", "agent": "default", "account_id": "1234"}
NAMES = {"username": "ada.l", "display_name": "Ada"}
NEW = "another good password"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"sign_in": ("password", "discord"), "public_url": "https://bot.example"}
    )


def sign_in(bot: Caller, **more: str) -> Caller:
    """Sign in by an account; return who that is, with the chat's token."""
    answer = bot.post("/api/service/sign-in", {**ACCOUNT, **NAMES, **more})
    assert answer.status_code == 201, answer.json
    user = bot.with_token(answer.json["token"])
    user.uuid, user.username = answer.json["user_uuid"], answer.json["username"]
    return user


def who_is_there(bot: Caller, **more: str) -> str | None:
    (found,) = bot.post("/api/service/tokens", {"accounts": [{**ACCOUNT, **more}]}).json["sessions"]
    return found and str(found["username"])


def test_an_account_gets_a_user_of_its_own_and_keeps_it(bot: Caller) -> None:
    first = sign_in(bot)
    assert first.username == "ada.l"
    again = sign_in(bot, agent="another", username="renamed")
    assert (again.uuid, again.username) == (first.uuid, "ada.l")
    account: Any = first.get(f"/api/user/{first.uuid}").json
    assert (account["display_name"], account["has_password"]) == ("Ada", False)


@pytest.mark.parametrize(
    ("username", "given"),
    [
        ("ada", "ada-2"),
        ("\u0430da", "user-1234"),
        ("\u200b", "user-1234"),
        ("a:\u0431", "user-1234"),
    ],
)
def test_a_name_that_is_taken_or_refused_becomes_another(
    bot: Caller, ada: Caller, username: str, given: str
) -> None:
    assert ada.username == "ada"
    assert sign_in(bot, username=username).username == given


def test_who_logged_in_with_a_password_from_there_stays_who_they_are(
    bot: Caller, ada: Caller
) -> None:
    bot.post("/api/service/links", {**ACCOUNT, "token": ada.token})
    assert sign_in(bot, agent="another").username == "ada"


def test_nobody_logs_in_without_a_password_where_the_account_has_none(bot: Caller) -> None:
    user = sign_in(bot)
    for password in ("", "!", "nobody has this password", PASSWORD):
        body = {"username": user.username, "password": password}
        assert bot.post("/api/login", body).status_code in (400, 401)


def test_only_the_platforms_that_are_allowed(bot: Caller, nobody: Caller, app: APIFlask) -> None:
    for platform in ("console", "password", "mcp"):
        body = {**ACCOUNT, **NAMES, "platform": platform}
        assert bot.post("/api/service/sign-in", body).status_code == 403
    assert nobody.post("/api/service/sign-in", {**ACCOUNT, **NAMES}).status_code == 401
    user = sign_in(bot)
    app.extensions["settings"] = app.extensions["settings"].model_copy(
        update={"sign_in": ("password",)}
    )
    assert bot.post("/api/service/sign-in", {**ACCOUNT, **NAMES}).status_code == 403
    link = {"username": "ada", "password": PASSWORD}
    assert user.put("/api/identity", link).status_code == 403
    assert user.delete("/api/identity").status_code == 403


def test_an_account_is_linked_to_another_user_and_has_its_own_back_afterwards(
    bot: Caller, ada: Caller
) -> None:
    own = sign_in(bot)
    sign_in(bot, agent="another")
    wrong = {"username": "ada", "password": "wrong password"}
    assert own.put("/api/identity", wrong).status_code == 401
    assert who_is_there(bot) == "ada.l"
    right = {"username": "ada", "password": PASSWORD}
    assert own.put("/api/identity", right).status_code == 200
    assert who_is_there(bot) == who_is_there(bot, agent="another") == "ada"
    linked = sign_in(bot, agent="third")
    assert linked.uuid == ada.uuid
    assert linked.delete("/api/identity").status_code == 200
    assert who_is_there(bot) is None
    assert sign_in(bot).uuid == own.uuid
    assert sign_in(bot).delete("/api/identity").status_code == 404
    assert ada.put("/api/identity", right).status_code == 403  # from no chat


def test_a_new_password_ends_the_links_of_other_accounts(bot: Caller, ada: Caller) -> None:
    right = {"username": "ada", "password": PASSWORD}
    for account_id, name in (("thief", "thief"), ("hers", "hers")):
        account = sign_in(bot, account_id=account_id, username=name)
        assert account.put("/api/identity", right).status_code == 200
    here = sign_in(bot, account_id="hers")
    body = {"password": NEW, "current_password": PASSWORD}
    assert here.put(f"/api/user/{ada.uuid}", body).status_code == 200
    assert sign_in(bot, account_id="hers").username == "ada"
    assert sign_in(bot, account_id="thief").username == "thief"


def test_who_has_no_password_sets_one_or_deletes_the_account_in_the_chat_alone(
    bot: Caller, nobody: Caller
) -> None:
    user = sign_in(bot)
    code = user.post("/api/login/codes").json["code"]
    elsewhere = nobody.with_token(nobody.post("/api/login/code", {"code": code}).json["token"])
    path = f"/api/user/{user.uuid}"
    assert elsewhere.put(path, {"password": NEW}).status_code == 400
    assert elsewhere.delete(path, {}).status_code == 400
    assert user.put(path, {"password": NEW}).status_code == 200
    login = {"username": user.username, "password": NEW}
    assert nobody.post("/api/login", login).status_code == 200
    user = sign_in(bot)
    assert user.put(path, {"password": "a third password"}).status_code == 400
    assert user.delete(path, {}).status_code == 400
    assert user.delete(path, {"password": NEW}).status_code == 200
    fresh = sign_in(bot)
    assert fresh.uuid != user.uuid
    assert fresh.delete(f"/api/user/{fresh.uuid}", {}).status_code == 200


def test_a_code_is_good_once_for_five_minutes(ada: Caller, nobody: Caller, clock: Clock) -> None:
    def make() -> str:
        answer = ada.post("/api/login/codes")
        assert answer.status_code == 201
        assert answer.json["url"] == f"https://bot.example/login?code={answer.json['code']}"
        return str(answer.json["code"])

    def statuses(*codes: str) -> list[int]:
        return [nobody.post("/api/login/code", {"code": code}).status_code for code in codes]

    first, second = make(), make()
    assert statuses(first, second, second, "", "x", second[:-1]) == [401, 200, 401, 401, 401, 401]
    late = make()
    assert late not in str(select("login_codes"))
    clock.forward(minutes=5)
    assert statuses(late) == [401]
    assert nobody.post("/api/login/codes").status_code == 401


def test_many_at_once_get_one_token_out_of_a_code_and_one_user_out_of_an_account(
    app: APIFlask, ada: Caller, bot: Caller
) -> None:
    code = ada.post("/api/login/codes").json["code"]

    def redeem(_: int) -> int:
        with app.test_client() as client:
            return client.post("/api/login/code", json={"code": code}).status_code

    def arrive(number: int) -> str:
        with app.test_client() as client:
            body = {**ACCOUNT, **NAMES, "agent": f"agent {number % 2}"}
            for _ in range(20):
                answer = client.post("/api/service/sign-in", json=body, headers=bot.headers)
                if answer.status_code != 503:  # a deadlock, of which MySQL ends one side
                    break
            return str(answer.json["user_uuid"])

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(redeem, range(8))) == [200, *[401] * 7]
        assert len(set(pool.map(arrive, range(8)))) == 1
    assert len(select("users")) == 2


def test_without_the_console_a_page_takes_a_code_when_its_button_is_pressed(
    ada: Caller, settings: Settings, database: Database
) -> None:
    app = create_app(settings.model_copy(update={"console": False}), database)
    nobody = Caller(app.test_client())
    code = ada.post("/api/login/codes").json["code"]
    page = nobody.get("/login", code=code)
    assert page.content_type.startswith("text/html")
    assert "script" not in page.headers["Content-Security-Policy"]
    assert f'value="{code}"' in page.text
    assert "<img" not in nobody.get("/login", code='"><img src=x>').text
    shown = nobody.client.post("/login", data={"code": code})
    token = re.search("<pre>(.*)</pre>", shown.text)
    assert token is not None
    assert ada.with_token(token[1]).get(f"/api/user/{ada.uuid}").status_code == 200
    assert nobody.client.post("/login", data={"code": code}).status_code == 401
