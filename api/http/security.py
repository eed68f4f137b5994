"""Who may call what.

Every route needs a user's token unless it says otherwise: `@public` opens it to everyone,
`@admin` keeps it to administrators, `@service` to the bot alone. A route module that says nothing
is therefore protected.
"""

import hmac
from collections.abc import Callable
from typing import Any

from apiflask import APIFlask
from flask import Response, current_app

from api.http import rate_limit
from api.http.context import Access, RequestContext, View, current_context
from core.auth import Caller, read_token
from core.errors import Forbidden, NotAuthenticated

ACCESS = "access"
TOKEN = "token_of"  # noqa: S105 - a name
"""Marks the views that know their user by something else than the header: the console's."""
POLICY = "default-src 'none'; frame-ancestors 'none'"
HARDENING = (
    ("Content-Security-Policy", POLICY),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
SERVICE_KEY_HEADER = "X-Service-Key"


def public(view: View) -> View:
    """Let everyone call this route."""
    view.__dict__[ACCESS] = "public"
    return view


def admin(view: View) -> View:
    """Let only administrators call this route; who is one no longer is refused at once."""
    view.__dict__[ACCESS] = "admin"
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
    found = current_context.get().caller
    if found is None:
        raise NotAuthenticated
    return found


def sign_in_with(platform: str) -> None:
    """Go on where SIGN_IN lets people log in by their account of a platform. Raises Forbidden."""
    if platform not in current_app.extensions["settings"].sign_in or platform == "password":
        raise Forbidden("People log in with a password here: the setting SIGN_IN says so.")


def install(app: APIFlask) -> None:
    """Check every request before its route sees it, and harden every answer."""
    app.before_request(_identify)
    rate_limit.install(app)  # counts those who are refused below, too
    app.before_request(_admit)
    app.after_request(_harden)


def _identify() -> None:
    """Find out who is calling, for the routes that want to know."""
    call = current_context.get()
    call.is_bot = _is_bot(call)
    endpoint = call.request.endpoint
    if endpoint is None:  # no such address: Flask answers 404 or 405 next
        return
    view = current_app.view_functions[endpoint]
    call.access = access_of(view)
    if call.access in ("user", "admin"):
        token_of = view.__dict__.get(TOKEN)
        try:
            call.caller = read_token(token_of() if token_of else _bearer_token(call))
        except NotAuthenticated as error:
            call.refusal = error


def _admit() -> None:
    call = current_context.get()
    if call.refusal is not None:
        raise call.refusal
    if call.access == "admin" and caller().role != "admin":
        raise Forbidden("Only an administrator may do this.")
    if call.access == "service" and not call.is_bot:
        raise NotAuthenticated(f"Only the bot may call this, with its key in {SERVICE_KEY_HEADER}.")
    if call.access == "operator" and not (call.is_bot or _is_operator(call)):
        raise NotAuthenticated("Only who runs the service may see this, with METRICS_TOKEN.")


def _bearer_token(call: RequestContext) -> str:
    scheme, _, token = call.request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated(
            "Please log in, and send the header 'Authorization: Bearer <token>'."
        )
    return token.strip()


def _is_bot(call: RequestContext) -> bool:
    given = call.request.headers.get(SERVICE_KEY_HEADER)
    if not given:
        return False
    expected = current_app.extensions["settings"].service_key.get_secret_value()
    return bool(expected) and same_secret(given, expected)


def _is_operator(call: RequestContext) -> bool:
    settings = current_app.extensions["settings"]
    expected = (settings.metrics_token or settings.service_key).get_secret_value()
    return bool(expected) and same_secret(_bearer_token(call), expected)


def same_secret(given: str, expected: str) -> bool:
    """Compare two secrets in a time that tells nothing about either."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _harden(response: Response) -> Response:
    """Keep answers out of caches, and out of a browser's guesses and frames."""
    for name, value in HARDENING:
        if name not in response.headers:
            response.headers.add(name, value)
    return response
