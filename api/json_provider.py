"""JSON by pydantic-core: strict on the way in, at home with UUIDs and times on the way out."""

from typing import Any

from flask.json.provider import JSONProvider
from pydantic_core import from_json, to_json


class StrictJSON(JSONProvider):
    """Refuse what no database can keep: lone surrogates, NaN, and nesting without end."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:  # noqa: ANN401 - Flask's signature
        """Write UUIDs and times as strings."""
        return to_json(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:  # noqa: ANN401 - Flask's signature
        """Read JSON. Raises ValueError."""
        return from_json(s, allow_inf_nan=False)
