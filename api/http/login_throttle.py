"""Passwords that are tried: wrong ones slow down whoever sends them, and lock nobody out.

Failures are counted for an account and a source together. After some free ones each further try has
to wait, twice as long every time. So a stranger slows down themselves, not the account's owner, who
comes from elsewhere. Where many sources together fail at one account, each has one free try and
waits longer from then on: guessing from a thousand addresses gets slow too, and the owner's right
password is still taken at once.

A name that nobody has is counted like any other. The try is counted before the password is looked
at, so that trying at the same time gains nothing.
"""

import hashlib
import math
import time

from flask import current_app

from api.http.rate_limit import Counters, source
from core.errors import TooManyAttempts
from core.usernames import name_key

REMEMBERED = 3600  # seconds that failures count
FREE_TRIES = 5
FIRST_PAUSE, MAX_PAUSE = 1, 900  # seconds
ATTACK_FAILURES = 50  # of all sources together
PAUSE_UNDER_ATTACK = 60  # seconds


class Attempt:
    """A password that is being tried; say how it went."""

    def __init__(self, counters: Counters, username: str, where: str) -> None:
        name = name_key(username)  # other spellings of it are the same account's
        self._counters = counters
        self._account = f"failures/{_digest(name)}"
        self._tries = f"tries/{_digest(name, where)}"
        self._pause = f"pause/{_digest(name, where)}"

    def begin(self) -> None:
        """Count the try. Raises TooManyAttempts while a pause lasts."""
        if self._counters.get(self._pause):
            raise self._refusal()
        tries, _ = self._counters.hit(self._tries, REMEMBERED)
        attacked = self._counters.get(self._account) >= ATTACK_FAILURES
        over = tries - (1 if attacked else FREE_TRIES)
        if over < 0:
            return
        pause = (PAUSE_UNDER_ATTACK if attacked else FIRST_PAUSE) * 2 ** min(over, 20)
        if self._counters.hit(self._pause, min(pause, MAX_PAUSE))[0] > 1:
            raise self._refusal()  # another try at the same moment was first

    def failed(self) -> None:
        """Keep what was counted: the password was wrong."""
        self._counters.hit(self._account, REMEMBERED)
        _count("failed")

    def succeeded(self) -> None:
        """Forget the failures of this source: the password was right."""
        self._counters.clear(self._tries)
        self._counters.clear(self._pause)
        _count("ok")

    def _refusal(self) -> TooManyAttempts:
        _count("paused")
        left = max(1, math.ceil(self._counters.get_expiry(self._pause) - time.time()))
        unit = "second" if left == 1 else "seconds"
        return TooManyAttempts(
            left, f"These were too many wrong passwords. Please wait {left} {unit}."
        )


def attempt(username: str) -> Attempt:
    """Begin to try a password for an account. Raises TooManyAttempts."""
    found = Attempt(current_app.extensions["limits"].counters, username, source())
    found.begin()
    return found


def _count(outcome: str) -> None:
    current_app.extensions["metrics"].log_ins.labels(outcome).inc()


def _digest(*parts: str) -> str:
    """Return a key of one length for any text, from which no name can be read."""
    return hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()
