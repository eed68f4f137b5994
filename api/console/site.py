"""Puts the console together: its pages, who may see them, how they look and how errors do."""

import hashlib
import logging
import mimetypes
from functools import cache
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import Response, flash, redirect, request, url_for
from flask import session as cookie
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from api.console import session
from api.console.page import Page, asking, local_time, place, show
from api.http.context import current_context
from api.http.rate_limit import unlimited
from api.http.request_id import quiet
from api.http.security import ACCESS, TOKEN, public
from api.resources import MalformedId
from config.broken import BrokenModule, file_of, load_folder
from core.errors import AppError, NotAuthenticated, NotFound
from runtime.logs import holds_secret, where_raised
from runtime.logs import request_id as current_id

log = logging.getLogger(__name__)

ASSETS = {path.name: path.read_bytes() for path in (Path(__file__).parent / "assets").iterdir()}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with less, browsers would not say where a form comes from
}
A_YEAR = 365 * 24 * 3600  # seconds; the address of a file changes with what is in it


def install(app: APIFlask) -> None:
    """Add the console, where the setting CONSOLE has it. Raises BrokenModule."""
    if not app.extensions["settings"].console:
        return
    session.install(app)
    site = APIBlueprint("console", __name__, template_folder=".", enable_openapi=False)
    pages = [_page_of(module) for module in load_folder("api.console.pages")]
    for page in pages:
        site.register_blueprint(page)
    site.add_url_rule("/assets/<name>", view_func=asset)
    site.before_request(_begin)
    site.after_request(_protect)
    site.register_error_handler(NotAuthenticated, _to_sign_in)
    for kind in (AppError, HTTPException, Exception):
        site.register_error_handler(kind, _error)
    site.add_app_template_filter(local_time)
    site.add_app_template_filter(_when, "when")
    site.add_app_template_filter(asking)
    for function in (session.csrf_token, asset_url, place):
        site.add_app_template_global(function)

    @site.context_processor
    def names() -> dict[str, Any]:
        who = current_context.get().caller
        mine = {"user", who.role} if who else set()
        links = [link for page in pages if page.access in mine for link in page.navigation()]
        return {"user": who, "navigation": sorted(links, key=lambda link: link.order)}

    app.register_blueprint(site)
    access = {f"console.{page.name}": page.access for page in pages}
    for endpoint, view in app.view_functions.items():
        name = endpoint.rpartition(".")[0]
        if name in access:
            view.__dict__.setdefault(ACCESS, access[name])
            view.__dict__[TOKEN] = session.token


@public
@unlimited
@quiet
def asset(name: str) -> Response:
    """Serve a script, style or picture; browsers keep it."""
    if name not in ASSETS:
        raise NotFound
    response = Response(ASSETS[name], mimetype=mimetypes.guess_type(name)[0])
    response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return response


def asset_url(name: str) -> str:
    """Return the address of a file in assets/, with a mark of what is in it."""
    return url_for("console.asset", name=name, v=_mark(name))


@cache
def _mark(name: str) -> str:
    return hashlib.sha256(ASSETS[name]).hexdigest()[:12]


def _page_of(module: Any) -> Page:  # noqa: ANN401 - a module with a page, or not
    page = getattr(module, "page", None)
    if not isinstance(page, Page):
        raise BrokenModule(f"{file_of(module.__name__)} has no page = Page(...)")
    return page


def _begin() -> None:
    if request.method not in session.SAFE_METHODS:
        holds_secret.set(True)  # a form may have a password in it
        session.check_csrf()


def _protect(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def _to_sign_in(error: NotAuthenticated) -> AnyResponse:
    """Ask who that is, and come back to the page afterwards."""
    if request.headers.get("HX-Request"):
        return Response(headers={"HX-Redirect": url_for("console.sign_in.index")})
    if cookie.pop("token", None) or str(error) != NotAuthenticated.message:
        flash(str(error), "error")
    is_page = request.method == "GET" and current_context.get().access != "public"
    after = request.full_path.rstrip("?") if is_page else None
    return redirect(url_for("console.sign_in.index", next=after if after != "/" else None), 303)


def _error(error: Exception) -> AnyResponse | tuple[str, int, dict[str, str]]:
    """Say on a page what went wrong, and nothing that the API would not say."""
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException):
        if error.response is not None or (error.code or 500) < 400:
            return error.get_response()
        status, message = error.code or 500, error.description or error.name
    elif isinstance(error, MalformedId):
        status, message = NotFound.status, NotFound.message
    elif isinstance(error, AppError) and error.status != 500:
        status, message = error.status, str(error)
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
    else:
        log.error("unexpected error in %s\n%s", request.endpoint, where_raised(error))
        status, message = 500, AppError.message
    page = show("templates/error.html", status=status, message=message, request_id=current_id.get())
    return page, status, headers


def _when(moment: Any) -> str:  # noqa: ANN401 - a time, as text or not, or None
    """Write a time on the user's own clock, such as Tue 1 Jan 2030, 13:00."""
    local = local_time(moment)
    if local is None:
        return ""
    written = f"{local:%a} {local.day} {local:%b} {local.year}, {local:%H:%M}"
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(), written)
