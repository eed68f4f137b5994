"""How much one caller may ask for, in so many seconds from their first request on.

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
from limits import RateLimitItem, parse_many

from api.counters import counters
from config.settings import Settings
from core.errors import TooManyAttempts

Pace = Literal["usual", "guarded", "unlimited"]
View = TypeVar("View", bound=Callable[..., Any])

PACE = "pace"
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
CHAT_ACCOUNT_HEADER = "X-Chat-Account"
LONGEST_ACCOUNT = 600
SITE_PREFIX = 64  # bits of an IPv6 address that name a household; the rest is its own to choose


class TooManyRequests(TooManyAttempts):
    """A caller sent more requests than they may."""

    message = "These are too many requests. Please wait a moment."


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


class Limits:
    """The limits of one application, and what is left of them."""

    def __init__(self, settings: Settings) -> None:
        self.counters = counters(settings.rate_limit_storage_url)
        self._usual = parse_many(settings.rate_limit)
        self._guarded = parse_many(settings.rate_limit_login)

    def count(self) -> None:
        """Count this request. Raises TooManyRequests."""
        pace = _pace()
        if pace == "unlimited":
            return
        who = f"user {g.caller.user_uuid}" if g.caller else source()
        self._hit("all", who, self._usual)
        if pace == "guarded":
            self._hit("guarded", source(), self._guarded)

    def _hit(self, scope: str, who: str, limits: list[RateLimitItem]) -> None:
        for limit in limits:
            key = f"{scope}/{limit}/{who}"
            used = self.counters.incr(key, limit.get_expiry())
            until = self.counters.get_expiry(key)
            g.limit = limit.amount, max(0, limit.amount - used), math.ceil(until)
            if used > limit.amount:
                raise TooManyRequests(max(1, math.ceil(until - time.time())))


def install(app: APIFlask) -> None:
    """Count every request. Comes after its caller is known, before they are admitted."""
    limits = app.extensions["limits"] = Limits(app.extensions["settings"])
    app.before_request(limits.count)
    app.after_request(_tell)


def _pace() -> Pace:
    if request.endpoint is None or (g.is_bot and g.access in ("service", "operator")):
        return "unlimited"
    view = current_app.view_functions[request.endpoint]
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
    """Say on every answer how much is left of the limit that was counted last."""
    if limit := g.get("limit"):
        for name, value in zip(HEADERS, limit, strict=True):
            response.headers[name] = str(value)
    return response
