"""Signing in and out, and what is done to keep others out."""

import re
from collections.abc import Callable

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.console.session import safe_path
from api.http.security import TOKEN
from api.main import create_app
from config.settings import Settings
from core import users
from core.db.engine import Database
from tests.support.api import Caller
from tests.support.console import Browser
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD

pytestmark = on_sqlite

Start = Callable[[], Browser]
SIGNED_IN = "Sign out"


def cookie(browser: Browser, name: str = "console") -> str:
    found = browser.client.get_cookie(name)
    return found.value if found else ""


def test_name_and_password_sign_in_and_lead_back(visitor: Browser, ada: Caller) -> None:
    first = visitor.get("/")
    assert first.status_code == 303
    assert first.headers["Location"] == "/login"

    answer = visitor.sign_in("ada")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert SIGNED_IN in visitor.open("/")


def test_a_wrong_password_is_told_and_kept_out_of_the_page(visitor: Browser, ada: Caller) -> None:
    answer = visitor.post("/login", username="ada", password="wrong-one")

    assert answer.status_code == 401
    assert "The user name or the password is wrong." in answer.text
    assert 'value="ada"' in answer.text
    assert "wrong-one" not in answer.text
    assert visitor.get("/").status_code == 303


def test_wrong_passwords_slow_down_here_as_over_the_api(visitor: Browser, ada: Caller) -> None:
    answers = [visitor.post("/login", username="ada", password="no") for _ in range(8)]

    assert answers[-1].status_code == 429
    assert "Please wait" in answers[-1].text


def test_a_new_account_is_signed_in(visitor: Browser) -> None:
    answer = visitor.post("/register", username="carl", password=PASSWORD, time_zone="No/Zone")

    assert answer.status_code == 303  # the zone of a browser that knows more than the server
    assert SIGNED_IN in visitor.open("/")
    again = visitor.post("/register", username="carl", password=PASSWORD)
    assert again.status_code == 409
    assert "This user name is taken" in again.text


def test_a_link_signs_in_once_and_not_by_being_opened(browser: Start, ada: Caller) -> None:
    code = ada.post("/api/login/codes").json["code"]
    one, other = browser(), browser()
    assert code in one.open(f"/login?code={code}")
    assert one.get("/").status_code == 303  # a preview signs nobody in

    assert one.post("/login", code=code).status_code == 303
    assert SIGNED_IN in one.open("/")

    refused = other.post("/login", code=code)
    assert refused.status_code == 401
    assert other.get("/").status_code == 303


def test_signing_out_ends_the_session_for_whoever_has_the_cookie(
    ada_in: Browser, browser: Start
) -> None:
    stolen = cookie(ada_in)
    ada_in.send("/logout", "/chat")

    assert ada_in.get("/").status_code == 303
    thief = browser()
    thief.client.set_cookie("console", stolen)
    assert thief.get("/").status_code == 303


@pytest.mark.parametrize("how", ["password", "log out over the API", "deleted"])
def test_a_session_ends_with_the_tokens(ada_in: Browser, ada: Caller, how: str) -> None:
    match how:
        case "password":
            change = {"password": "another-password", "current_password": PASSWORD}
            assert ada.put(f"/api/user/{ada.uuid}", change).status_code == 200
        case "log out over the API":
            ada.post("/api/logout")
        case _:
            users.delete_user(ada.uuid)

    assert ada_in.get("/").headers["Location"] == "/login"


def test_the_cookie_is_for_the_browser_and_this_site_alone(
    browser: Start, ada: Caller, client: FlaskClient
) -> None:
    plain, secure = browser(), browser()
    plain.get("/login")
    answer = plain.sign_in("ada")
    attributes = {part.strip() for part in answer.headers["Set-Cookie"].split(";")[1:]}
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= attributes
    assert "Secure" not in attributes

    page = secure.client.get("/login", base_url="https://bot.example.com")
    written = page.headers["Set-Cookie"]
    assert written.startswith("__Host-console=")
    assert "Secure" in written
    assert "Domain" not in written


