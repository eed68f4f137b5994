"""The service, for administrators: deliveries, jobs, users, and what language models cost."""

from flask import request
from werkzeug.wrappers import Response

from api.console.client import Refused, fetch
from api.console.page import Page, done, failed, show
from core.deliveries.dead_letters import STATES

PATH = "/api/operations"
SHOWN = 50  # in one answer of the API
DAYS = 14
COSTS = ("day", "agent", "model")

page = Page("operations", "Service", "/service", access="admin", order=90)


@page.get("")
def index() -> str:
    """Show what waits or went wrong, the jobs, and what models cost."""
    state = request.args.get("state", "dead")
    costs = {by: fetch("GET", f"{PATH}/costs/totals", by=by, days=DAYS) for by in COSTS}
    return show(
        "pages/operations.html",
        states=STATES,
        state=state,
        rows=fetch("GET", f"{PATH}/deliveries", state=state),
        unsent=fetch("GET", f"{PATH}/unsent"),
        jobs=fetch("GET", f"{PATH}/jobs"),
        costs=costs,
        days=DAYS,
        checks=fetch("GET", f"{PATH}/checks"),
        lines=fetch("GET", f"{PATH}/log"),
        shown=SHOWN,
    )


@page.post("/resend")
def resend() -> Response:
    """Send a dead delivery again, or all of them."""
    one = request.form.get("id")
    try:
        count = fetch("POST", f"{PATH}/resend", {"ids": [one] if one else None})["count"]
    except Refused as error:
        return failed(str(error), "operations.index")
    if not count:
        words = "Nothing could be sent again: there is no way to the user, or it is not dead."
        return failed(words, "operations.index")
    words = f"{count} deliver{'y is' if count == 1 else 'ies are'} sent again."
    return done(words, "operations.index")


@page.get("/users")
def users() -> str:
    """Show who has registered."""
    rows = fetch("GET", f"{PATH}/users", after=request.args.get("cursor"))
    after = rows[-1]["username"] if len(rows) == SHOWN else None
    return show("pages/operations.users.html", rows=rows, after=after)


@page.post("/users/role")
def set_role() -> Response:
    """Make a user an administrator, or one no longer."""
    name, role = (request.form.get(field, "") for field in ("username", "role"))
    path = f"{PATH}/users/{name}/role"
    try:
        fetch("PUT", path, {"role": role})
    except Refused as error:
        return failed(str(error), "operations.users")
    before = "user" if role == "admin" else "admin"
    words = f"{name} is {'an administrator' if role == 'admin' else 'no administrator any more'}."
    return done(words, "operations.users", undo=("PUT", path, {"role": before}))
