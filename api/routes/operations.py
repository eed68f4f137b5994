"""How the service is doing, for administrators: what waits, who there is, what models cost."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from apiflask import APIBlueprint, APIFlask
from flask import current_app
from pydantic import BaseModel, Field

from api.http.context import time_now
from api.http.security import admin, caller
from api.models import Body, Success, Text, list_of
from core import checks, job_locks, usage, users
from core.agents import activity, knowledge, memory, rules
from core.agents.tables import ChatAddress
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
    next_at: datetime | None = Field(description="The due time that comes next.")


class AgentsQuery(Body):
    """Which fifty agents are wanted, by name."""

    after: Text | None = Field(None, max_length=255, description="The last name before.")


class AgentActivityOut(BaseModel):
    """How busy an agent is."""

    name: str
    messages_per_minute: int | None = Field(
        description="That it answered, as its process last told; null: none has."
    )
    last_error: str | None
    last_error_at: datetime | None
    tokens_today: int
    token_limit: int = Field(description="What it may spend a day; 0: no limit.")
    rules: list[str] = Field(description="When it answers, in words.")


class PersonOut(BaseModel):
    """Whom an agent remembers, and how much; never what was said."""

    platform: str
    account_id: str
    user_uuid: UUID | None = Field(description="null: nobody has logged in there.")
    username: str | None
    turns: int
    summaries: int
    latest: datetime


class ForgetIn(Body):
    """Whom an agent is to forget: a user everywhere, or an account that is nobody's."""

    user_uuid: UUID | None = None
    platform: Annotated[Text, Field(max_length=32)] = ""
    account_id: Annotated[Text, Field(max_length=64)] = ""


class ForgottenOut(BaseModel):
    """How much was erased."""

    turns: int
    summaries: int


class DocumentOut(BaseModel):
    """A document that an agent looks things up in."""

    name: str
    characters: int
    added_at: datetime


class DocumentQuery(Body):
    """Which document is meant."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]


class LogQuery(Body):
    """Whose lines are wanted: the latest of one agent, or of all."""

    agent: Annotated[Text, Field(max_length=64)] | None = Field(
        None, description="A name; -: lines about no agent."
    )


class LogLineOut(BaseModel):
    """A warning or an error of a process of the bot, without the words of errors."""

    agent: str
    at: datetime
    level: str
    message: str


class CheckOut(BaseModel):
    """What a check has found: good, unused, warning or bad; and what to do."""

    mark: str
    subject: str
    what: str
    advice: str


class TotalsQuery(Body):
    """By what costs are added up, and of how many days."""

    by: Literal["day", "agent", "model"] = "day"
    days: int = Field(7, ge=1, le=366)


class TotalOut(BaseModel):
    """What a day, an agent or a model has cost."""

    name: str
    requests: int
    tokens: int
    cost: float = Field(description="US dollars.")


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
    return {"count": dead_letters.retry(body.ids, time_now())}


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
    return usage.by_day(time_now(), query.days)


@routes.get("/costs/totals")
@routes.input(TotalsQuery, location="query", arg_name="query")
@routes.output(list_of(TotalOut))
@admin
def totals(query: TotalsQuery) -> list[Row]:
    """Add up what models have cost by day, agent or model: up to fifty of them."""
    return usage.totals(time_now(), query.days, query.by, MAX_ROWS)


@routes.get("/agents")
@routes.input(AgentsQuery, location="query", arg_name="query")
@routes.output(list_of(AgentActivityOut))
@admin
def agent_list(query: AgentsQuery) -> list[Row]:
    """Tell how busy agents are."""
    rows = activity.list_all(time_now(), MAX_ROWS, after=query.after)
    return [_busy(row) for row in rows]


@routes.get("/agents/<name>")
@routes.output(AgentActivityOut)
@admin
def agent(name: str) -> Row:
    """Tell how busy an agent is."""
    return _busy(activity.find(name, time_now()))


@routes.get("/agents/<name>/memory")
@routes.output(list_of(PersonOut))
@admin
def remembered(name: str) -> list[Row]:
    """List whom an agent remembers: the fifty who spoke with it last."""
    return memory.people_of(name, MAX_ROWS)


@routes.post("/agents/<name>/forget")
@routes.input(ForgetIn, arg_name="body")
@routes.output(ForgottenOut)
@admin
def forget(name: str, body: ForgetIn) -> dict[str, int]:
    """Erase what an agent knows of somebody."""
    if body.user_uuid is not None:
        return memory.forget_user(body.user_uuid, name, time_now())._asdict()
    return memory.forget(ChatAddress(body.platform, name, body.account_id), time_now())._asdict()


@routes.get("/agents/<name>/documents")
@routes.output(list_of(DocumentOut))
@admin
def documents(name: str) -> list[Row]:
    """List what an agent looks things up in."""
    return knowledge.list_all(name)


@routes.delete("/agents/<name>/documents")
@routes.input(DocumentQuery, location="query", arg_name="query")
@routes.output(Success)
@admin
def remove_document(name: str, query: DocumentQuery) -> Success:
    """Remove a document of an agent's."""
    knowledge.remove(name, query.name)
    return Success()


@routes.get("/log")
@routes.input(LogQuery, location="query", arg_name="query")
@routes.output(list_of(LogLineOut))
@admin
def log(query: LogQuery) -> list[Row]:
    """List the latest fifty warnings and errors of the bot's processes."""
    return activity.log_of(query.agent, MAX_ROWS)


@routes.get("/checks")
@routes.output(list_of(CheckOut))
@admin
def run_checks() -> list[Row]:
    """Check what can be checked from within; `manage.py doctor` asks other servers, too."""
    return [finding._asdict() for finding in checks.examine(time_now())]


def _busy(row: Row) -> Row:
    """Return an agent with its rules in words, and what limits it."""
    settings = row.pop("settings")
    own = settings.get("tokens_per_day")
    limits = (current_app.extensions["settings"].model_tokens_per_agent_day, own)
    some = [limit for limit in limits if isinstance(limit, int) and limit > 0]
    return {**row, "token_limit": min(some, default=0), "rules": rules.in_words(row["answers"])}


def register(app: APIFlask) -> None:
    """Add the routes below /api/operations."""
    app.register_blueprint(routes)