def test_the_api_does_not_take_the_cookie(ada_in: Browser, ada: Caller) -> None:
    for method, path in (
        ("GET", "/api/notifications"),
        ("POST", "/api/logout"),
        ("POST", "/api/login/codes"),
        ("PUT", "/api/notifications"),
    ):
        assert ada_in.client.open(path, method=method, json={}).status_code == 401
    assert SIGNED_IN in ada_in.open("/")


def test_the_api_sets_no_cookie_and_reads_none(ada_in: Browser, ada: Caller) -> None:
    headers = {**ada.headers, "Cookie": f"console={cookie(ada_in)}"}
    for method, path in (("GET", "/api/notifications"), ("POST", "/api/login"), ("GET", "/api/x")):
        answer = ada_in.client.open(path, method=method, headers=headers, json={})
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")


def test_where_people_log_in_by_discord_alone_no_password_is_asked_for(
    settings: Settings, database: Database
) -> None:
    app = create_app(settings.model_copy(update={"sign_in": ("discord",)}), database)
    page = app.test_client().get("/login").text
    assert "send me a log-in link" in page
    assert "password" not in page


def test_the_console_does_not_take_a_bearer_token(ada: Caller) -> None:
    assert ada.get("/").status_code == 303


def test_what_is_known_before_is_not_the_session_afterwards(visitor: Browser, ada: Caller) -> None:
    """Session fixation: whoever planted the cookie, or the form's token, learns nothing by it."""
    planted = visitor.csrf()
    before = cookie(visitor)
    visitor.sign_in("ada")

    assert cookie(visitor) != before
    assert visitor.csrf("/chat") != planted
    assert visitor.client.post("/logout", data={"csrf": planted}).status_code == 403
    visitor.client.set_cookie("console", before)
    assert visitor.get("/").status_code == 303


def test_a_cookie_of_ones_own_making_is_none(visitor: Browser, ada: Caller) -> None:
    for made in ("", "x", "eyJ0b2tlbiI6IngifQ.x.x", ada.token, "a" * 4000, "\xff"):
        visitor.client.set_cookie("console", made)
        assert visitor.get("/").status_code == 303
        assert visitor.get("/login").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_forms_of_other_origins_are_refused(
    ada_in: Browser, visitor: Browser, headers: dict[str, str]
) -> None:
    """Even where the site knows the token, and the browser sends the cookie."""
    for browser, path, fields in (
        (ada_in, "/logout", {}),
        (visitor, "/login", {"username": "ada", "password": PASSWORD}),
    ):
        form = {"csrf": browser.csrf("/login"), **fields}
        assert browser.client.post(path, data=form, headers=headers).status_code == 403
    assert SIGNED_IN in ada_in.open("/")


def test_forms_from_here_are_taken(ada_in: Browser) -> None:
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    form = {"csrf": ada_in.csrf("/chat")}
    assert ada_in.client.post("/logout", data=form, headers=headers).status_code == 303


def test_every_form_needs_its_token(app: APIFlask, ada_in: Browser, visitor: Browser) -> None:
    posts = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("console.") and "POST" in (rule.methods or ())
    ]
    assert "/logout" in posts
    for browser in (ada_in, visitor):
        for path in posts:
            path = re.sub(r"<uuid:\w+>", "00000000-0000-4000-8000-000000000000", path)
            path = re.sub(r"<(\w+:)?\w+>", "x", path)
            for form in ({}, {"csrf": ""}, {"csrf": "guess"}, {"csrf": visitor.csrf() + "x"}):
                status = browser.client.post(path, data=form).status_code
                assert status in (303, 403), (path, form)
                if status == 303:  # nobody is signed in: that is asked for first
                    assert browser is visitor
    assert SIGNED_IN in ada_in.open("/")


