"""How much one caller may ask for: counted by Flask-Limiter, in memory or in Redis.

A caller is a user, else the address that the request comes from, else the chat account that the bot
speaks for. The bot itself is not limited.
"""

import math
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal, TypeVar

from apiflask import APIFlask
from flask import Response, current_app, g, request
from flask_limiter import ApplicationLimit, Limiter

Pace = Literal["usual", "guarded", "unlimited"]
View = TypeVar("View", bound=Callable[..., Any])

PACE = "pace"
CHAT_ACCOUNT_HEADER = "X-Chat-Account"
LONGEST_ACCOUNT = 600
SITE_PREFIX = 64  # bits of an IPv6 address that name a household; the rest is its own to choose


def guarded(view: View) -> View:
    """Count the calls of this route by the stricter limit too: it checks a password."""
    view.__dict__[PACE] = "guarded"
    return view


def unlimited(view: View) -> View:
    """Let this route be called any number of times."""
    view.__dict__[PACE] = "unlimited"
    return view


def source() -> str:
    """Return where a request comes from: the chat account that the bot names, or an address."""
    account = request.headers.get(CHAT_ACCOUNT_HEADER)
    if g.is_bot and account:
        return f"chat {account[:LONGEST_ACCOUNT]}"
    return f"address {_site(request.remote_addr or '')}"


def install(app: APIFlask) -> None:
    """Count every request. Comes after its caller is known, before they are admitted."""
    settings = app.extensions["settings"]
    app.extensions["limits"] = Limiter(
        lambda: f"user {g.caller.user_uuid}" if g.caller else source(),
        app=app,
        application_limits=[
            ApplicationLimit(settings.rate_limit, scope="all", exempt_when=_is_unlimited),
            ApplicationLimit(
                settings.rate_limit_login,
                scope="guarded",
                key_function=source,
                exempt_when=lambda: _pace() != "guarded",
            ),
        ],
        storage_uri=settings.rate_limit_storage_url,
        in_memory_fallback_enabled=True,  # while Redis is away
    )
    app.after_request(_tell)


def _is_unlimited() -> bool:
    return _pace() == "unlimited" or (g.is_bot and g.access in ("service", "operator"))


def _pace() -> Pace:
    view = current_app.view_functions[request.endpoint or ""]
    pace: Pace = view.__dict__.get(PACE, "usual")
    return pace


def _site(address: str) -> str:
    """Return what one person can't change at will: an IPv4 address, or the front of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(IPv6Address(int(parsed) >> SITE_PREFIX << SITE_PREFIX))
    return address


def _tell(response: Response) -> Response:
    """Say on every answer how much is left, and on a refusal when to come back."""
    limit = current_app.extensions["limits"].current_limit
    if limit is not None:
        response.headers["X-RateLimit-Limit"] = str(limit.limit.amount)
        response.headers["X-RateLimit-Remaining"] = str(limit.remaining)
        response.headers["X-RateLimit-Reset"] = str(limit.reset_at)
        if response.status_code == 429 and limit.breached:
            seconds = math.ceil(limit.window[0] - time.time())
            response.headers["Retry-After"] = str(max(1, seconds))
    return response
