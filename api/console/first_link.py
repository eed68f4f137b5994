"""A link that signs in the first user as administrator, good once: for whoever runs `make run`.

It lives in the memory of a process that was started in a terminal in development, and is taken from
this machine alone. A process that nobody asked for one has none.
"""

import hashlib
import hmac
import secrets
import threading
from ipaddress import ip_address

from flask import current_app, request

from config.settings import Settings
from core import users
from core.db.compiled import Row
from core.errors import NotAuthenticated

NO_LINK = "This link is not good, or no longer: it is good once. `make run` prints a new one."


class _Link:
    """What is known of the link of this process: the hash of its code."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # from looking at the code until it is spent
        self.code_hash = ""


_link = _Link()


def make(settings: Settings, url: str) -> str | None:
    """Return a new link to the console at an address; None where there is none to give.

    That is so in production, without the console, and where other machines reach the API.
    """
    is_local = _is_loopback(settings.api_host) or settings.api_host == "localhost"
    if settings.app_env != "development" or not settings.console or not is_local:
        return None
    code = secrets.token_urlsafe(32)
    _link.code_hash = _hash(code)
    return f"{url}/first?code={code}"


def check(code: str) -> None:
    """Go on where a code is good. Raises NotAuthenticated."""
    settings: Settings = current_app.extensions["settings"]
    is_here = _is_loopback(request.remote_addr or "") and settings.app_env == "development"
    if not (is_here and _link.code_hash and hmac.compare_digest(_hash(code), _link.code_hash)):
        raise NotAuthenticated(NO_LINK)


def spend(code: str, user: Row | None) -> Row:
    """End the code, and return its user, who is an administrator from now on.

    Without one that is the first who registered, or who is an administrator already. Raises
    NotAuthenticated.
    """
    with _link.lock:
        check(code)
        found = user or first_user()
        if found is None:
            raise NotAuthenticated(NO_LINK)
        users.set_role(found["username"], "admin")
        _link.code_hash = ""
    return found


def first_user() -> Row | None:
    """Return the administrator, else the user, who registered first; None where nobody has."""
    rows = users.list_users("admin") or users.list_users()
    return min(rows, key=lambda row: (row["created_at"], str(row["id"])), default=None)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()
