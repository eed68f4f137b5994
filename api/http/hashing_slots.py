"""How many requests may hash a password at once: each takes a core for a fifth of a second.

All cores but one compute. Others wait for their turn in the order in which they came, for a few
seconds and on half of the server's threads at most. So the other requests are served while everyone
logs in; who finds no slot is asked to come back in a moment.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import BoundedSemaphore
from typing import ParamSpec, TypeVar

from apiflask import APIFlask
from flask import current_app

from core.errors import Unavailable
from runtime.cores import on_any_core, usable_cores
from runtime.logs import holds_secret

MAX_WAIT = 3.0  # seconds

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class TooBusy(Unavailable):
    """Too many people log in at this moment."""

    message = "Many people are logging in right now. Please try again in a moment."
    retry_after = 1


class HashingSlots:
    """The places of one application."""

    def __init__(self, threads: int, cores: int) -> None:
        self.cores = usable_cores()  # of all threads, before the process keeps to one
        self.turns = BoundedSemaphore(max(1, cores - 1))
        self.places = BoundedSemaphore(max(1, threads // 2))


@contextmanager
def hashing_slot() -> Iterator[None]:
    """Hold one of the places in which passwords are hashed; raise TooBusy where none is free."""
    holds_secret.set(True)  # until the request ends
    slots: HashingSlots = current_app.extensions["hashing"]
    if not slots.places.acquire(blocking=False):
        raise TooBusy
    try:
        if not slots.turns.acquire(timeout=MAX_WAIT):
            raise TooBusy
        try:
            with on_any_core(slots.cores):
                yield
        finally:
            slots.turns.release()
    finally:
        slots.places.release()


def hashes(view: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a view hash passwords in a free slot. It raises TooBusy where there is none."""

    @wraps(view)
    def in_slot(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with hashing_slot():
            return view(*args, **kwargs)

    return in_slot


def install(app: APIFlask) -> None:
    """Set the number of slots by the threads in the settings, and by this process's cores."""
    settings = app.extensions["settings"]
    cores = (os.cpu_count() or 1) // settings.web_concurrency
    app.extensions["hashing"] = HashingSlots(settings.api_threads, cores)
