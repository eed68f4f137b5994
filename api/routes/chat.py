"""Talking to an agent over the API: messages in, and a stream of what it says."""

from datetime import timedelta
from itertools import takewhile
from typing import Annotated, Any
from uuid import UUID

from apiflask import APIBlueprint, APIFlask
from flask import Response, request
from pydantic import BaseModel, Field, StringConstraints

from api.feed import Feed, feed, written
from api.http.context import time_now
from api.http.security import caller
from api.http.streams import HAND_OVER
from api.models import EVENTS, Body, Text, list_of
from core import users, web_chats
from core.errors import NotAuthenticated

MAX_TEXT = 8000  # characters; how much of it an agent reads is its own to say
RETRY = timedelta(seconds=1)
"""After which a browser connects again."""

routes = APIBlueprint("chat", __name__, url_prefix="/api/chat")

Short = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=64)]


class ChatAgentOut(BaseModel):
    """An agent that you may talk to."""

    name: str


class MessageIn(Body):
    """A message. What stands in a button's `send` is sent as it is."""

    text: Text = Field(min_length=1, max_length=MAX_TEXT)
    answers: Short = Field("", description="The question that it answers: a reply's `question`.")
    starts_new: bool = Field(False, description="It answers no question; an open one is given up.")
    secret: bool = Field(False, description="It was typed where nobody can read it.")
    subject: str | None = Field(
        None, max_length=255, description="What the reminder was about, of a button under one."
    )
    offer: int | None = Field(None, ge=0, le=100, description="And which button it was.")


class Posted(BaseModel):
    """A message that waits for its answer, and the event after which that comes."""

    id: UUID
    after: int


class Since(Body):
    """Where to begin."""

    after: int | None = Field(
        None, ge=0, lt=2**63, description="The last event that you know; none: all that are kept."
    )


@routes.get("")
@routes.output(list_of(ChatAgentOut))
def agents() -> list[dict[str, str]]:
    """List the agents that you may talk to."""
    return [{"name": name} for name in web_chats.open_agents()]


@routes.post("/<agent>/messages")
@routes.input(MessageIn, arg_name="body")
@routes.output(Posted, 201)
@routes.doc(responses={429: "Five of your messages wait already."})
def post(agent: str, body: MessageIn) -> dict[str, Any]:
    """Say something to an agent; the answer comes as events."""
    now = time_now()
    message = web_chats.post(caller().user_uuid, agent, body.model_dump(), now)
    feed().tell(messages=True)
    return {"id": message["id"], "after": message["number"]}


@routes.get("/<agent>/events")
@routes.input(Since, location="query", arg_name="since")
@routes.doc(responses=EVENTS)
def follow(agent: str, since: Since) -> Response:
    """Follow what an agent says to you: `typing`, `reply`, `done` and `delivery`, as they come."""
    chat = web_chats.find(caller().user_uuid, agent, time_now())
    user = users.find_user(caller().user_uuid)
    if user is None:
        raise NotAuthenticated
    after = _last_known(since)
    hand_over = request.environ.get(HAND_OVER)
    body = f"retry: {RETRY // timedelta(milliseconds=1)}\n\n".encode()
    if hand_over is None:  # a server that can't: the client asks again for what comes next
        body += b"".join(map(written, web_chats.events_after(chat["id"], after)))
    else:
        stream = feed().stream()
        stream.send(body)
        feed().follow(stream, chat, user["token_version"], after)
        hand_over(stream)
        body = b""
    response = Response(body, mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"  # nginx would keep events back
    return response


def _last_known(since: Since) -> int:
    """Return the number that a client knows: by its query, or as browsers send it."""
    last = request.headers.get("Last-Event-ID", "")
    digits = "".join(takewhile(str.isdigit, last)) if last.isascii() and len(last) < 20 else ""
    return max(since.after or 0, int(digits or 0))


def register(app: APIFlask) -> None:
    """Add the routes of conversations."""
    app.extensions["feed"] = Feed(app.extensions["settings"].wake_interval)
    app.register_blueprint(routes)
