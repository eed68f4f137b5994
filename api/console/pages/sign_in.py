"""Signing in: by name and password, or by a link that is good once; registering; signing out."""

from contextlib import suppress

from flask import current_app, request, session, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from api.console import first_link
from api.console.client import Refused, fetch
from api.console.page import Page, show
from api.console.session import safe_path, sign_in
from core import auth, users
from core.errors import NotAuthenticated

page = Page("sign_in", "Sign in", "", access="public")


@page.get("/login")
def index() -> str:
    """Ask for name and password, or show the button of a link: opening that signs nobody in."""
    return _form()


@page.post("/login")
def log_in() -> Response | tuple[str, int]:
    """Sign in."""
    code = request.form.get("code")
    try:
        if code is not None:
            known = fetch("POST", "/api/login/code", {"code": code})
        else:
            known = fetch("POST", "/api/login", _credentials())
    except Refused as error:
        return _form(str(error)), error.status
    return _signed_in(known["token"])


@page.get("/register")
def new_account() -> str:
    """Ask for the name and password of a new account."""
    return show("pages/register.html", error="", username="")


@page.post("/register")
def register() -> Response | tuple[str, int]:
    """Make an account, and sign in."""
    credentials = _credentials()
    try:
        fetch("POST", "/api/register", credentials)
        known = fetch("POST", "/api/login", credentials)
    except Refused as error:
        shown = show("pages/register.html", error=str(error), username=credentials["username"])
        return shown, error.status
    return _signed_in(known["token"])


@page.get("/first")
def first() -> str:
    """Show the button of the link that `make run` prints, or ask for the first account."""
    code = request.args.get("code", "")
    first_link.check(code)
    return show("pages/first.html", code=code, first=first_link.first_user(), error="")


@page.post("/first")
def sign_in_first() -> Response | tuple[str, int]:
    """Sign in the first user, who is made where there is none, as administrator."""
    code, user = request.form.get("code", ""), None
    first_link.check(code)
    if first_link.first_user() is None:
        credentials = _credentials()
        try:
            fetch("POST", "/api/register", credentials)
        except Refused as error:
            return show("pages/first.html", code=code, first=None, error=str(error)), error.status
        user = users.find_user_by_name(credentials["username"])
    found = users.find_user(first_link.spend(code, user)["id"])
    if found is None:
        raise NotAuthenticated
    return _signed_in(auth.issue_token(found))


@page.post("/logout")
def log_out() -> Response:
    """End every session of the user, here and elsewhere."""
    with suppress(Refused):  # whose session has ended already
        fetch("POST", "/api/logout")
    session.clear()
    return redirect(url_for("console.sign_in.index"), 303)


def _form(error: str = "") -> str:
    return show(
        "pages/sign_in.html",
        error=error,
        code=request.values.get("code") if not error else None,
        username=request.form.get("username", ""),
        next=safe_path(request.values.get("next", "/")),
        with_password="password" in current_app.extensions["settings"].sign_in,
    )


def _credentials() -> dict[str, str]:
    return {name: request.form.get(name, "") for name in ("username", "password")}


def _signed_in(known: str) -> Response:
    sign_in(known)
    zone = request.form.get("time_zone")
    if zone:  # the browser's, for a new account
        with suppress(Refused):  # one that is not known here
            fetch("PUT", f"/api/user/{auth.read_token(known).user_uuid}", {"time_zone": zone})
    return redirect(safe_path(request.form.get("next", "/")), 303)
