"""JSON by pydantic-core: strict on the way in, at home with UUIDs and times on the way out."""

from typing import Any, NoReturn

from flask.json.provider import JSONProvider
from pydantic_core import from_json, to_json

from core.errors import InvalidInput


class JSONObject(dict[str, Any]):
    """What was sent, for routes that read it by themselves: a field that is missing is a 400."""

    def __missing__(self, name: str) -> NoReturn:
        raise InvalidInput(f"{name} is required.")


class StrictJSON(JSONProvider):
    """Refuse what no database can keep: lone surrogates, NaN, and nesting without end."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:  # noqa: ANN401 - Flask's signature
        """Write UUIDs and times as strings."""
        return to_json(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:  # noqa: ANN401 - Flask's signature
        """Read JSON. Raises ValueError."""
        value = from_json(s, allow_inf_nan=False)
        return JSONObject(value) if isinstance(value, dict) else value
