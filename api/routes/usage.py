"""What language models cost: counted by the bot before and after it asks one, read by users."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from apiflask import APIBlueprint, APIFlask
from flask import current_app
from pydantic import BaseModel, Field, StringConstraints

from api.models import Body
from api.security import caller, service
from core import usage
from core.usage import Limits, Reached, Spent

MOST = 1000  # users in one request

routes = APIBlueprint("usage", __name__, url_prefix="/api")

Agent = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=64)]
Amount = Annotated[int, Field(ge=0, le=1_000_000_000)]


class SpentIn(Body):
    """What a user's request to a model came to."""

    user_uuid: UUID
    prompt_tokens: Amount = 0
    completion_tokens: Amount = 0
    cost: float = Field(0, ge=0, le=1_000_000, allow_inf_nan=False, description="US dollars.")


class Counting(Body):
    """What was spent through an agent, and who wants to ask a model now."""

    agent: Agent
    spent: list[SpentIn] = Field([], max_length=MOST)
    wanted: list[UUID] = Field([], max_length=MOST)


class Counted(BaseModel):
    """For each in `wanted` null, or the limit that they have reached until `resets_at`."""

    reached: list[Reached | None]
    resets_at: datetime


class UsageOut(BaseModel):
    """What you have spent today; a limit of 0 is none."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: float = Field(description="US dollars, as far as the models' prices are known.")
    request_limit: int
    token_limit: int
    resets_at: datetime


@routes.post("/service/usage")
@routes.input(Counting, arg_name="body")
@routes.output(Counted)
@service
def count(body: Counting) -> Counted:
    """Note what was spent, then count a request for each user who may ask a model."""
    spent = [Spent(**one.model_dump()) for one in body.spent]
    reached = usage.settle(body.agent, spent, body.wanted, _limits(), _now())
    return Counted(reached=reached, resets_at=usage.next_day(_now()))


@routes.get("/usage")
@routes.output(UsageOut)
def show_usage() -> UsageOut:
    """Read what you have spent on language models today."""
    limits = _limits()
    return UsageOut(
        **usage.used_on(caller().user_uuid, _now()),
        request_limit=limits.requests_per_user,
        token_limit=limits.tokens_per_user,
        resets_at=usage.next_day(_now()),
    )


def _limits() -> Limits:
    settings = current_app.extensions["settings"]
    return Limits(
        settings.model_requests_per_user_day,
        settings.model_tokens_per_user_day,
        settings.model_tokens_per_agent_day,
    )


def _now() -> datetime:
    now: datetime = current_app.extensions["clock"]()
    return now


def register(app: APIFlask) -> None:
    """Add the routes."""
    app.register_blueprint(routes)
