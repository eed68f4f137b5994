"""Where a page of a list ended: callers get it in the Link header, and send it as it is."""

import base64
import binascii
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, request
from pydantic import AwareDatetime, BaseModel, ValidationError

from core.errors import InvalidInput

ORDER = ["created_at", "id"]
"""How lists are sorted: oldest first, and no two rows are equal."""


class Position(BaseModel):
    """The last row of a page, as far as the order goes."""

    created_at: AwareDatetime
    id: UUID  # of any version: databases make their own


def read_cursor(cursor: str) -> dict[str, Any]:
    """Return the row that a page ended with. Raises InvalidInput."""
    try:
        return Position.model_validate_json(base64.urlsafe_b64decode(cursor)).model_dump()
    except (binascii.Error, ValidationError, ValueError) as error:
        raise InvalidInput("cursor: take it from the Link header of the page before.") from error


def name_next(response: Response, last: dict[str, Any]) -> Response:
    """Say in the Link header (RFC 8288) where the page after the last row of this one is."""
    position = Position.model_validate(last).model_dump_json()
    cursor = base64.urlsafe_b64encode(position.encode()).decode()
    query = {name: value for name, value in request.args.items() if name != "offset"}
    link = f"{request.path}?{urlencode(query | {'cursor': cursor})}"
    response.headers["Link"] = f'<{link}>; rel="next"'
    return response
