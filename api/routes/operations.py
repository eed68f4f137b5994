"""How the service is doing, for administrators: what waits, who there is, what models cost."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from apiflask import APIBlueprint, APIFlask
from flask import current_app
from pydantic import BaseModel, Field

from api.http.security import admin, caller
from api.models import Body, Success, Text, list_of
from core import job_locks, usage, users
from core.db.compiled import Row
from core.deliveries import dead_letters, queue
from core.errors import Conflict, NotFound

routes = APIBlueprint("operations", __name__, url_prefix="/api/operations")

MAX_IDS = 1000
MAX_ROWS = 50


class DeliveryQuery(Body):
    """Which deliveries are wanted: the latest fifty."""

    state: Literal["dead", "held", "waiting", "sent"] = "dead"


class DeliveryOut(BaseModel):
    """A message on its way to somebody; never its text or its target."""

    id: UUID
    username: str
    channel: str
    state: str
    due_at: datetime
    attempts: int
    last_error: str | None


class UnsentOut(BaseModel):
    """How many deliveries there are in each state but sent."""

    waiting: int
    held: int
    dead: int


class ResendIn(Body):
    """Which dead deliveries to send again."""

    ids: list[UUID] | None = Field(max_length=MAX_IDS, description="null: all of them.")


class ResentOut(BaseModel):
    """How many are sent again; the others are not dead, not there, or have no way to their user."""

    count: int


class UserQuery(Body):
    """Which fifty users are wanted, by name."""

    after: Text | None = Field(None, description="The last name of the page before.")


class UserRowOut(BaseModel):
    """A user."""

    username: str
    display_name: str | None
    role: str
    created_at: datetime


class RoleIn(Body):
    """What a user may do."""

    role: Literal["user", "admin"]


class JobOut(BaseModel):
    """A scheduled job that some daemon has met."""

    name: str
    due_at: datetime = Field(description="The due time that was taken last.")
    running_until: datetime | None = Field(description="While it runs: when it counts as hung.")


class CostQuery(Body):
    """Of how many days."""

    days: int = Field(7, ge=1, le=366)


class CostOut(BaseModel):
    """What models cost on a day (UTC), by agent, over all people."""

    day: date
    agent: str
    requests: int
    tokens: int
    cost: float = Field(description="US dollars.")


@routes.get("/deliveries")
@routes.input(DeliveryQuery, location="query", arg_name="query")
@routes.output(list_of(DeliveryOut))
@admin
def deliveries(query: DeliveryQuery) -> list[Row]:
    """List deliveries in a state."""
    return dead_letters.find(query.state, MAX_ROWS)


@routes.get("/unsent")
@routes.output(UnsentOut)
@admin
def unsent() -> dict[str, int]:
    """Count the deliveries that are not sent."""
    return queue.unsent()


@routes.post("/resend")
@routes.input(ResendIn, arg_name="body")
@routes.output(ResentOut)
@admin
def resend(body: ResendIn) -> dict[str, int]:
    """Have dead deliveries sent again, with all their tries."""
    return {"count": dead_letters.retry(body.ids, current_app.extensions["clock"]())}


@routes.get("/users")
@routes.input(UserQuery, location="query", arg_name="query")
@routes.output(list_of(UserRowOut))
@admin
def user_list(query: UserQuery) -> list[Row]:
    """List users."""
    return users.list_users(after=query.after, limit=MAX_ROWS)


@routes.put("/users/<path:username>/role")
@routes.input(RoleIn, arg_name="body")
@routes.output(Success)
@routes.doc(responses={409: "It is your own role."})
@admin
def set_role(username: str, body: RoleIn) -> Success:
    """Make a user an administrator, or one no longer."""
    user = users.find_user_by_name(username)
    if user is None or user["username"] != username:  # not somebody whose name looks like it
        raise NotFound(f"There is no user called {username}.")
    if user["id"] == caller().user_uuid:
        raise Conflict("Your own role is for another administrator to change.")
    users.set_role(username, body.role)
    return Success()


@routes.get("/jobs")
@routes.output(list_of(JobOut))
@admin
def jobs() -> list[Row]:
    """List the scheduled jobs, by name."""
    return job_locks.list_all()


@routes.get("/costs")
@routes.input(CostQuery, location="query", arg_name="query")
@routes.output(list_of(CostOut))
@admin
def costs(query: CostQuery) -> list[Row]:
    """Add up what models have cost, the latest day first."""
    return usage.by_day(current_app.extensions["clock"](), query.days)


def register(app: APIFlask) -> None:
    """Add the routes below /api/operations."""
    app.register_blueprint(routes)
