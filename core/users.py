"""Accounts."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import update

from core import postgres
from core.accounts import chat_links
from core.accounts.passwords import hash_password
from core.db.compiled import Row
from core.db.engine import get_database, transaction
from core.db.types import as_uuid
from core.errors import Conflict, InvalidInput, NotFound
from core.reminders import move_to_zone
from core.tables import users
from core.usage import keep_of_deleted
from core.usernames import MAX_NAME, as_before, check_username, name_key
from runtime.clock import utc_now

REQUIRED = ("id", "username", "password_hashed")
PROTECTED = ("id", "name_key", "password_hashed", "token_version", "role", "created_at")
OF_CALLER = ("id", "username", "role", "token_version")

Role = Literal["user", "admin"]


def find_user(userUUID: UUID | str) -> Row | None:  # noqa: N803 - as documented
    """Return the row of a user, or None; a text that is no UUID is nobody's."""
    user_uuid = as_uuid(userUUID)
    return postgres.select_one("users", {"id": user_uuid}) if user_uuid else None


def find_callers(user_uuids: Collection[UUID]) -> dict[UUID, Row]:
    """Return what every request needs to know of its user, by the UUIDs of those who exist."""
    if not user_uuids:
        return {}
    one = next(iter(user_uuids)) if len(user_uuids) == 1 else ("IN", list(user_uuids))
    return {row["id"]: row for row in postgres.select("users", {"id": one}, columns=OF_CALLER)}


def find_user_by_name(username: str) -> Row | None:
    """Return the row of the user who has exactly this name, else of the one whose looks like it."""
    name = as_before(username)
    if not (0 < len(name) <= MAX_NAME and name.isprintable()):
        return None  # nobody ever had such a name
    exact = postgres.select_one("users", {"username": name})
    alike = postgres.select_one("users", {"name_key": name_key(username)})  # asked in any case:
    return exact or alike  # that takes as long for a name that nobody has


def get_user_uuid(username: str) -> UUID | bool:
    """Return a user's UUID, or False."""
    user = find_user_by_name(username)
    return user["id"] if user else False


def get_user_first_name(userUUID: UUID | str) -> str | None:  # noqa: N803 - as documented
    """Return what a user wants to be called: the user name, until they say; None: no such user."""
    user = find_user(userUUID)
    return user["display_name"] or user["username"] if user else None


def is_username_available(username: str) -> bool:
    """Tell whether this is a name that a user can have, and nobody has."""
    try:
        check_username(username)
    except InvalidInput:
        return False
    return find_user_by_name(username) is None


def does_user_uuid_exist(userUUID: UUID | str) -> bool:  # noqa: N803 - as documented
    """Tell whether there is such a user."""
    return find_user(userUUID) is not None


def register_user(username: str, password: str, data: Mapping[str, Any] | None = None) -> bool:
    """Make an account; False where the name is taken.

    `data` may hold more columns of users, such as display_name. Raises InvalidInput for a name or
    password that is refused.
    """
    extra = _changeable(data or {})
    user = {**extra, "id": uuid4(), **_named(username)}
    user["password_hashed"] = hash_password(password)
    try:
        create_user(user)
    except Conflict:
        return False
    return True


def create_user(data_dict: Mapping[str, Any]) -> Row:
    """Insert a user whose password is hashed already and return the row.

    Keys that are no column are ignored. Raises InvalidInput, a ValueError, where a required field
    is missing, Conflict where the name is taken.
    """
    complete, missing = validate_user(data_dict)
    if not complete:
        raise InvalidInput(f"A user needs {' and '.join(missing)}.")
    row = {**_columns(data_dict), **_named(data_dict["username"])}
    with transaction():  # a name that is taken ends a savepoint, not the caller's transaction
        return postgres.insert("users", row)


def validate_user(user: Mapping[str, Any]) -> tuple[bool, list[str]]:
    """Return whether all required fields are there, and the names of those that are not."""
    missing = [name for name in REQUIRED if not user.get(name)]
    return not missing, missing


