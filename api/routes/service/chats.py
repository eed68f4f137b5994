"""What the bot alone may ask for, with its service key: users' tokens, and messages to send."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from apiflask import APIBlueprint, APIFlask
from pydantic import BaseModel, Field, model_validator

from api.http.context import time_now
from api.http.request_id import quiet
from api.http.security import service, sign_in_with
from api.models import Body, ChatAddressIn, Name, Platform, Short, Success, Text
from core import identities, users
from core.accounts import chat_links
from core.accounts.passwords import NO_PASSWORD
from core.auth import issue_token, read_token
from core.deliveries import queue
from core.deliveries.channel_failures import unblock
from core.deliveries.routing import bot_at
from core.errors import NotAuthenticated, NotFound

routes = APIBlueprint("service", __name__, url_prefix="/api/service")

MAX_AGENTS = 1000
MAX_ACCOUNTS = 250


class Agent(Body):
    """A bot on a platform."""

    platform: Platform
    agent: Short


class Accounts(Body):
    """Several people."""

    accounts: list[ChatAddressIn] = Field(max_length=MAX_ACCOUNTS)


class Link(ChatAddressIn):
    """A person who has just logged in, shown by the token that they got."""

    token: str


class PlatformAccount(ChatAddressIn):
    """A person whom a platform vouches for, and what they are called there."""

    username: Name
    display_name: Name | None = None


class Shown(Body):
    """A token that somebody shows."""

    token: str


class LoggedIn(BaseModel):
    """A user, and a token that knows which chat it belongs to."""

    token: str
    user_uuid: UUID
    username: str
    display_name: str | None
    time_zone: str | None
    role: Literal["user", "admin"]
    has_password: bool


class Sessions(BaseModel):
    """For each account who is logged in there, or null."""

    sessions: list[LoggedIn | None]


class Claim(Body):
    """Whose messages the bot wants to send now, and how many."""

    platform: Platform
    agent: Short | None = None
    agents: list[Short] = Field([], max_length=MAX_AGENTS)
    limit: int = Field(20, ge=1, le=100)

    @model_validator(mode="after")
    def _names_someone(self) -> Self:
        if not self.names:
            raise ValueError("name the agents")
        return self

    @property
    def names(self) -> list[str]:
        """The agents, each once."""
        return sorted({*self.agents, *([self.agent] if self.agent else [])})


class Delivery(BaseModel):
    """A message to send. `lease_id` is shown again when it is settled."""

    id: UUID
    lease_id: UUID
    agent: str
    account_id: str = Field(validation_alias="target")
    text: str
    due_at: datetime
    subject: str | None = Field(description="What it is about, such as tasks:<id>.")
    request_id: str | None = Field(description="The request that set the reminder.")


class Claimed(BaseModel):
    """The messages, and when to ask again at the latest."""

    deliveries: list[Delivery]
    next_due_at: datetime | None


class Settlement(Body):
    """How sending a message went."""

    lease_id: UUID
    outcome: Literal["sent", "retry", "failed"]
    error: Text | None = None
    retry_after: float | None = Field(None, ge=0, allow_inf_nan=False, strict=True)


@routes.post("/links")
@routes.input(Link, arg_name="body")
@routes.output(LoggedIn, 201)
@service
def link(body: Link) -> dict[str, Any] | None:
    """Log a person in at a chat, with a token of theirs."""
    user_uuid = read_token(body.token).user_uuid
    chat_links.link(user_uuid, *body.address)
    user = chat_links.find_users([body.address]).get(body.address)
    if user is None or user["id"] != user_uuid:  # gone while this request was on its way
        raise NotFound("Nobody is logged in there.")
    _unblock(user)
    return _session(user)


@routes.post("/sign-in")
@routes.input(PlatformAccount, arg_name="body")
@routes.output(LoggedIn, 201)
@routes.doc(responses={403: "SIGN_IN does not allow it."})
@service
def sign_in(body: PlatformAccount) -> dict[str, Any] | None:
    """Log in whom an account of a platform stands for; somebody new gets a user, by SIGN_IN."""
    sign_in_with(body.platform)
    identities.sign_in(body.address, body.username, body.display_name)
    user = chat_links.find_users([body.address]).get(body.address)
    if user is None:  # gone while this request was on its way
        raise NotFound("Nobody is logged in there.")
    _unblock(user)
    return _session(user)


@routes.post("/tokens")
@routes.input(Accounts, arg_name="body")
@routes.output(Sessions)
@service
def refresh(body: Accounts) -> dict[str, Any]:
    """Give fresh tokens for the people who are logged in at these chats."""
    addresses = [account.address for account in body.accounts]
    found = chat_links.find_users(addresses)
    for user in found.values():
        _unblock(user)
    return {"sessions": [_session(found.get(address)) for address in addresses]}


@routes.post("/callers")
@routes.input(Shown, arg_name="body")
@routes.output(LoggedIn)
@service
def identify(body: Shown) -> dict[str, Any]:
    """Tell whose token another program shows, with a fresh one; it belongs to no chat."""
    user = users.find_user(read_token(body.token).user_uuid)
    if user is None:
        raise NotAuthenticated
    return _told(user, issue_token(user))


@routes.post("/unlink")
@routes.input(ChatAddressIn, arg_name="body")
@routes.output(Success)
@service
def unlink(body: ChatAddressIn) -> Success:
    """Log a person out of a chat; nobody being logged in there is no error."""
    chat_links.unlink(*body.address)
    return Success()


@routes.post("/deliveries/claim")
@routes.input(Claim, arg_name="body")
@routes.output(Claimed)
@service
@quiet
def claim(body: Claim) -> dict[str, Any]:
    """Lease the messages that are due at the chats of one agent, or of many."""
    now = time_now()
    addresses = [(body.platform, name) for name in body.names]
    agents = {bot_at((platform, name)): name for platform, name in addresses}
    claimed = queue.claim(list(agents), now, limit=body.limit)
    return {
        "deliveries": [row | {"agent": agents[row["sender"]]} for row in claimed],
        "next_due_at": queue.next_due(now, addresses),
    }


@routes.post("/deliveries/<uuid:delivery_id>/settle")
@routes.input(Settlement, arg_name="body")
@routes.output(Success)
@service
def settle(delivery_id: UUID, body: Settlement) -> Success:
    """Say how sending a message went; a lease that ran out is a 404."""
    now = time_now()
    if not queue.settle(
        delivery_id,
        body.lease_id,
        body.outcome,
        body.error,
        body.retry_after,
        off=body.outcome == "failed",  # the person takes no messages from this bot
        now=now,
    ):
        raise NotFound("This message is no longer yours to settle.")
    return Success()


def _unblock(user: dict[str, Any]) -> None:
    """Unblock the chat: the bot asks for a person because they write to it."""
    if user["chat_blocked_at"] is not None:
        unblock(user["chat_id"], time_now())


def _session(user: dict[str, Any] | None) -> dict[str, Any] | None:
    if user is None:
        return None
    return _told(user, issue_token(user, user["chat_id"]))


def _told(user: dict[str, Any], token: str) -> dict[str, Any]:
    has_password = user["password_hashed"] != NO_PASSWORD
    return user | {"user_uuid": user["id"], "token": token, "has_password": has_password}


def register(app: APIFlask) -> None:
    """Add the routes below /api/service."""
    app.register_blueprint(routes)
