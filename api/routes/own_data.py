"""What is stored of a user, and what agents remember: to be seen, taken along, forgotten."""

import json
from collections.abc import Iterator
from itertools import groupby
from uuid import UUID

from apiflask import APIBlueprint, APIFlask
from flask import Response
from pydantic import AwareDatetime, BaseModel

from api.http.context import time_now
from api.http.security import caller
from api.models import list_of
from core.agents import memory
from core.db.compiled import Row
from core.transfer import own_data

routes = APIBlueprint("own_data", __name__, url_prefix="/api")


class MemoryOut(BaseModel):
    """How much an agent remembers of you, and when it was said last."""

    agent: str
    turns: int
    summaries: int
    latest: AwareDatetime


class MemoryErased(BaseModel):
    """How much an agent has forgotten."""

    turns: int
    summaries: int


@routes.get("/memory")
@routes.output(list_of(MemoryOut))
def show_memory() -> list[Row]:
    """List the agents that remember you."""
    return memory.known_of(caller().user_uuid)


@routes.delete("/memory/<agent>")
@routes.output(MemoryErased)
def forget_me(agent: str) -> dict[str, int]:
    """Have an agent forget all that you said to each other."""
    now = time_now()
    return memory.forget_user(caller().user_uuid, agent, now)._asdict()


@routes.get("/data")
@routes.doc(responses={200: "Your rows, by table."})
def take_along() -> Response:
    """Get all that is stored of you as a file, without passwords and secret addresses."""
    response = Response(_written(caller().user_uuid), mimetype="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


def _written(user_uuid: UUID) -> Iterator[str]:
    """Write the rows of each table as a list, some at a time."""
    yield "{"
    for number, (table, parts) in enumerate(
        groupby(own_data.rows_of(user_uuid), lambda one: one[0])
    ):
        yield f"{',' if number else ''}\n{json.dumps(table)}: ["
        for place, (_, rows) in enumerate(parts):
            written = ",\n".join(json.dumps(row) for row in rows)
            yield f"{',' if place else ''}\n{written}"
        yield "]"
    yield "\n}\n"


def register(app: APIFlask) -> None:
    """Add the routes of what is known of a user."""
    app.register_blueprint(routes)
