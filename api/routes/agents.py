"""Agents, for administrators: what `manage.py agents` does, over HTTP, and trials.

No answer holds a token.
"""

from datetime import datetime
from typing import Annotated, Any

from apiflask import APIBlueprint, APIFlask
from pydantic import BaseModel, Field

from api.http.context import time_now
from api.http.security import admin, caller
from api.models import Body, Change, Success, Text, list_of, optional
from core import agents
from core.agents.validation import MAX_MEMORY
from core.db.compiled import Row
from core.web_chats import trials

routes = APIBlueprint("agents", __name__, url_prefix="/api/agents")
trial = APIBlueprint("trial", __name__, url_prefix="/api/trial")


Name = Annotated[Text, Field(description="Small letters, digits, - and _.")]
Type = Annotated[Text, Field(description="What answers, such as echo, llm or commands.")]
Token = Annotated[Text, Field(description="The bot's token, or env:NAME.")]
Answers = Annotated[Row, Field(description="When it answers; a rule left out is at its default.")]
OfType = Annotated[Row, Field(description="The settings of its type.")]
Days = Annotated[
    int | None,
    Field(
        ge=0,
        le=MAX_MEMORY,
        description="Days that it remembers what was said; 0: no end; null: as the service does.",
    ),
]


class AgentIn(Body):
    """A new agent."""

    name: Name
    type: Type
    token: Token
    enabled: bool = True
    answers: Answers = Field(default_factory=dict)
    settings: OfType = Field(default_factory=dict)
    memory_days: Days = None


class TrialIn(Body):
    """What to try: an agent without a bot of its own, so without a token."""

    type: Type
    answers: Answers = Field(default_factory=dict)
    settings: OfType = Field(default_factory=dict)


class TrialOut(BaseModel):
    """The agent to talk to, at /api/chat/<agent>."""

    agent: str


class AgentChange(Change):
    """What is to change; answers and settings are replaced as a whole."""

    type: Type = optional()
    token: Token = optional()
    enabled: bool = optional()
    answers: Answers = optional()
    settings: OfType = optional()
    memory_days: Days = None
    revision: int | None = Field(
        None,
        ge=1,
        lt=2**31,
        description="The one that you have read; it is refused where the agent has another by now.",
    )


class AgentQuery(Body):
    """Which agents are wanted, by name: all, or some after another."""

    after: Text | None = Field(None, max_length=255, description="The last name before.")
    limit: int | None = Field(None, ge=1, le=1000)


class StatusOut(BaseModel):
    """How an agent is doing, as the process that runs it last told."""

    state: str = Field(
        description="disabled; stopping; unassigned: no process runs it; lost: its process is "
        "silent; or what its process says, such as online."
    )
    since: datetime | None
    guilds: int | None
    latency_ms: float | None
    error: str | None
    revision: int | None = Field(description="The revision that it runs with.")
    process: str | None


class AgentOut(BaseModel):
    """An agent. `token` says where its token is: env:NAME, or sealed."""

    name: str
    type: str
    enabled: bool
    token: str
    answers: Row
    settings: Row
    memory_days: int | None
    revision: int
    created_at: datetime
    updated_at: datetime
    status: StatusOut


@routes.get("")
@routes.input(AgentQuery, location="query", arg_name="query")
@routes.output(list_of(AgentOut))
@admin
def index(query: AgentQuery) -> list[Row]:
    """List the agents, by name."""
    return agents.list_all(after=query.after, limit=query.limit)


@routes.post("")
@routes.input(AgentIn, arg_name="body")
@routes.output(AgentOut, 201)
@routes.doc(responses={409: "The name is taken, or another agent has this bot."})
@admin
def add(body: AgentIn) -> Row:
    """Make an agent."""
    definition = body.model_dump(exclude={"name", "token"})
    return agents.add(body.name, body.token, definition)


@routes.get("/<name>")
@routes.output(AgentOut)
@admin
def show(name: str) -> Row:
    """Read an agent."""
    return agents.find(name)


@routes.put("/<name>")
@routes.input(AgentChange, arg_name="body")
@routes.output(AgentOut)
@routes.doc(responses={409: "Another agent has this bot, or the revision is an older one."})
@admin
def change(name: str, body: AgentChange) -> Row:
    """Change the fields that you send; it takes effect within seconds."""
    changes = body.given()
    token, revision = changes.pop("token", None), changes.pop("revision", None)
    return agents.edit(name, changes, token, revision=revision)


@routes.post("/<name>/enable")
@routes.output(AgentOut)
@admin
def enable(name: str) -> Row:
    """Have an agent run."""
    return agents.edit(name, {"enabled": True})


@routes.post("/<name>/disable")
@routes.output(AgentOut)
@admin
def disable(name: str) -> Row:
    """Have an agent stop."""
    return agents.edit(name, {"enabled": False})


@routes.delete("/<name>")
@routes.output(Success)
@admin
def remove(name: str) -> Success:
    """Delete an agent and all that it remembers."""
    agents.remove(name)
    return Success()


@trial.put("")
@trial.input(TrialIn, arg_name="body")
@trial.output(TrialOut)
@trial.doc(responses={429: "Too many administrators try agents at the moment."})
@admin
def begin_trial(body: TrialIn) -> dict[str, Any]:
    """Begin a trial, in the place of your last one; it ends an hour after your last message."""
    now = time_now()
    return {"agent": trials.begin(caller().user_uuid, body.model_dump(), now)}


@trial.delete("")
@trial.output(Success)
@admin
def end_trial() -> Success:
    """End your trial; what it remembers is erased."""
    trials.end(caller().user_uuid, time_now())
    return Success()


def register(app: APIFlask) -> None:
    """Add the routes below /api/agents and /api/trial."""
    app.register_blueprint(routes)
    app.register_blueprint(trial)
