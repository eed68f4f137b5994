"""While the database is migrated, probes are answered and everything else is asked to come back."""

from apiflask import APIFlask
from flask import current_app, request

from core.errors import Unavailable

PROBES = ("health", "ready", "metrics")
STARTING = "starting"


def install(app: APIFlask) -> None:
    """Hold back requests from `begin` to `end`."""
    app.before_request(_hold_back)


def begin(app: APIFlask) -> None:
    """Answer only PROBES from now on."""
    app.extensions[STARTING] = True


def end(app: APIFlask) -> None:
    """Answer every request from now on."""
    app.extensions[STARTING] = False


def _hold_back() -> None:
    if current_app.extensions.get(STARTING) and request.endpoint not in PROBES:
        raise Unavailable("The service is starting. Please try again in a moment.")
