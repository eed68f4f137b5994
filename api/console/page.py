"""What a page of the console is made of, and how to add one.

Write `api/console/pages/<name>.py`; it is found by itself:

    from uuid import UUID

    from flask import request
    from werkzeug.wrappers import Response

    from api.console.client import fetch, fetch_page
    from api.console.page import Page, done, show

    page = Page("parcels", "Parcels", "/parcels", order=35)  # access="admin": for administrators


    @page.get("")
    def index() -> str:
        rows, after = fetch_page("/api/parcels", limit=25, cursor=request.args.get("cursor"))
        return show("pages/parcels.html", rows=rows, after=after)


    @page.post("/<uuid:parcel_id>/delete")
    def delete(parcel_id: UUID) -> Response:
        fetch("DELETE", f"/api/parcels/{parcel_id}")
        return done("Deleted.", "parcels.index")

- Its template lies beside it (`parcels.html`). It begins with `{% extends "templates/base.html" %}`
  and `{% import "templates/macros.html" as ui %}`, and fills the blocks `title` and `content`.
  `ui.form` shows the session's CSRF token; a POST without it is refused before the view.
- Who may see it is checked before the view, and again by the API. `fetch` and `fetch_page` ask the
  API as the user who is signed in; what it refuses is shown by itself. `caller()` and core's
  functions work in a view as in a route.
- What a browser posts is answered by `done`: a message, with an undo where there is one, on the
  page to which it leads. `ui.button` leads back to the same part of a list; other addresses do with
  `url_for(...)|asking(place())`. What can't be undone is behind `ui.confirm`.
- Scripts and styles are files in `api/console/assets/`: the page's policy forbids any other. Parts
  of a page are renewed by htmx (`hx-get`, `hx-trigger="every 5s"`, `hx-target`, `hx-select`).
- A page of a domain has the name of its route module, so that `drop-domain` takes it along.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import flash, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from api.http.context import Access
from api.http.security import caller
from core.deliveries.quiet_hours import zone_of_user


class Link(NamedTuple):
    """A place in the navigation."""

    title: str
    endpoint: str
    values: dict[str, Any]
    order: int

    @property
    def url(self) -> str:
        """Where it leads."""
        return url_for(self.endpoint, **self.values)

    @property
    def is_here(self) -> bool:
        """Whether the page that is shown belongs to it."""
        there = self.endpoint.rpartition(".")[0] == (request.endpoint or "").rpartition(".")[0]
        shown = request.view_args or {}
        return there and all(shown.get(name) == value for name, value in self.values.items())


UNDO = "undo"
MAX_UNDO = 1500  # characters as JSON, in the cookie; browsers keep 4,096 of all
MAX_TOLD = 120  # characters of a message, in the same cookie: up to 12 bytes each


class Page(APIBlueprint):
    """Routes below a path, and their place in the navigation; without an order they have none."""

    def __init__(
        self,
        name: str,
        title: str,
        path: str,
        *,
        access: Access = "user",
        order: int | None = None,
    ) -> None:
        super().__init__(name, __name__, url_prefix=path or None, enable_openapi=False)
        self.title = title
        self.access = access
        self.order = order

        self._links: Callable[[], list[Link]] = self._link

    def links(self, function: Callable[[], list[Link]]) -> Callable[[], list[Link]]:
        """Decorate a function that returns what this page has in the navigation, if more."""
        self._links = function
        return function

    def navigation(self) -> list[Link]:
        """Return its places in the navigation; that of one with an order is its view `index`."""
        return self._links()

    def _link(self) -> list[Link]:
        here = f"console.{self.name}.index"
        return [] if self.order is None else [Link(self.title, here, {}, self.order)]


def show(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever the template wants
    """Return a page, made from a template."""
    return render_template(template, **values)


def place() -> dict[str, str]:
    """Return what the address asks for, such as which part of a list, to come back to that."""
    return request.args.to_dict()


def asking(address: str, query: Mapping[str, object]) -> str:
    """Return an address that asks for this, too; names may be those of its own parts."""
    words = urlencode({name: value for name, value in query.items() if value is not None})
    return f"{address}{'&' if '?' in address else '?'}{words}" if words else address


def done(
    message: str,
    endpoint: str,
    *,
    undo: tuple[str, str, object] | None = None,
    **values: Any,  # noqa: ANN401 - of the address
) -> Response:
    """Lead to a page that says what was done; `undo` is the request to the API that takes it back.

    The endpoint is `<page>.<view>`; it is asked for what this request's address asks for. An undo
    that a cookie can't hold is not offered.
    """
    target = _there(endpoint, values)
    kept = undo and json.dumps([message, target, *undo])
    session.pop(UNDO, None)
    if kept and len(kept) <= MAX_UNDO:
        session[UNDO] = kept
    tell(message, UNDO if UNDO in session else "done")
    return redirect(target, 303)


def failed(message: str, endpoint: str, **values: Any) -> Response:  # noqa: ANN401 - as above
    """Lead to a page that says what could not be done."""
    tell(message, "error")
    return redirect(_there(endpoint, values), 303)


def _there(endpoint: str, values: Mapping[str, Any]) -> str:
    address = url_for(f"console.{endpoint}", **values)
    asked = parse_qs(urlsplit(address).query)
    return asking(address, {name: value for name, value in place().items() if name not in asked})


def tell(message: str, kind: str) -> None:
    """Say something on the page that comes next: kind is done, undo or error.

    It is cut to what a cookie can hold, which browsers would drop as a whole.
    """
    long = len(message) > MAX_TOLD
    flash(f"{message[: MAX_TOLD - 1]}\N{HORIZONTAL ELLIPSIS}" if long else message, kind)


def user_zone() -> ZoneInfo:
    """Return the time zone of whoever is signed in."""
    if "zone" not in g:
        g.zone = zone_of_user(caller().user_uuid)
    zone: ZoneInfo = g.zone
    return zone


def local_time(moment: datetime | str | None) -> datetime | None:
    """Return a time, as the API tells it, on the user's own clock; as it is at the ends of time."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    try:
        return moment and moment.astimezone(user_zone())
    except OverflowError:  # in that zone it would be in the year 0 or 10000
        return moment
