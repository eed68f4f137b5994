"""A POST that is sent again with the same Idempotency-Key makes one row and gets the first answer.

The key is written in the transaction that does the work. So either both are there or neither, and a
second request at the same time waits at the unique constraint until the first is done. Only what
succeeded is kept: a request that was refused made nothing, and may be tried again.
"""

import hashlib
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from apiflask import APIFlask
from flask import Response, current_app

from api.http.context import current_context
from core import postgres
from core.db.compiled import Row
from core.db.engine import transaction
from core.errors import AppError, Conflict, InvalidInput

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
KEY = re.compile(r"[!-~]{1,255}")  # visible ASCII


class KeyReused(AppError):
    """An Idempotency-Key came with another request than the first time."""

    status = 422
    message = f"This {HEADER} was used for another request. Use a new one for each."


class _SentBefore(Exception):
    """There is a row for this key."""


def install(app: APIFlask) -> None:
    """Heed the header in every POST of a user."""
    app.dispatch_request = partial(_once, app.dispatch_request)  # type: ignore[method-assign]


def _once(dispatch: Callable[[], Any]) -> Any:  # noqa: ANN401 - what a view may return
    call = current_context.get()
    key = call.request.headers.get(HEADER)
    if key is None or call.request.method != "POST" or call.caller is None:
        return dispatch()
    if not KEY.fullmatch(key):
        raise InvalidInput(f"{HEADER}: 1 to 255 visible ASCII characters.")
    mine = {"user_uuid": call.caller.user_uuid, "idempotency_key": key}
    try:
        return _first(mine, dispatch)
    except _SentBefore:
        return _again(mine)


def _first(mine: Row, dispatch: Callable[[], Any]) -> Response:
    with transaction():
        try:
            row = postgres.insert("idempotency_keys", mine | {"request_hash": _request_hash()})
        except Conflict as error:
            raise _SentBefore from error
        response = current_app.make_response(dispatch())
        answer = {"status": response.status_code, "answer": response.get_data(as_text=True)}
        postgres.update("idempotency_keys", answer, {"id": row["id"]})
        return response


def _again(mine: Row) -> Response:
    row = postgres.select_one("idempotency_keys", mine)
    if row is None:  # forgotten at this very moment, being a day old
        raise Conflict("This request was sent before; send it again with a new key.")
    if row["request_hash"] != _request_hash():
        raise KeyReused
    headers = {REPLAYED_HEADER: "true"}
    return Response(row["answer"], row["status"], headers, mimetype="application/json")


def _request_hash() -> str:
    request = current_context.get().request
    what = f"{request.method} {request.full_path}\n".encode()
    return hashlib.sha256(what + request.get_data()).hexdigest()