def update_user(
    userUUID: UUID | str,  # noqa: N803 - as documented
    data_dict: Mapping[str, Any],
    *,
    now: datetime | None = None,
) -> bool:
    """Change a user's columns; False where there is nothing to change or no such user.

    id, password_hashed, token_version, role and created_at stay as they are, whatever is said of
    them, and keys that are no column are ignored. Raises Conflict where a new name is taken.
    """
    changes = _changeable(data_dict)
    if "username" in changes:
        changes |= _named(changes["username"])
    user = find_user(userUUID)
    if not changes or user is None:
        return False
    with transaction():
        done = bool(postgres.update("users", changes, {"id": user["id"]}))
        if done and changes.get("time_zone", user["time_zone"]) != user["time_zone"]:
            move_to_zone(user["id"], now or utc_now())
        return done


def change_password(
    userUUID: UUID | str,  # noqa: N803 - as documented
    new_password: str,
    keep_chat: UUID | None = None,
    *,
    changes: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> bool:
    """Set a new password, and end every session but that of one chat; False: no such user.

    `changes` to other columns are made with it, or not at all: see update_user. Raises InvalidInput
    for a password that is refused.
    """
    password_hashed = hash_password(new_password)
    with transaction():
        if changes:
            update_user(userUUID, changes, now=now)
        if not end_tokens(userUUID, password_hashed=password_hashed):
            return False
        chat_links.log_out_all(UUID(str(userUUID)), keep_chat)
    return True


def end_tokens(user_uuid: UUID | str, **changes: bytes) -> bool:
    """Make every token handed out so far invalid, with a change of the row; False: no such user."""
    user = find_user(user_uuid)
    if user is None:
        return False
    counted = update(users).where(users.c.id == user["id"])
    with transaction() as connection:
        result = connection.execute(
            counted.values(token_version=users.c.token_version + 1, **changes)
        )
    return result.rowcount > 0


def set_role(username: str, role: Role) -> None:
    """Make a user an administrator, or one no longer; it holds from their next request on.

    Raises NotFound.
    """
    user = find_user_by_name(username)
    if user is None:
        raise NotFound(f"There is no user called {username}.")
    postgres.update("users", {"role": role}, {"id": user["id"]})


def list_users(
    role: Role | None = None, *, after: str | None = None, limit: int | None = None
) -> list[Row]:
    """Return the users, or those of one role, by name, without what checks their passwords.

    A page of them begins after a name.
    """
    columns = ("id", "username", "display_name", "role", "created_at")
    where: dict[str, object] = {} if role is None else {"role": role}
    if after is not None:
        where["username"] = (">", after)
    return postgres.select("users", where, "username", columns=columns, limit=limit)


def delete_user(
    userUUID: UUID | str,  # noqa: N803 - as documented
    *,
    now: datetime | None = None,
) -> bool:
    """Delete a user with all that is theirs; False: no such user.

    What models have cost today goes on to count for their chat account, and for the agent.
    """
    user = find_user(userUUID)
    if user is None:
        return False
    with transaction() as connection:
        # Locked before it is read what they spent: nothing is counted for them in between.
        if not postgres.select("users", {"id": user["id"]}, columns=["id"], lock="update"):
            return False
        keep_of_deleted(connection, user["id"], now or utc_now())
        return bool(postgres.delete("users", {"id": user["id"]}))


def _named(username: str) -> Row:
    """Return the columns of a name. Raises InvalidInput."""
    return {"username": check_username(username), "name_key": name_key(username)}


def _changeable(data: Mapping[str, Any]) -> Row:
    return {name: value for name, value in _columns(data).items() if name not in PROTECTED}


def _columns(data: Mapping[str, Any]) -> Row:
    """Return what is a column of users, those that a domain has added included."""
    names = get_database().table("users").columns
    return {name: value for name, value in data.items() if name in names}


getUserUUID = get_user_uuid  # noqa: N816
getUserFirstName = get_user_first_name  # noqa: N816
isUsernameAvailable = is_username_available  # noqa: N816
doesUserUUIDExist = does_user_uuid_exist  # noqa: N816
registerUser = register_user  # noqa: N816
createUser = create_user  # noqa: N816
validateUser = validate_user  # noqa: N816
updateUser = update_user  # noqa: N816
changePassword = change_password  # noqa: N816
deleteUser = delete_user  # noqa: N816
