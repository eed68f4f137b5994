"""The smallest domain: things with a name. Copy this file, and change the names.

A route module declares its table and its models, and has a `register(app)` that adds its routes. It
is found by itself: no other file names it. `bot/commands/example.py` is the side that is talked to.
"""

from datetime import datetime
from uuid import UUID

from apiflask import APIFlask
from pydantic import BaseModel
from sqlalchemy import Column, String, Table

from api.models import Body, Name
from api.resources import OwnedResource
from core.tables import created_at_column, id_column, metadata, owner_column

# The table. `manage.py db revision "examples"` writes the migration that creates it.
examples = Table(
    "examples",
    metadata,
    id_column(),
    owner_column(),  # the user it belongs to; nobody else sees it
    Column("name", String(255), nullable=False),
    created_at_column(),
)


class ExampleIn(Body):
    """What a caller may send. Anything else is refused: nobody sets an id or an owner."""

    name: Name


class ExampleOut(BaseModel):
    """What is answered."""

    id: UUID
    name: str
    created_at: datetime


resource = OwnedResource(
    examples, read=ExampleOut, create=ExampleIn, update=ExampleIn, filters=("name",)
)


def register(app: APIFlask) -> None:
    """Add GET and POST /api/example, and GET, PUT and DELETE /api/example/<id>."""
    resource.register(app, "/api/example")
