"""How much one caller may ask for, in so many seconds from their first request on.

A caller is a user, else the address that the request comes from, else the chat account that the bot
speaks for. The bot itself is not limited.
"""

import math
import re
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal, NamedTuple, TypeVar

from apiflask import APIFlask
from flask import Response, current_app
from limits import parse_many

from api.call import Call, current_call
from api.counters import counters
from config.settings import Settings
from core.errors import TooManyAttempts

Pace = Literal["usual", "guarded", "unlimited"]
View = TypeVar("View", bound=Callable[..., Any])

PACE = "pace"
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
CHAT_ACCOUNT_HEADER = "X-Chat-Account"
LONGEST_ACCOUNT = 600
UNKNOWN = "unknown"
WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[([^\]]+)\](?::[0-9]+)?")
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
    call = current_call.get()
    account = call.request.headers.get(CHAT_ACCOUNT_HEADER)
    if call.is_bot and account:
        return f"chat {account[:LONGEST_ACCOUNT]}"
    return f"address {_site(call.request.remote_addr or '')}"


class Limit(NamedTuple):
    """So many requests in so many seconds; the name tells its counters from those of others."""

    name: str
    amount: int
    seconds: int


class Limits:
    """The limits of one application, and what is left of them."""

    def __init__(self, settings: Settings) -> None:
        self.counters = counters(settings.rate_limit_storage_url)
        self._usual = _limits("all", settings.rate_limit)
        self._guarded = _limits("guarded", settings.rate_limit_login)

    def count(self) -> None:
        """Count this request. Raises TooManyRequests."""
        call = current_call.get()
        pace = _pace(call)
        if pace == "unlimited":
            return
        who = f"user {call.caller.user_uuid}" if call.caller else source()
        self._hit(call, self._usual, who)
        if pace == "guarded":
            self._hit(call, self._guarded, source())

    def _hit(self, call: Call, limits: list[Limit], who: str) -> None:
        for limit in limits:
            used, until = self.counters.hit(f"{limit.name}/{who}", limit.seconds)
            call.limit = limit.amount, max(0, limit.amount - used), math.ceil(until)
            if used > limit.amount:
                raise TooManyRequests(max(1, math.ceil(until - time.time())))


def install(app: APIFlask) -> None:
    """Count every request. Comes after its caller is known, before they are admitted."""
    limits = app.extensions["limits"] = Limits(app.extensions["settings"])
    app.before_request(limits.count)
    app.after_request(_tell)


def _limits(scope: str, words: str) -> list[Limit]:
    return [Limit(f"{scope}/{one}", one.amount, one.get_expiry()) for one in parse_many(words)]


def _pace(call: Call) -> Pace:
    endpoint = call.request.endpoint
    if endpoint is None or (call.is_bot and call.access in ("service", "operator")):
        return "unlimited"
    view = current_app.view_functions[endpoint]
    pace: Pace = view.__dict__.get(PACE, "usual")
    return pace


def _site(address: str) -> str:
    """Return what one person can't change at will: an IPv4 address, or the front of an IPv6 one."""
    found = WITH_PORT.fullmatch(address)  # some proxies add it: 192.0.2.1:4711, [2001:db8::1]:4711
    try:
        parsed = ip_address(found[1] or found[2] if found else address)
    except ValueError:
        return UNKNOWN  # one for all: what can't be read may be different every time
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(IPv6Address(int(parsed) >> SITE_PREFIX << SITE_PREFIX))
        parsed = parsed.ipv4_mapped
    return str(parsed)


def _tell(response: Response) -> Response:
    """Say on every answer how much is left of the limit that was counted last."""
    if limit := current_call.get().limit:
        response.headers.extend(zip(HEADERS, map(str, limit), strict=True))
    return response
