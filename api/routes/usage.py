"""What language models cost: counted by the bot before and after it asks one, read by users."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from apiflask import APIBlueprint, APIFlask
from flask import current_app
from pydantic import BaseModel, Field, model_validator

from api.http.context import time_now
from api.http.security import caller, service
from api.models import Body, Platform, Short
from core import usage
from core.usage import Account, Limits, Person, Reached, Spent
from core.usage.reservations import Reservation

MAX_USERS = 1000  # users in one request

routes = APIBlueprint("usage", __name__, url_prefix="/api")

Amount = Annotated[int, Field(ge=0, le=1_000_000_000)]


class AccountIn(Body):
    """Somebody who is not logged in, by their account on a platform."""

    platform: Platform
    account_id: Short


class SpentIn(Body):
    """What a request to a model came to, for a user or for an account."""

    user_uuid: UUID | None = None
    account: AccountIn | None = None
    prompt_tokens: Amount = 0
    completion_tokens: Amount = 0
    cost: float = Field(0, ge=0, le=1_000_000, allow_inf_nan=False, description="US dollars.")
    reservation: UUID | None = Field(
        None, description="What was held back for it; with one, it counts once however often sent."
    )

    @model_validator(mode="after")
    def _is_one_persons(self) -> Self:
        if (self.user_uuid is None) == (self.account is None):
            raise ValueError("give either user_uuid or account")
        return self

    def spent(self) -> Spent:
        """Return it with the one person whose it is."""
        who = self.user_uuid or self.account
        assert who is not None  # noqa: S101 - validated
        return Spent(_person(who), **self.model_dump(exclude={"user_uuid", "account"}))


class ReservationIn(Body):
    """The tokens to hold back for a request until what it came to is noted."""

    id: UUID
    tokens: Amount


class Counting(Body):
    """What was spent through an agent, and who wants to ask a model now."""

    agent: Short
    spent: list[SpentIn] = Field([], max_length=MAX_USERS)
    wanted: list[UUID | AccountIn] = Field([], max_length=MAX_USERS)
    reserve: list[ReservationIn] = Field(
        [], max_length=MAX_USERS, description="One for each in `wanted`, or none at all."
    )
    agent_token_limit: int = Field(
        0,
        ge=0,
        le=10**15,
        description="What this agent may spend a day, where that is less; 0: no.",
    )

    @model_validator(mode="after")
    def _reserves_for_each(self) -> Self:
        if self.reserve and len(self.reserve) != len(self.wanted):
            raise ValueError("reserve: give one for each in wanted, or none")
        return self


class Counted(BaseModel):
    """For each in `wanted` null, or the limit that they have reached until `resets_at`."""

    reached: list[Reached | None]
    resets_at: datetime


class UsageOut(BaseModel):
    """What counts for you today; a limit of 0 is none."""

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
    """Note what was spent, then count a request for each person who may ask a model."""
    limits, now = _limits().bounded(body.agent_token_limit), time_now()
    spent = [one.spent() for one in body.spent]
    wanted = [_person(one) for one in body.wanted]
    reserve = [Reservation(one.id, one.tokens) for one in body.reserve]
    reached = usage.settle(body.agent, spent, wanted, limits, now, reserve)
    return Counted(reached=reached, resets_at=usage.next_day(now))


@routes.get("/usage")
@routes.output(UsageOut)
def show_usage() -> UsageOut:
    """Read what you have spent on language models today."""
    limits = _limits()
    return UsageOut(
        **usage.used_on(caller().user_uuid, time_now()),
        request_limit=limits.requests_per_user,
        token_limit=limits.tokens_per_user,
        resets_at=usage.next_day(time_now()),
    )


def _person(who: UUID | AccountIn) -> Person:
    return who if isinstance(who, UUID) else Account(who.platform, who.account_id)


def _limits() -> Limits:
    settings = current_app.extensions["settings"]
    return Limits(
        settings.model_requests_per_user_day,
        settings.model_tokens_per_user_day,
        settings.model_tokens_per_agent_day,
    )


def register(app: APIFlask) -> None:
    """Add the routes."""
    app.register_blueprint(routes)
