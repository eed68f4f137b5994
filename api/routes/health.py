"""Whether the service is alive."""

from typing import Literal

from apiflask import APIFlask
from pydantic import BaseModel

from api.limits import unlimited
from api.security import public


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


def register(app: APIFlask) -> None:
    """Add GET /health."""

    @app.get("/health")
    @app.output(Health)
    @public
    @unlimited
    def health() -> Health:
        """Say that the process answers. Asks no database."""
        return Health()
