"""What bot processes look up for agents, with the service key."""

from typing import Annotated

from apiflask import APIBlueprint, APIFlask
from pydantic import BaseModel, Field

from api.http.request_id import quiet
from api.http.security import service
from api.models import Body, Short, Text
from core.agents import knowledge

routes = APIBlueprint("service_knowledge", __name__, url_prefix="/api/service")


class Search(Body):
    """What is looked for in an agent's documents."""

    agent: Short
    query: Annotated[Text, Field(min_length=1, max_length=500)]
    limit: int = Field(5, ge=1, le=20)


class PassageOut(BaseModel):
    """A part of a document; `place` is its heading or its page."""

    source: str
    place: str
    content: str


class Found(BaseModel):
    """The passages that fit best, the best one first."""

    passages: list[PassageOut]


@routes.post("/knowledge/search")
@routes.input(Search, arg_name="body")
@routes.output(Found)
@service
@quiet
def search(body: Search) -> Found:
    """Search an agent's documents for any of the words."""
    found = knowledge.search(body.agent, body.query, body.limit)
    return Found(passages=[PassageOut(**row) for row in found])


def register(app: APIFlask) -> None:
    """Add the routes."""
    app.register_blueprint(routes)
