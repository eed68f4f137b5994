"""Who is signed in to the console: a token of the API in a signed cookie, for pages alone.

The JSON API never sees the cookie. A form shows the token of its session, so that no other site can
send it; SameSite and the header Origin say the same once more.
"""

import hmac
import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from apiflask import APIFlask
from flask import Flask, Request, current_app, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from config.secrets import entries
from core import auth, users
from core.errors import Forbidden, NotAuthenticated

LIFETIME = timedelta(hours=12)
"""How long somebody stays signed in; closing the browser ends it earlier."""
COOKIE = "console"
CSRF, CSRF_HEADER = "csrf", "X-CSRF-Token"
SAFE_METHODS = ("GET", "HEAD")
ELSEWHERE = "This form was not sent from here, or is too old. Please try again."


class ConsoleSessions(SecureCookieSessionInterface):
    """Flask's signed cookies, Secure where the page is, and never read or set by the API."""

    session_class = SecureCookieSession

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the cookie, but for requests to the API."""
        if request.path.startswith("/api/"):
            return self.session_class()
        return super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Tell whether the browser came by https, as far as can be known."""
        public = urlsplit(app.extensions["settings"].public_url or "")
        is_public = public.scheme == "https" and public.netloc == request.host
        return request.is_secure or is_public

    def get_cookie_name(self, app: Flask) -> str:
        """Return a name that only this very host can set, where browsers can promise that."""
        return f"__Host-{COOKIE}" if self.get_cookie_secure(app) else COOKIE


def install(app: APIFlask) -> None:
    """Sign cookies with keys made from JWT_SECRET."""
    keys = [_key(one) for one in entries(app.extensions["settings"].jwt_secret.get_secret_value())]
    app.secret_key, app.config["SECRET_KEY_FALLBACKS"] = keys[0], keys[1:]
    app.config["SESSION_COOKIE_SAMESITE"] = "Strict"
    app.config["PERMANENT_SESSION_LIFETIME"] = LIFETIME
    app.session_interface = ConsoleSessions()


def sign_in(known: str) -> None:
    """Begin a new session with a token of the API. Raises NotAuthenticated."""
    user = users.find_user(auth.read_token(known).user_uuid)
    if user is None:
        raise NotAuthenticated
    session.clear()
    session["token"] = auth.issue_token(user, lifetime=LIFETIME)


def token() -> str:
    """Return the token of whoever is signed in, or an empty text."""
    return str(session.get("token", ""))


def csrf_token() -> str:
    """Return what a form of this session has to show."""
    if CSRF not in session:
        session[CSRF] = secrets.token_urlsafe(24)
    return str(session[CSRF])


def check_csrf() -> None:
    """Refuse what changes something and was not sent from a page of this session.

    Raises Forbidden.
    """
    if request.method in SAFE_METHODS:
        return
    shown = request.form.get(CSRF) or request.headers.get(CSRF_HEADER, "")
    expected = str(session.get(CSRF, ""))
    good = hmac.compare_digest(shown.encode(errors="replace"), expected.encode())
    if not (expected and good and _is_from_here()):
        raise Forbidden(ELSEWHERE)


def safe_path(wanted: str) -> str:
    """Return a path of this site as it is, and `/` for anything else."""
    parts = urlsplit(wanted) if wanted.isprintable() and "\\" not in wanted else None
    is_here = parts and not parts.scheme and not parts.netloc
    return wanted if is_here and wanted.startswith("/") and wanted[1:2] != "/" else "/"


def _is_from_here() -> bool:
    """Say whether the browser, where it tells, sent this from a page of ours."""
    site, origin = (request.headers.get(name) for name in ("Sec-Fetch-Site", "Origin"))
    if site is not None:
        return site == "same-origin"
    public = current_app.extensions["settings"].public_url or ""
    sites = {request.host, urlsplit(public).netloc}
    return origin is None or urlsplit(origin).netloc in sites - {""}


def _key(secret: str) -> str:
    return hmac.new(secret.encode(), b"console", "sha256").hexdigest()
