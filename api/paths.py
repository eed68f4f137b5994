"""Paths: a malformed UUID in one is the caller's mistake (400), not an unknown address (404)."""

from uuid import UUID

from apiflask import APIFlask
from werkzeug.routing import BaseConverter

from api.call import current_call
from core.errors import InvalidInput


class Malformed(str):
    """What stood in the path where a UUID belongs."""

    __slots__ = ()


class UUIDConverter(BaseConverter):
    """Read `<uuid:name>` in its usual form, with dashes; mark what is none."""

    def to_python(self, value: str) -> UUID | Malformed:
        """Return the UUID, or the text marked as malformed."""
        try:
            parsed = UUID(value)
        except ValueError:
            return Malformed(value)
        return parsed if str(parsed) == value.lower() else Malformed(value)

    def to_url(self, value: object) -> str:
        """Write a UUID with dashes."""
        return str(value)


def install(app: APIFlask) -> None:
    """Make `<uuid:name>` mean the converter above. Comes after security: a 401 goes first."""
    app.url_map.converters["uuid"] = UUIDConverter
    app.url_map.merge_slashes = False  # a user name in a path may hold two of them
    app.before_request(_refuse_malformed)


def _refuse_malformed() -> None:
    for name, value in (current_call.get().request.view_args or {}).items():
        if isinstance(value, Malformed):
            raise InvalidInput(f"{name}: this is not a UUID.")
