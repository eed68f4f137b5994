"""What bot processes ask about agents, with the service key: which to run, what they remember."""

from datetime import datetime
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint, APIFlask
from flask import current_app
from pydantic import BaseModel, Field

from api.http.context import time_now
from api.http.request_id import quiet
from api.http.security import service
from api.models import Body, ChatAddressIn, PointInTime, Process, Short, Success, Text
from core import usage
from core.agents import activity, memory
from core.agents.leases import Leases, Report, Running

MAX_AGENTS = 1000  # that one process reports
MAX_TURNS = 200  # in one request
MAX_TURN = 16_000  # characters

routes = APIBlueprint("service_agents", __name__, url_prefix="/api/service")

Content = Annotated[Text, Field(min_length=1, max_length=MAX_TURN)]


class AgentStatus(Body):
    """How an agent is doing; in the state `stopped` it no longer runs."""

    name: Short
    state: Annotated[Short, Field(max_length=32)]
    since: PointInTime | None = None
    guilds: int | None = Field(None, ge=0, le=10_000_000)
    latency_ms: float | None = Field(None, ge=0, le=1e9, allow_inf_nan=False)
    error: Text | None = Field(None, max_length=2000)
    revision: int | None = Field(None, ge=0, lt=2**31)


class Sync(Body):
    """What a process runs, and whether it is about to end.

    It goes on naming an agent that it was told to stop, until the agent has stopped: then another
    process may have it.
    """

    process: Process
    capacity: int = Field(50, ge=0, le=MAX_AGENTS)
    environment: bool = Field(False, description="It has a token of its own to run without agents.")
    stopping: bool = False
    agents: list[AgentStatus] = Field([], max_length=MAX_AGENTS)


class AgentToRun(BaseModel):
    """An agent; its token is sealed, or env:NAME."""

    name: str
    type: str
    token: str
    answers: dict[str, Any]
    settings: dict[str, Any]
    revision: int
    created_at: datetime


class ToRun(BaseModel):
    """All that the process has to run; whatever else it runs, it has to stop.

    Without another answer within `lease_seconds` of asking, it has to stop everything.
    """

    lease_seconds: float
    environment: bool
    agents: list[AgentToRun]
    wanted: int = Field(description="Agents that should run in all processes together.")


class LineIn(Body):
    """A warning or an error of the log; `agent` is "-" where it is about none."""

    agent: Short
    at: PointInTime
    level: Literal["WARNING", "ERROR", "CRITICAL"]
    message: Annotated[Text, Field(max_length=300)]


class ModelCostIn(Body):
    """What requests to a model came to."""

    model: Annotated[Text, Field(min_length=1, max_length=200)]
    requests: int = Field(0, ge=0, le=1_000_000)
    prompt_tokens: int = Field(0, ge=0, le=10**12)
    completion_tokens: int = Field(0, ge=0, le=10**12)
    cost: float = Field(0, ge=0, le=1e9, allow_inf_nan=False, description="US dollars.")


class ActivityIn(Body):
    """What agents of a process did since it told last."""

    lines: list[LineIn] = Field([], max_length=100)
    answered: dict[Short, Annotated[int, Field(ge=0, le=10**6)]] = Field(
        {}, max_length=MAX_AGENTS, description="Messages in the last minute, by agent."
    )
    models: list[ModelCostIn] = Field([], max_length=200)


class References(ChatAddressIn):
    """How much is wanted: both limits hold."""

    limit: int = Field(50, ge=0, le=MAX_TURNS)
    characters: int | None = Field(None, ge=0, le=10_000_000)
    direct: bool | None = Field(
        None, description="What was said in direct messages, or in channels; null: both."
    )


class TurnIn(Body):
    """What one of the two said."""

    role: Literal["user", "assistant"]
    content: Content


class SummaryIn(Body):
    """What the turns up to an id came to; it replaces them."""

    content: Content
    up_to: int = Field(ge=0, lt=2**63)


