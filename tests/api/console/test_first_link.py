"""The link of `make run`: good once, on this machine, in development."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.console import first_link
from config.settings import Settings
from core import users
from tests.support.api import Caller
from tests.support.console import Browser
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD

pytestmark = on_sqlite


@pytest.fixture
def link(settings: Settings) -> Iterator[str]:
    made = first_link.make(settings, "http://127.0.0.1:8080")
    assert made is not None
    yield made.removeprefix("http://127.0.0.1:8080")
    first_link._link.code_hash = ""


def code_of(link: str) -> str:
    return link.partition("=")[2]


def test_in_a_fresh_database_it_makes_the_first_account(visitor: Browser, link: str) -> None:
    assert "Nobody has an account yet" in visitor.open(link)
    fields = {"code": code_of(link), "username": "carl", "password": PASSWORD}
    fields["time_zone"] = "Asia/Tokyo"

    assert visitor.post("/first", link, **{**fields, "password": "x"}).status_code == 400
    assert visitor.post("/first", link, **fields).status_code == 303

    assert 'data-user="' in visitor.open("/")
    assert users.list_users("admin")[0]["username"] == "carl"
    assert users.find_user_by_name("carl")["time_zone"] == "Asia/Tokyo"


def test_it_signs_in_who_registered_first_and_once(
    browser: Callable[[], Browser], ada: Caller, ben: Caller, link: str
) -> None:
    visitor, other = browser(), browser()
    assert "Sign in as ada" in visitor.open(link)
    assert visitor.get("/").headers["Location"] == "/login"  # to open it signs nobody in

    csrf = other.csrf(link)
    assert visitor.post("/first", link, code=code_of(link)).status_code == 303
    assert [row["username"] for row in users.list_users("admin")] == ["ada"]

    refused = other.client.post("/first", data={"csrf": csrf, "code": code_of(link)})
    assert refused.headers["Location"] == "/login"
    assert "This link is not good" in other.open(link)


def test_it_prefers_who_is_an_administrator(
    visitor: Browser, ada: Caller, ben: Caller, link: str
) -> None:
    users.set_role("ben", "admin")
    assert "Sign in as ben" in visitor.open(link)


def test_two_at_once_are_one(browser: Callable[[], Browser], link: str) -> None:
    visitors = [browser() for _ in range(4)]
    forms = [{"csrf": one.csrf(link), "code": code_of(link)} for one in visitors]

    def press(number: int) -> str:
        more = {"username": f"carl{number}", "password": PASSWORD}
        answer = visitors[number].client.post("/first", data=forms[number] | more)
        return str(answer.headers.get("Location"))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(press, range(4)))

    assert answers.count("/") == 1
    assert len(users.list_users("admin")) == 1


@pytest.mark.parametrize("code", ["", "guess", "\xff", "\N{PILE OF POO}"])
def test_another_code_is_none(visitor: Browser, ada: Caller, link: str, code: str) -> None:
    assert visitor.get("/first", query_string={"code": code}).headers["Location"] == "/login"
    assert visitor.post("/first", code=code, username="x", password=PASSWORD).status_code == 303
    assert users.list_users("admin") == []


def test_it_is_taken_from_this_machine_alone(visitor: Browser, ada: Caller, link: str) -> None:
    for address in ("192.168.1.7", "203.0.113.5", "", "::ffff:203.0.113.5"):
        answer = visitor.get(link, environ_base={"REMOTE_ADDR": address})
        assert answer.headers["Location"] == "/login"


def test_no_process_that_was_not_asked_has_one(visitor: Browser) -> None:
    assert visitor.get("/first?code=").headers["Location"] == "/login"


@pytest.mark.parametrize(
    "change",
    [
        {"app_env": "production"},
        {"console": False},
        {"api_host": "0.0.0.0"},  # noqa: S104
        {"api_host": "192.168.1.7"},
    ],
)
def test_where_others_may_come_there_is_none(
    visitor: Browser, settings: Settings, change: dict[str, object]
) -> None:
    assert first_link.make(settings.model_copy(update=change), "http://x") is None


def test_the_code_itself_is_not_kept(visitor: Browser, link: str) -> None:
    assert re.fullmatch("[0-9a-f]{64}", first_link._link.code_hash)
