"""Numbers that are forgotten after a while: in memory, or in Redis for several processes together.

limits brings a store in memory of its own. It starts a thread every ten milliseconds to forget,
which cost a tenth of the API's speed; this one forgets as it goes.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from limits.errors import StorageError
from limits.storage import storage_from_string

log = logging.getLogger(__name__)

SWEEP_EVERY = 60  # seconds
REDIS_PAUSE = 5  # seconds that Redis is left alone after it did not answer
REDIS_PATIENCE = 1  # seconds for an answer

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
        self._store: Any = storage_from_string(url, wrap_exceptions=True, **patience)

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
