"""One id a request: taken from X-Request-ID or made, in every log line, and on the answer."""

import logging
import re
import time
from random import getrandbits

from apiflask import APIFlask
from flask import Request, Response, current_app, request

from api.http.context import RequestContext, View, current_context
from runtime.logs import holds_secret, request_id

log = logging.getLogger(__name__)


QUIET = "quiet"
HEADER = "X-Request-ID"
SAFE = re.compile(r"[A-Za-z0-9._:-]{1,128}")  # what may stand in a log line unescaped


def quiet(view: View) -> View:
    """Log the calls of this route, which is asked every few seconds, as details."""
    view.__dict__[QUIET] = True
    return view


def install(app: APIFlask) -> None:
    """Give every request an id and every answer a log line. Comes before all other hooks."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    this: Request = request._get_current_object()  # type: ignore[attr-defined]
    given = this.headers.get(HEADER)
    name = given if given and SAFE.fullmatch(given) else f"{getrandbits(128):032x}"
    request_id.set(name)
    holds_secret.set(False)
    current_context.set(RequestContext(this, name, time.perf_counter()))


def _end(response: Response) -> Response:
    call = current_context.get()
    response.headers.add(HEADER, call.request_id)
    level = logging.DEBUG if response.status_code < 400 and _is_quiet(call) else logging.INFO
    if log.isEnabledFor(level):
        log.log(
            level,
            "%s %s %d %.1f ms",
            call.request.method,
            call.request.url_rule or "(no such address)",  # the rule: a path may hold a user's name
            response.status_code,
            (time.perf_counter() - call.started) * 1000,
        )
    return response


def _is_quiet(call: RequestContext) -> bool:
    view = current_app.view_functions.get(call.request.endpoint or "")
    return view is not None and QUIET in view.__dict__
