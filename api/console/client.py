"""How a page asks the API: as any program does, with the user's token, but without a connection.

So the rules are the API's own: its checks, limits, errors and transactions. A request within a
request has a context of its own, and the routes see nothing of the browser but its address.
"""

import json
from collections.abc import Mapping
from contextvars import copy_context
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask, Response, current_app, request

from api.console.session import token
from api.http.request_id import HEADER as REQUEST_ID
from api.http.streams import HAND_OVER
from core.db.compiled import Row as Row
from core.errors import AppError, NotFound
from runtime.logs import request_id

PASSED_ON = (
    "REMOTE_ADDR",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "HTTP_HOST",
    "HTTP_LAST_EVENT_ID",
    "wsgi.version",
    "wsgi.url_scheme",
    "wsgi.errors",
    "wsgi.multithread",
    "wsgi.multiprocess",
    "wsgi.run_once",
    HAND_OVER,
)


class Refused(AppError):
    """The API refused what was asked; `fields` says what is wrong with which field."""

    def __init__(self, status: int, message: str, fields: Mapping[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.fields = dict(fields)


def ask(method: str, path: str, body: object = None, **query: object) -> Response:
    """Send a request to the API as the user who is signed in, and return its answer."""
    wanted = urlencode({name: value for name, value in query.items() if value is not None})
    content = b"" if body is None else json.dumps(body).encode()
    environ = {name: request.environ[name] for name in PASSED_ON if name in request.environ}
    environ |= {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": wanted,
        "CONTENT_TYPE": "application/json" if content else "",
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": BytesIO(content),
        f"HTTP_{REQUEST_ID.upper().replace('-', '_')}": request_id.get(),
    }
    if known := token():
        environ["HTTP_AUTHORIZATION"] = f"Bearer {known}"
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return copy_context().run(_answer, app, environ)


def fetch(method: str, path: str, body: object = None, **query: object) -> Any:  # noqa: ANN401
    """Return what the API answers, read as JSON. Raises Refused."""
    return _read(ask(method, path, body, **query))


def fetch_page(path: str, **query: object) -> tuple[list[Row], str | None]:
    """Return the rows of a list, and the cursor of the page after them. Raises Refused."""
    answer = ask("GET", path, **query)
    rows: list[Row] = _read(answer)
    link = answer.headers.get("Link", "").partition(">")[0].lstrip("<")
    return rows, next(iter(parse_qs(urlsplit(link).query).get("cursor", [])), None)


def _answer(app: Flask, environ: dict[str, Any]) -> Response:
    with app.request_context(environ):
        return app.full_dispatch_request()


def _read(answer: Response) -> Any:  # noqa: ANN401 - any JSON
    said = answer.get_json(silent=True)
    if answer.status_code < 300:
        return said
    if answer.status_code < 400:  # it leads to another address, which nobody here meant
        raise Refused(404, NotFound.message, {})
    said = said if isinstance(said, dict) else {}
    raise Refused(answer.status_code, said.get("error", AppError.message), said.get("fields") or {})
