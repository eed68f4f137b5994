"""Users whom a platform vouches for: an account there stands for a user, without a password."""

from collections.abc import Iterator
from itertools import count
from uuid import UUID, uuid4

from core import postgres, users
from core.accounts import chat_links
from core.accounts.passwords import NO_PASSWORD
from core.agents.tables import ChatAddress
from core.db.compiled import Row
from core.db.engine import transaction
from core.errors import Conflict, InvalidInput

MAX_TRIES = 20  # names for a new user


def sign_in(address: ChatAddress, username: str, display_name: str | None) -> UUID:
    """Log in, at a chat address, the user whom its account stands for; return their UUID.

    The first time it is linked to the user who is logged in with this account at any agent, else
    it gets a new user without a password, called like the account or nearly so.
    """
    platform, agent, account_id = address
    with transaction():
        identity = _locked(platform, account_id)
        user_uuid: UUID | None = identity["linked_uuid"] or identity["home_uuid"]
        if user_uuid is None:
            known = _logged_in(platform, account_id)
            user_uuid = known or _new_user(username, display_name, account_id)
            column = "linked_uuid" if known else "home_uuid"
            postgres.update("identities", {column: user_uuid}, {"id": identity["id"]})
        chat_links.link(user_uuid, platform, agent, account_id)
    return user_uuid


def link(chat_account_id: UUID, user_uuid: UUID) -> bool:
    """Have the account of a chat stand for a user, and log them in there; False: no such chat.

    The user that it stood for before stays, and has it back after `unlink`.
    """
    with transaction():
        chat = postgres.select_one("chat_accounts", {"id": chat_account_id})
        if chat is None:
            return False
        identity = _locked(chat["platform"], chat["account_id"])
        linked = None if identity["home_uuid"] == user_uuid else user_uuid
        postgres.update("identities", {"linked_uuid": linked}, {"id": identity["id"]})
        _log_in_everywhere(chat["platform"], chat["account_id"], user_uuid)
    return True


def unlink(chat_account_id: UUID) -> bool:
    """Have the account of a chat stand for the user again whom it stood for before it was linked.

    It is logged out at every agent, and signs in again. False where it was not linked.
    """
    with transaction():
        chat = postgres.select_one("chat_accounts", {"id": chat_account_id})
        if chat is None:
            return False
        account = {"platform": chat["platform"], "account_id": chat["account_id"]}
        identity = _locked(**account)
        if identity["linked_uuid"] is None:
            return False
        postgres.update("identities", {"linked_uuid": None}, {"id": identity["id"]})
        postgres.update("chat_accounts", {"logged_in": False}, account)
    return True


def _locked(platform: str, account_id: str) -> Row:
    """Return the row of an account, made where there is none, and keep others from changing it."""
    account = {"platform": platform, "account_id": account_id}
    return postgres.upsert("identities", account, [*account])


def _logged_in(platform: str, account_id: str) -> UUID | None:
    """Return who logged in with a password from an account, where that is one user only."""
    account = {"platform": platform, "account_id": account_id, "logged_in": True}
    found = {row["user_uuid"] for row in postgres.select("chat_accounts", account)}
    return found.pop() if len(found) == 1 else None


def _log_in_everywhere(platform: str, account_id: str, user_uuid: UUID) -> None:
    """Log a user in at every agent where somebody is logged in with an account."""
    account = {"platform": platform, "account_id": account_id, "logged_in": True}
    for agent in {row["agent"] for row in postgres.select("chat_accounts", account)}:
        chat_links.link(user_uuid, platform, agent, account_id)


def _new_user(username: str, display_name: str | None, account_id: str) -> UUID:
    for name in _names(username, account_id):
        user = {"id": uuid4(), "username": name, "password_hashed": NO_PASSWORD}
        try:
            return UUID(str(users.create_user(user | {"display_name": display_name})["id"]))
        except (Conflict, InvalidInput):
            continue  # taken, or no name that a user can have
    raise Conflict("No user name was free for this account.")


def _names(username: str, account_id: str) -> Iterator[str]:
    yield username
    yield from (f"{username}-{number}" for number in range(2, MAX_TRIES))
    yield f"user-{account_id}"
    yield from (f"user-{account_id}-{number}" for number in count(2) if number < MAX_TRIES)
