"""For those who run the service: is it alive, is it ready, how is it doing."""

from typing import Any, Literal

from apiflask import APIFlask
from flask import Response, current_app
from pydantic import BaseModel

from api.http.rate_limit import unlimited
from api.http.request_id import quiet
from api.http.security import operator, public
from api.metrics import CONTENT_TYPE
from core import migrations
from core.db.engine import get_database
from core.errors import Unavailable
from runtime.metrics import stopped_loops

METRICS: Any = {
    "description": "The metrics, in Prometheus' text format.",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}


class Health(BaseModel):
    """All is well."""

    status: Literal["ok"] = "ok"


def register(app: APIFlask) -> None:
    """Add GET /health, /ready and /metrics."""

    @app.get("/health")
    @app.output(Health)
    @app.doc(responses={503: "A loop of this process, such as the scheduler's, has ended."})
    @public
    @unlimited
    @quiet
    def health() -> Health:
        """Say that the process answers, and that its loops turn. Asks no database."""
        if loops := stopped_loops():
            raise Unavailable(f"These loops have stopped: {', '.join(loops)}. Restart the process.")
        return Health()

    @app.get("/ready")
    @app.output(Health)
    @app.doc(responses={503: "The database is away, or does not suit this program."})
    @public
    @quiet
    def ready() -> Health:
        """Say whether requests can be served: the database answers, and suits this program."""
        if not migrations.is_ready(get_database()):
            raise Unavailable("The database is being migrated, or does not suit this program.")
        return Health()

    @app.get("/metrics")
    @app.doc(responses={200: METRICS})
    @operator
    @quiet
    def metrics() -> Response:
        """Tell Prometheus how the service is doing."""
        return Response(current_app.extensions["metrics"].text(), content_type=CONTENT_TYPE)
