"""Numbers that are forgotten after a while: in memory, or in Redis for several processes together.

limits brings a store in memory of its own. It starts a thread every ten milliseconds to forget,
which cost a tenth of the API's speed; this one forgets as it goes.
"""

import logging
import math
import re
import threading
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

from apiflask import APIFlask
from flask import Response, current_app
from limits import parse_many
from limits.errors import StorageError
from limits.storage import storage_from_string

from api.http.context import RequestContext, View, current_context
from config.broken import CannotStart
from config.settings import Settings
from core.errors import TooManyAttempts

log = logging.getLogger(__name__)

SWEEP_EVERY = 60  # seconds
REDIS_PAUSE = 5  # seconds that Redis is left alone after it did not answer
REDIS_PATIENCE = 1  # seconds for an answer

OPTIONS = "RATE_LIMIT_STORAGE_URL: an option behind the ? is unknown to Redis, or has a wrong value"

Result = TypeVar("Result")


class Counters(Protocol):
    """What is counted, each under a key."""

    def hit(self, key: str, expiry: int) -> tuple[int, float]:
        """Count one more; return how many, and when the key is forgotten, in seconds since 1970.

        A new key is forgotten `expiry` seconds later.
        """

    def get(self, key: str) -> int:
        """Return how many were counted."""

    def get_expiry(self, key: str) -> float:
        """Return when a key is forgotten, in seconds since 1970; now, for an unknown one."""

    def clear(self, key: str) -> None:
        """Forget a key."""


class Memory:
    """Counters of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[str, tuple[int, float]] = {}
        self._swept = time.time()

    def hit(self, key: str, expiry: int) -> tuple[int, float]:
        """Count one more; return how many, and when the key is forgotten."""
        now = time.time()
        with self._lock:
            if now - self._swept > SWEEP_EVERY:
                self._swept = now
                kept = {one: held for one, held in self._numbers.items() if held[1] > now}
                self._numbers = kept
            number, until = self._numbers.get(key, (0, 0.0))
            if until <= now:
                number, until = 0, now + expiry
            self._numbers[key] = number + 1, until
            return number + 1, until

    def get(self, key: str) -> int:
        """Return how many were counted."""
        number, until = self._numbers.get(key, (0, 0.0))
        return number if until > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when a key is forgotten; now, for an unknown one."""
        return max(time.time(), self._numbers.get(key, (0, 0.0))[1])

    def clear(self, key: str) -> None:
        """Forget a key."""
        with self._lock:
            self._numbers.pop(key, None)


class Redis:
    """Counters in Redis. Raises StorageError where it does not answer."""

    def __init__(self, url: str) -> None:
        patience = {"socket_timeout": REDIS_PATIENCE, "socket_connect_timeout": REDIS_PATIENCE}
        self._store: Any
        try:
            self._store = storage_from_string(url, wrap_exceptions=True, **patience)
            self._store.storage.connection_pool.make_connection()  # checks the options; asks nobody
        except (TypeError, ValueError):  # whose words may repeat a part of the address
            raise CannotStart(OPTIONS) from None

    def hit(self, key: str, expiry: int) -> tuple[int, float]:
        """Count one more; return how many, and when the key is forgotten, to the second."""
        return self._store.incr(key, expiry), self._store.get_expiry(key)

    def get(self, key: str) -> int:
        """Return how many were counted."""
        return int(self._store.get(key))

    def get_expiry(self, key: str) -> float:
        """Return when a key is forgotten, to the second; now, for an unknown one."""
        return float(self._store.get_expiry(key))

    def clear(self, key: str) -> None:
        """Forget a key."""
        self._store.clear(key)


class Shared:
    """Counters in Redis. While it is away, each process counts for itself."""

    def __init__(self, url: str) -> None:
        self._redis = Redis(url)
        self._memory = Memory()
        self._away = False
        self._next_try = 0.0  # by time.monotonic(), while it is away

    def hit(self, key: str, expiry: int) -> tuple[int, float]:
        """Count one more; return how many, and when the key is forgotten."""
        return self._ask(lambda store: store.hit(key, expiry))

    def get(self, key: str) -> int:
        """Return how many were counted."""
        return self._ask(lambda store: store.get(key))

    def get_expiry(self, key: str) -> float:
        """Return when a key is forgotten; now, for an unknown one."""
        return self._ask(lambda store: store.get_expiry(key))

    def clear(self, key: str) -> None:
        """Forget a key."""
        self._ask(lambda store: store.clear(key))

    def _ask(self, question: Callable[[Counters], Result]) -> Result:
        if self._away and time.monotonic() < self._next_try:
            return question(self._memory)
        self._next_try = time.monotonic() + REDIS_PAUSE  # while it is away, one request tries
        try:
            answer = question(self._redis)
        except StorageError as error:
            if not self._away:
                self._away = True
                reason = type(error.storage_error).__name__
                log.warning("counting in memory, since Redis does not answer: %s", reason)
            return question(self._memory)
        if self._away:
            self._away = False
            log.warning("Redis is back: counting there again")
        return answer


def counters(url: str) -> Counters:
    """Return the counters that a URL names: memory:// or redis://host:port."""
    return Memory() if url.startswith("memory:") else Shared(url)


Pace = Literal["usual", "guarded", "unlimited"]

PACE = "pace"
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
CHAT_ACCOUNT_HEADER = "X-Chat-Account"
MAX_ACCOUNT = 600
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
    call = current_context.get()
    account = call.request.headers.get(CHAT_ACCOUNT_HEADER)
    if call.is_bot and account:
        return f"chat {account[:MAX_ACCOUNT]}"
    return f"address {_site(call.request.remote_addr or '')}"


class Limit(NamedTuple):
    """So many requests in so many seconds; the name tells its counters from those of others."""

    name: str
    amount: int
    seconds: int


class Limits:
    """The limits of one application, and what is left of them."""

    def __init__(self, settings: Settings) -> None:
        self.counters = counters(settings.rate_limit_storage_url.get_secret_value())
        self._usual = _limits("all", settings.rate_limit)
        self._guarded = _limits("guarded", settings.rate_limit_login)

    def count(self) -> None:
        """Count this request. Raises TooManyRequests."""
        call = current_context.get()
        pace = _pace(call)
        if pace == "unlimited":
            return
        who = f"user {call.caller.user_uuid}" if call.caller else source()
        self._hit(call, self._usual, who)
        if pace == "guarded":
            self._hit(call, self._guarded, source())

    def count_for(self, user_uuid: UUID) -> None:
        """Count what the bot asks for a user, among other things, in one request of its own.

        Raises TooManyRequests, as a request of the user's would be answered.
        """
        self._hit(None, self._usual, f"user {user_uuid}")

    def _hit(self, call: RequestContext | None, limits: list[Limit], who: str) -> None:
        for limit in limits:
            used, until = self.counters.hit(f"{limit.name}/{who}", limit.seconds)
            if call is not None:
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


def _pace(call: RequestContext) -> Pace:
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
    if limit := current_context.get().limit:
        response.headers.extend(zip(HEADERS, map(str, limit), strict=True))
    return response