class Noting(ChatAddressIn):
    """What was said, and a new summary where one was made."""

    turns: list[TurnIn] = Field([], max_length=MAX_TURNS)
    summary: SummaryIn | None = None
    direct: bool = Field(True, description="It was said in direct messages.")
    times_forgotten: int | None = Field(
        None,
        ge=0,
        lt=2**31,
        description="As it was read; nothing is noted of a person who was forgotten since.",
    )


class TurnOut(BaseModel):
    """What one of the two said."""

    id: int
    role: Literal["user", "assistant"]
    content: str
    at: datetime


class RememberedOut(BaseModel):
    """The turns come after the summary, oldest first."""

    summary: str | None
    turns: list[TurnOut]
    times_forgotten: int
    model: str = Field(description="The model that they have chosen; empty: the agent's own.")


class ModelIn(ChatAddressIn):
    """Which model of the agent's a person wants; empty: its own."""

    model: Annotated[Text, Field(max_length=100)]


class ChosenOut(BaseModel):
    """What the person has chosen now."""

    model: str


class Noted(BaseModel):
    """The ids of the turns that were added."""

    ids: list[int]


class ErasedOut(BaseModel):
    """How many of each were erased."""

    turns: int
    summaries: int


@routes.post("/agents/sync")
@routes.input(Sync, arg_name="body")
@routes.output(ToRun)
@service
@quiet
def sync(body: Sync) -> dict[str, Any]:
    """Renew a process's leases, take in how its agents are doing, and say what it has to run."""
    leases: Leases = current_app.extensions["leases"]
    told = body.model_dump()
    told["agents"] = [Running(**one) for one in told["agents"]]
    return vars(leases.sync(Report(**told)))


@routes.post("/agents/report")
@routes.input(ActivityIn, arg_name="body")
@routes.output(Success)
@service
@quiet
def report(body: ActivityIn) -> Success:
    """Keep what agents do, for administrators to see."""
    lines = [activity.Line(**line.model_dump()) for line in body.lines]
    activity.note(lines, body.answered, time_now())
    usage.note_models([one.model_dump() for one in body.models], time_now())
    return Success()


@routes.post("/memory/read")
@routes.input(References, arg_name="body")
@routes.output(RememberedOut)
@service
@quiet
def read(body: References) -> dict[str, Any]:
    """Read what an agent knows of a person."""
    return memory.read(body.address, time_now(), body.limit, body.characters, body.direct)._asdict()


@routes.post("/memory/append")
@routes.input(Noting, arg_name="body")
@routes.output(Noted, 201)
@service
@quiet
def append(body: Noting) -> Noted:
    """Add what was said, and put a summary in the place of what is older."""
    turns = [memory.Turn(turn.role, turn.content) for turn in body.turns]
    given = body.summary
    summary = memory.Summary(given.content, given.up_to) if given else None
    ids = memory.append(
        body.address,
        turns,
        time_now(),
        summary,
        direct=body.direct,
        times_forgotten=body.times_forgotten,
    )
    return Noted(ids=ids)


@routes.post("/memory/model")
@routes.input(ModelIn, arg_name="body")
@routes.output(ChosenOut)
@service
def choose_model(body: ModelIn) -> ChosenOut:
    """Keep which model of the agent's a person wants."""
    memory.choose_model(body.address, body.model)
    return ChosenOut(model=body.model)


@routes.post("/memory/forget")
@routes.input(ChatAddressIn, arg_name="body")
@routes.output(ErasedOut)
@service
def forget(body: ChatAddressIn) -> dict[str, Any]:
    """Erase what an agent knows of a person."""
    return memory.forget(body.address, time_now())._asdict()


def register(app: APIFlask) -> None:
    """Add the routes, and remember when each process was last heard of."""
    app.extensions["leases"] = Leases(app.extensions["settings"].agent_lease_seconds)
    app.register_blueprint(routes)
