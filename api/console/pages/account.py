"""An account: what it is called, what it used, what is remembered, and how to leave with it."""

from flask import Response as Download
from flask import request, session, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from api.console.client import Refused, ask, fetch, fetch_page
from api.console.page import Page, done, failed, show
from api.console.session import sign_in
from api.http.security import caller
from core import auth, users
from core.errors import NotAuthenticated

page = Page("account", "Account", "/account", order=60)


@page.get("")
def index() -> str:
    """Show the account, the day's use of models, and what is remembered."""
    phrases, after = fetch_page("/api/phrases", limit=25, cursor=request.args.get("cursor"))
    return show(
        "pages/account.html",
        account=fetch("GET", _path()),
        usage=fetch("GET", "/api/usage"),
        memory=fetch("GET", "/api/memory"),
        phrases=phrases,
        after=after,
    )


@page.post("")
def change() -> Response:
    """Change the name that one is called by, and the time zone."""
    names = ("display_name", "time_zone")
    given = {name: request.form[name].strip() or None for name in names if name in request.form}
    before = fetch("GET", _path())
    given = {name: value for name, value in given.items() if value != before[name]}
    if not given:
        return failed("Nothing was changed.", "account.index")
    try:
        fetch("PUT", _path(), given)
    except Refused as error:
        return failed(str(error), "account.index")
    undo = ("PUT", _path(), {name: before[name] for name in given})
    return done("Saved.", "account.index", undo=undo)


@page.post("/password")
def change_password() -> Response:
    """Set a new password, which ends every other session."""
    names = ("password", "current_password")
    try:
        fetch("PUT", _path(), {name: request.form.get(name, "") for name in names})
    except Refused as error:
        return failed(str(error), "account.index")
    user = users.find_user(caller().user_uuid)
    if user is None:
        raise NotAuthenticated
    sign_in(auth.issue_token(user))
    return done("Your password is changed. You are signed out everywhere else.", "account.index")


@page.post("/token")
def make_token() -> Response | str:
    """Show a token for programs, once."""
    user = users.find_user(caller().user_uuid)
    if user is None:
        raise NotAuthenticated
    return show("pages/token.html", token=auth.issue_token(user))


@page.post("/memory/<agent>/forget")
def forget(agent: str) -> Response:
    """Have an agent forget what was said."""
    fetch("DELETE", f"/api/memory/{agent}")
    return done(f"{agent} has forgotten all that you said to each other.", "account.index")


@page.post("/phrases/<uuid:phrase_id>/forget")
def forget_phrase(phrase_id: str) -> Response:
    """Have the bot forget one phrase."""
    path = f"/api/phrases/{phrase_id}"
    row = fetch("GET", path)
    fetch("DELETE", path)
    again = {name: row[name] for name in ("phrase", "orders")}
    words = f"Forgot “{row['phrase'][:60]}”."
    return done(words, "account.index", undo=("POST", "/api/phrases", again))


@page.get("/data")
def take_along() -> Download:
    """Hand over all that is stored of the user, as a file."""
    answer = ask("GET", "/api/data")
    response = Download(answer.response, mimetype=answer.mimetype)
    response.headers["Content-Disposition"] = answer.headers["Content-Disposition"]
    return response


@page.post("/delete")
def delete() -> Response:
    """Delete the account and all that is the user's."""
    try:
        fetch("DELETE", _path(), {"password": request.form.get("password", "")})
    except Refused as error:
        return failed(str(error), "account.index")
    session.clear()
    return redirect(url_for("console.sign_in.index"), 303)


def _path() -> str:
    return f"/api/user/{caller().user_uuid}"
