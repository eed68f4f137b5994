"""What the bot asks about conversations over the API, with its service key."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint, APIFlask
from flask import Response, request
from pydantic import BaseModel, Field

from api.feed import feed
from api.http.context import time_now
from api.http.request_id import quiet
from api.http.security import service
from api.http.streams import HAND_OVER
from api.models import EVENTS, Body, Process, Short, Success, Text
from core import web_chats
from core.errors import NotFound
from core.web_chats import trials

MAX_AGENTS = 1000
MAX_UNDER_WAY = 1000
MAX_TEXT = 16_000  # characters of one event
MAX_BUTTONS = 25

routes = APIBlueprint("service_chat", __name__, url_prefix="/api/service/chat")

Style = Literal["plain", "go", "danger"]


class ProcessIn(Body):
    """A process of the bot."""

    process: Process


class Claim(ProcessIn):
    """For which agents a process can answer how many messages now, and which it does already."""

    agents: list[Short] = Field([], max_length=MAX_AGENTS)
    default: bool = Field(False, description="The default agent, too, where none is called so.")
    under_way: list[UUID] = Field([], max_length=MAX_UNDER_WAY)
    limit: int = Field(20, ge=0, le=100)


class TrialToRun(BaseModel):
    """What an administrator tries, without having saved it."""

    type: str
    answers: dict[str, Any]
    settings: dict[str, Any]
    begun_at: datetime


class Waiting(BaseModel):
    """A message to answer; `content` is what was posted."""

    id: UUID
    agent: str
    user_uuid: UUID
    username: str
    display_name: str | None
    content: dict[str, Any]
    trial: TrialToRun | None


class ClaimedMessages(BaseModel):
    """The messages, and the agents that are on trial at the moment."""

    messages: list[Waiting]
    trials: list[str]


class ButtonIn(Body):
    """A short cut; `send` is what is posted where it is pressed."""

    label: Text
    style: Style = "plain"
    send: dict[str, Text | int | bool]


class Said(Body):
    """A reply to a message, or a delivery, which has none; a later one of the same id replaces it.

    One that asks a question names it; with `secret` the answer is to be hidden.
    """

    id: UUID
    message: UUID | None = None
    text: Text = Field(max_length=MAX_TEXT)
    complete: bool = True
    buttons: list[ButtonIn] = Field([], max_length=MAX_BUTTONS)
    question: Text = Field("", max_length=64)
    secret: bool = False


class Saying(Body):
    """What an agent says to a user."""

    agent: Short
    user_uuid: UUID
    said: Said


class Settled(Body):
    """A message that is answered."""

    message: UUID


@routes.post("/claim")
@routes.input(Claim, arg_name="body")
@routes.output(ClaimedMessages)
@service
@quiet
def claim(body: Claim) -> dict[str, Any]:
    """Take messages that wait, one of each chat; their users see that the bot is typing."""
    now, default = time_now(), body.default
    on_trial = trials.going_on(now) if default else {}
    where = body.process, body.agents, body.under_way, now, body.limit
    messages = web_chats.claim(*where, default=default, on_trial=on_trial)
    if messages:
        feed().tell()
    return {"messages": messages, "trials": list(on_trial)}


@routes.post("/say")
@routes.input(Saying, arg_name="body")
@routes.output(Success)
@service
@quiet
def say(body: Saying) -> Success:
    """Say something to a user."""
    said = body.said.model_dump(mode="json")
    kind = web_chats.DELIVERY if body.said.message is None else web_chats.REPLY
    event = web_chats.Event(kind, said, key=f"reply {body.said.id.hex}")
    web_chats.say(body.user_uuid, body.agent, [event], time_now())
    feed().tell()
    return Success()


@routes.post("/settle")
@routes.input(Settled, arg_name="body")
@routes.output(Success)
@service
@quiet
def settle(body: Settled) -> Success:
    """Note that a message is answered."""
    more = web_chats.settle(body.message, time_now())
    feed().tell(messages=more)
    return Success()


@routes.post("/leave")
@routes.input(ProcessIn, arg_name="body")
@routes.output(Success)
@service
def leave(body: ProcessIn) -> Success:
    """Leave the chats of a process that ends to others."""
    web_chats.leave(body.process)
    feed().tell(messages=True)
    return Success()


@routes.get("/news")
@routes.doc(responses=EVENTS)
@service
@quiet
def news() -> Response:
    """Follow when messages wait."""
    hand_over = request.environ.get(HAND_OVER)
    if hand_over is None:
        raise NotFound("This server has no streams; please ask for messages now and then.")
    stream = feed().stream()
    feed().follow_messages(stream)
    hand_over(stream)
    return Response(mimetype="text/event-stream")


def register(app: APIFlask) -> None:
    """Add the routes below /api/service/chat."""
    app.register_blueprint(routes)
