"""One id a request: taken from X-Request-ID or made, in every log line, and on the answer."""

import logging
import re
import time
from uuid import uuid4

from apiflask import APIFlask
from flask import Response, g, request

from config.logs import request_id

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
SAFE = re.compile(r"[A-Za-z0-9._:-]{1,128}")  # what may stand in a log line unescaped


def install(app: APIFlask) -> None:
    """Give every request an id and every answer a log line. Comes before all other hooks."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    request_id.set(given if SAFE.fullmatch(given) else uuid4().hex)
    g.started = time.perf_counter()


def _end(response: Response) -> Response:
    response.headers[HEADER] = request_id.get()
    log.info(
        "%s %s %d %.1f ms",
        request.method,
        request.url_rule or "(no such address)",  # the rule: a path may hold a user's name
        response.status_code,
        (time.perf_counter() - g.started) * 1000,
    )
    return response
