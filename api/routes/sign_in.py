"""Logging in without a password: accounts linked to a chat, and codes that are good once."""

from datetime import datetime
from html import escape

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, request
from pydantic import BaseModel

from api.http.context import time_now
from api.http.hashing_slots import hashes
from api.http.login_throttle import attempt
from api.http.rate_limit import guarded
from api.http.security import caller, public, sign_in_with
from api.models import WRONG_LOGIN, Body, Credentials, Success, Text, Token
from config.settings import Settings, api_url
from core import auth, identities, postgres, users
from core.accounts import login_codes
from core.accounts.passwords import password_matches
from core.db.compiled import Row
from core.errors import Forbidden, NotAuthenticated, NotFound

NO_CODE = "This code is not good, or no longer: each is good once, for five minutes."
FROM_CHAT = "This is asked for in a chat, with the token that the bot has."
POLICY = "default-src 'none'; form-action 'self'; frame-ancestors 'none'"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Log in</title>
<meta name="viewport" content="width=device-width"></head>
<body><h1>Log in</h1>{body}</body></html>
"""

routes = APIBlueprint("sign_in", __name__)
pages = APIBlueprint("sign_in_pages", __name__)


class LoginCode(BaseModel):
    """A code that logs in once, and the page that takes it, where its address is known."""

    code: str
    url: str | None
    expires_at: datetime


class ShownCode(Body):
    """A code, as the bot sent it."""

    code: Text


@routes.post("/api/login/codes")
@routes.output(LoginCode, 201)
def make_code() -> dict[str, object]:
    """Get a code that logs you in once, within five minutes; an older one is no longer good."""
    now = time_now()
    code = login_codes.issue(caller().user_uuid, now)
    settings: Settings = current_app.extensions["settings"]
    is_local = settings.console and settings.app_env == "development"
    url = settings.public_url or (api_url() if is_local else None)
    return {
        "code": code,
        "url": url and f"{url}/login?code={code}",
        "expires_at": now + login_codes.LIFETIME,
    }


@routes.post("/api/login/code")
@routes.input(ShownCode, arg_name="body")
@routes.output(Token)
@routes.doc(responses={401: NO_CODE})
@public
@guarded
def log_in_with_code(body: ShownCode) -> Token:
    """Exchange a code for a token that lives for one hour."""
    return Token(token=_redeemed(body.code))


@routes.put("/api/identity")
@routes.input(Credentials, arg_name="body")
@routes.output(Success)
@routes.doc(responses={401: WRONG_LOGIN, 403: "SIGN_IN does not allow it."})
@guarded
@hashes
def link_identity(body: Credentials) -> Success:
    """Have the platform's account that you write from stand for another account of yours."""
    chat = _chat_here()
    tried = attempt(body.username)
    user = users.find_user_by_name(body.username)
    if not password_matches(body.password, user["password_hashed"] if user else None):
        tried.failed()
        raise NotAuthenticated(WRONG_LOGIN)
    tried.succeeded()
    if user is None or not identities.link(chat["id"], user["id"]):
        raise NotFound  # deleted while this request was on its way
    return Success()


@routes.delete("/api/identity")
@routes.output(Success)
@routes.doc(responses={403: "SIGN_IN does not allow it."})
def unlink_identity() -> Success:
    """End that, and log out; the platform's account stands for whom it stood for before."""
    if not identities.unlink(_chat_here()["id"]):
        raise NotFound("This account is not linked to another one.")
    return Success()


@pages.get("/login")
@pages.doc(hide=True)
@public
def show_page() -> Response:
    """Show a page that logs in with a code when its button is pressed, not before.

    Services that preview links open them too.
    """
    code = escape(request.args.get("code", ""), quote=True)
    form = (
        f'<form method="post" action="/login"><input type="hidden" name="code" value="{code}">'
        "<button>Log in</button></form>"
    )
    return _page(form)


@pages.post("/login")
@pages.doc(hide=True)
@public
@guarded
def log_in_on_page() -> Response:
    """Show the token that a code is exchanged for."""
    token = _redeemed(request.form.get("code", ""))
    return _page(f"<p>Your token for the API, good for one hour:</p><pre>{escape(token)}</pre>")


def _redeemed(code: str) -> str:
    user = login_codes.redeem(code, time_now())
    if user is None:
        raise NotAuthenticated(NO_CODE)
    return auth.issue_token(user)


def _chat_here() -> Row:
    """Return the chat that a request comes from. Raises Forbidden."""
    chat_id = caller().chat_account_id
    chat = postgres.select_one("chat_accounts", {"id": chat_id}) if chat_id else None
    if chat is None:
        raise Forbidden(FROM_CHAT)
    sign_in_with(chat["platform"])
    return chat


def _page(body: str) -> Response:
    response = Response(PAGE.format(body=body), mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    return response


def register(app: APIFlask) -> None:
    """Add the routes of logging in without a password; the console has a page of its own."""
    app.register_blueprint(routes)
    if not app.extensions["settings"].console:
        app.register_blueprint(pages)
