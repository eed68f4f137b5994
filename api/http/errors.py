"""The one place where an exception becomes an answer: `{"error": "<what happened, in words>"}`."""

import logging
import re
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response, jsonify, request
from werkzeug.exceptions import HTTPException

from core.errors import AppError, OutOfDate, Unavailable
from runtime.logs import for_developers, holds_secret, request_id, where_raised

log = logging.getLogger(__name__)

MAX_FIELDS = 10
MAX_NAME = 100
SECRET_FIELD = re.compile(rb'(?i)"\w{0,40}(?:pass|secret|token|key)\w{0,40}"\s{0,9}:')
SENTENCES = {
    400: "The request can't be understood.",
    404: "There is nothing at this address.",
    408: "The request took too long to arrive.",
    413: "The request is too large.",
    414: "The address is too long.",
    415: "The body has a type that can't be read here; send JSON.",
}


def install(app: APIFlask) -> None:
    """Answer every error of this application with JSON."""
    app.register_error_handler(AppError, _app_error)
    app.register_error_handler(HTTPError, _bad_fields)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _answer(status: int, message: str, **more: Any) -> Response:  # noqa: ANN401 - any JSON
    response = jsonify({"error": message, **more})
    response.status_code = status
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _app_error(error: AppError) -> Response:
    if error.status == 500:
        return _unexpected(error)
    message = str(error)
    if isinstance(error, OutOfDate):
        log.error("unavailable in %s: %s", request.endpoint, message)
        message = Unavailable.message
    elif isinstance(error, Unavailable):
        log.warning(
            "unavailable in %s: %s", request.endpoint, type(error.__cause__ or error).__name__
        )
    response = _answer(error.status, message)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _bad_fields(error: HTTPError) -> Response:
    """Say which fields of a body or a query are wrong, and how."""
    problems: dict[str, list[str]] = next(iter((error.detail or {"": {}}).values()))
    fields = {
        name[:MAX_NAME]: " ".join(message.removeprefix("Value error, ") for message in messages)
        for name, messages in list(problems.items())[:MAX_FIELDS]
    }
    whole = fields.pop("_schema", None)
    sentences = [whole] if whole else []
    sentences += [f"{name}: {message}" for name, message in fields.items()]
    return _answer(400, "; ".join(sentences) or SENTENCES[400], fields=fields)


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.response is not None or (error.code or 500) < 400:
        return error  # a redirect is no error
    status = error.code or 500
    if status == 405:
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or []))
        message = f"This address does not take {request.method}; it takes {allowed}."
    else:
        message = SENTENCES.get(status, f"{error.name}.")
    response = _answer(status, message)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    if SECRET_FIELD.search(request.get_data()):
        holds_secret.set(True)
    log.error("unexpected error in %s\n%s", request.endpoint, where_raised(error))
    words = for_developers(error)
    more = {"exception": words} if words else {}
    return _answer(500, AppError.message, request_id=request_id.get(), **more)
