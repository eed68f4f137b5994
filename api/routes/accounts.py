"""Accounts: registering, logging in and out, and what a user may see and change of their own."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from apiflask import APIBlueprint, APIFlask
from pydantic import AfterValidator, BaseModel, Field, RootModel

from api.http.context import time_now
from api.http.hashing_slots import hashes, hashing_slot
from api.http.login_throttle import attempt
from api.http.rate_limit import guarded
from api.http.security import caller, public
from api.models import (
    WRONG_LOGIN,
    Body,
    Change,
    Credentials,
    Name,
    Success,
    Text,
    Token,
    optional,
)
from config.zones import check_zone
from core import auth, users
from core.accounts.passwords import NO_PASSWORD, check_password, password_matches
from core.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from core.postgres import select_one

WRONG_PASSWORD = "The password is wrong."  # noqa: S105 - a sentence

routes = APIBlueprint("accounts", __name__, url_prefix="/api")


class LogIn(Credentials):
    """Who someone says they are, and for how long."""

    days: int | None = Field(
        None, ge=1, le=365, description="How long the token is valid, for programs; an hour."
    )


class OwnUUID(RootModel[UUID]):
    """A user's UUID, as a JSON string."""


class AccountOut(BaseModel):
    """An account, without its password's hash."""

    id: UUID
    username: str
    display_name: str | None
    time_zone: str | None
    created_at: datetime
    has_password: bool


class AccountChange(Change):
    """What a user may change. A new password needs the current one."""

    username: Text = optional()
    display_name: Name | None = None
    time_zone: Annotated[str, AfterValidator(check_zone)] | None = None
    password: Text = optional()
    current_password: Text = optional()


class Password(Body):
    """The password, once more, for what can't be undone; who has none asks for it in a chat."""

    password: Text = optional()


@routes.post("/register")
@routes.input(Credentials, arg_name="body")
@routes.output(Success, 201)
@routes.doc(responses={409: "The user name is taken."})
@public
@guarded
@hashes
def register_user(body: Credentials) -> Success:
    """Make an account."""
    if not users.register_user(body.username, body.password):
        raise Conflict("This user name is taken; choose another one.")
    return Success()


@routes.post("/login")
@routes.input(LogIn, arg_name="body")
@routes.output(Token)
@routes.doc(responses={401: WRONG_LOGIN})
@public
@guarded
@hashes
def log_in(body: LogIn) -> Token:
    """Exchange user name and password for a token that lives for one hour, or for some days."""
    tried = attempt(body.username)
    lifetime = timedelta(days=body.days) if body.days else auth.TOKEN_LIFETIME
    token = auth.get_login_token(body.username, body.password, lifetime)
    if not token:
        tried.failed()
        raise NotAuthenticated(WRONG_LOGIN)
    tried.succeeded()
    return Token(token=token)


@routes.post("/logout")
@routes.output(Success)
def log_out() -> Success:
    """End every token of yours."""
    auth.end_sessions(caller().user_uuid)
    return Success()


@routes.get("/getUserUUID/<path:username>")
@routes.output(OwnUUID)
def show_uuid(username: str) -> OwnUUID:
    """Tell your own UUID. Any other name is a 401, whether someone has it or not."""
    if users.get_user_uuid(username) != caller().user_uuid:
        raise NotAuthenticated("This is not your user name.")
    return OwnUUID(caller().user_uuid)


@routes.get("/user/<uuid:user_uuid>")
@routes.output(AccountOut)
def show_account(user_uuid: UUID) -> dict[str, object]:
    """Read your account."""
    _own(user_uuid)
    row = select_one("users", {"id": user_uuid})
    if row is None:  # deleted while this request was on its way
        raise NotFound
    return row | {"has_password": row["password_hashed"] != NO_PASSWORD}


@routes.put("/user/<uuid:user_uuid>")
@routes.input(AccountChange, arg_name="body")
@routes.output(Success)
@routes.doc(responses={409: "The user name is taken."})
def change_account(user_uuid: UUID, body: AccountChange) -> Success:
    """Change the fields that you send. A new password ends every token but the chat's log-in."""
    _own(user_uuid)
    changes = body.given()
    password = changes.pop("password", None)
    current = changes.pop("current_password", None)
    now = time_now()
    if password is not None:
        _change_password(user_uuid, password, current, changes, now)
    elif not changes:
        raise InvalidInput("There is nothing to change.")
    elif not users.update_user(user_uuid, changes, now=now):
        raise NotFound  # deleted while this request was on its way
    return Success()


def _change_password(
    user_uuid: UUID, password: str, current: str | None, changes: dict[str, Any], now: datetime
) -> None:
    """Set a new password, where the current one is right, together with the other changes."""
    check_password(password)
    needs_none = _needs_no_password(user_uuid)
    if current is None and not needs_none:
        raise InvalidInput("A new password needs your current_password too.")
    with hashing_slot():
        if current is not None and not needs_none:
            _try_password(user_uuid, current)
        done = users.change_password(
            user_uuid, password, caller().chat_account_id, changes=changes, now=now
        )
    if not done:
        raise NotFound  # deleted while this request was on its way


@routes.delete("/user/<uuid:user_uuid>")
@routes.input(Password, arg_name="body")
@routes.output(Success)
@hashes
def delete_account(user_uuid: UUID, body: Password) -> Success:
    """Delete your account and everything that is yours."""
    _own(user_uuid)
    if not _needs_no_password(user_uuid):
        if body.password is None:
            raise InvalidInput("This needs your password.")
        _try_password(user_uuid, body.password)
    if not users.delete_user(user_uuid, now=time_now()):
        raise NotFound  # deleted while this request was on its way
    return Success()


def _try_password(user_uuid: UUID, password: str) -> None:
    """Check the caller's password once more. Raises NotAuthenticated, or TooManyAttempts."""
    tried = attempt(caller().username)
    if not password_matches(password, auth.get_user_password_hash(user_uuid)):
        tried.failed()
        raise NotAuthenticated(WRONG_PASSWORD)
    tried.succeeded()


def _needs_no_password(user_uuid: UUID) -> bool:
    """Tell whether a user has none, and the request comes from a chat of theirs.

    The bot knows from the platform who writes there; a token from elsewhere may be stolen.
    """
    in_chat = caller().chat_account_id is not None
    return in_chat and auth.get_user_password_hash(user_uuid) == NO_PASSWORD


def _own(user_uuid: UUID) -> None:
    """Answer for another user's account as for one that never was."""
    if user_uuid != caller().user_uuid:
        raise NotFound


def register(app: APIFlask) -> None:
    """Add the routes of accounts."""
    app.register_blueprint(routes)
