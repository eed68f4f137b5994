"""What is known of the request that is being answered.

Flask's `request` and `g` find the current request at every use, which takes longer than most
of what the hooks do. So they share this one object instead.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from flask import Request, current_app

from core.auth import Caller
from core.errors import NotAuthenticated

View = TypeVar("View", bound=Callable[..., Any])
Access = Literal["user", "admin", "public", "service", "operator"]


@dataclass(slots=True)
class RequestContext:
    """One request, and what the hooks found out about it."""

    request: Request
    request_id: str
    started: float  # by time.perf_counter()
    access: Access = "public"
    is_bot: bool = False
    caller: Caller | None = None
    refusal: NotAuthenticated | None = None  # why there is no caller
    limit: tuple[int, int, int] | None = None  # how many, how many are left, until when


current_context: ContextVar[RequestContext] = ContextVar("call")


def time_now() -> datetime:
    """Return the time by the application's clock."""
    now: datetime = current_app.extensions["clock"]()
    return now