def test_every_page_but_those_to_sign_in_asks_who_it_is(app: APIFlask, visitor: Browser) -> None:
    public = set()
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("console.") or rule.endpoint == "console.asset":
            continue
        view = app.view_functions[rule.endpoint]
        assert TOKEN in view.__dict__, f"{rule.endpoint} does not say who may see it"
        path = re.sub(r"<uuid:\w+>", "00000000-0000-4000-8000-000000000000", rule.rule)
        path = re.sub(r"<(\w+:)?\w+>", "x", path)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            answer = visitor.client.open(path, method=method)
            if answer.status_code != 303 or not answer.headers["Location"].startswith("/login"):
                public.add((method, path))
    assert public == {
        ("GET", "/login"),
        ("POST", "/login"),
        ("GET", "/register"),
        ("POST", "/register"),
        ("POST", "/logout"),
        ("POST", "/first"),
    }


@pytest.mark.parametrize("page", ["/login", "/register", "/", "/nothing", "/assets/console.css"])
def test_no_page_can_be_framed_or_run_what_is_not_ours(ada_in: Browser, page: str) -> None:
    answer = ada_in.get(page)
    policy = answer.headers.getlist("Content-Security-Policy")
    assert len(policy) == 1
    assert "frame-ancestors 'none'" in policy[0]
    assert "default-src 'none'" in policy[0]
    assert "unsafe" not in policy[0]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_pages_hold_no_script_and_no_style_of_their_own(ada_in: Browser) -> None:
    for path in ("/chat", "/login", "/register"):
        page = ada_in.open(path)
        assert re.findall(r"<script(?! src=\"/assets/)", page) == []
        assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", page) == []
        assert set(re.findall(r'(?:src|href)="(https?:|//)', page)) == set()


HOSTILE = [
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "javascript:alert(1)",
    "https:evil.example",
    " /x",
    "",
    "///evil.example",
    "//evil.example\\@localhost",
]


@pytest.mark.parametrize("target", HOSTILE)
def test_signing_in_leads_to_no_other_site(visitor: Browser, ada: Caller, target: str) -> None:
    assert safe_path(target) == "/"
    answer = visitor.post("/login", username="ada", password=PASSWORD, next=target)
    assert answer.headers["Location"] == "/"


def test_signing_in_leads_to_the_page_that_was_asked_for(visitor: Browser, ada: Caller) -> None:
    assert safe_path("/x/y?cursor=1&b=2") == "/x/y?cursor=1&b=2"
    answer = visitor.post("/login", username="ada", password=PASSWORD, next="/x?y=1")
    assert answer.headers["Location"] == "/x?y=1"


def test_what_is_shown_is_escaped(visitor: Browser) -> None:
    evil = "\"><script>alert(1)</script>'"
    for page in (
        visitor.post("/login", username=evil, password="x", next=f"/{evil}").text,
        visitor.post("/register", username=evil, password="x").text,
        visitor.get("/login", query_string={"code": evil, "next": evil}).text,
    ):
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_the_files_keep_and_are_no_way_out(visitor: Browser) -> None:
    page = visitor.open("/login")
    files = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)
    assert len(files) >= 3
    for file in files:
        answer = visitor.get(file)
        assert answer.status_code == 200
        assert answer.headers.getlist("Cache-Control") == ["public, max-age=31536000, immutable"]
    for path in ("/assets/../session.py", "/assets/..%2fsession.py", "/assets//etc/passwd"):
        assert visitor.get(path).status_code == 404


def test_the_first_page_is_small(ada_in: Browser) -> None:
    page = ada_in.open("/")
    files = set(re.findall(r'(?:src|href)="(/assets/[^"]+)"', page))
    total = len(page.encode()) + sum(len(ada_in.get(file).data) for file in files)
    assert total < 100_000


def test_without_the_setting_there_is_no_console(settings: Settings, database: Database) -> None:
    client = create_app(settings.model_copy(update={"console": False}), database).test_client()
    for path in ("/", "/register", "/assets/console.css"):
        assert client.get(path).status_code == 404
