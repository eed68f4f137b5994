"""Who may call what.

Every route needs a user's token unless it says otherwise: `@public` opens it to everyone,
`@service` to the bot alone. A route module that says nothing is therefore protected.
"""

import hmac
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from apiflask import APIFlask
from flask import Response, current_app, g, request

from api import limits
from core.auth import Caller, read_token
from core.errors import NotAuthenticated

Access = Literal["user", "public", "service", "operator"]
View = TypeVar("View", bound=Callable[..., Any])

ACCESS = "access"
POLICY = "default-src 'none'; frame-ancestors 'none'"
SERVICE_KEY_HEADER = "X-Service-Key"


def public(view: View) -> View:
    """Let everyone call this route."""
    view.__dict__[ACCESS] = "public"
    return view


def service(view: View) -> View:
    """Let only the bot call this route, with the service key."""
    view.__dict__[ACCESS] = "service"
    return view


def operator(view: View) -> View:
    """Let only those who run the service call this route, with METRICS_TOKEN or the service key."""
    view.__dict__[ACCESS] = "operator"
    return view


def access_of(view: Callable[..., Any]) -> Access:
    """Return who may call a view."""
    access: Access = view.__dict__.get(ACCESS, "user")
    return access


def caller() -> Caller:
    """Return the user whose token came with this request."""
    found: Caller = g.caller
    return found


def install(app: APIFlask) -> None:
    """Check every request before its route sees it, and harden every answer."""
    app.before_request(_identify)
    limits.install(app)  # counts those who are refused below, too
    app.before_request(_admit)
    app.after_request(_harden)


def _identify() -> None:
    """Find out who is calling, for the routes that want to know."""
    g.access, g.caller, g.refusal = "public", None, None
    g.is_bot = _is_bot()
    if request.endpoint is None:  # no such address: Flask answers 404 or 405 next
        return
    g.access = access_of(current_app.view_functions[request.endpoint])
    if g.access == "user":
        try:
            g.caller = read_token(bearer_token())
        except NotAuthenticated as error:
            g.refusal = error


def _admit() -> None:
    if g.refusal is not None:
        raise g.refusal
    if g.access == "service" and not g.is_bot:
        raise NotAuthenticated(f"Only the bot may call this, with its key in {SERVICE_KEY_HEADER}.")
    if g.access == "operator" and not (g.is_bot or _is_operator()):
        raise NotAuthenticated("Only who runs the service may see this, with METRICS_TOKEN.")


def bearer_token() -> str:
    """Return the token that came with this request. Raises NotAuthenticated."""
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise NotAuthenticated(
            "Please log in, and send the header 'Authorization: Bearer <token>'."
        )
    return given.token


def _is_bot() -> bool:
    given = request.headers.get(SERVICE_KEY_HEADER, "")
    expected = current_app.extensions["settings"].service_key.get_secret_value()
    return bool(given and expected) and same_secret(given, expected)


def _is_operator() -> bool:
    expected = current_app.extensions["settings"].metrics_token
    return expected is not None and same_secret(bearer_token(), expected.get_secret_value())


def same_secret(given: str, expected: str) -> bool:
    """Compare two secrets in a time that tells nothing about either."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _harden(response: Response) -> Response:
    """Keep answers out of caches, and out of a browser's guesses and frames."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
