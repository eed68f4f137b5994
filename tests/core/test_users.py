"""Accounts."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from core import postgres, users
from core.accounts import chat_links
from core.auth import getLoginToken
from core.db.engine import transaction
from core.errors import Conflict, InvalidInput, OutOfDate
from core.users import (
    changePassword,
    createUser,
    deleteUser,
    doesUserUUIDExist,
    getUserFirstName,
    getUserUUID,
    isUsernameAvailable,
    registerUser,
    updateUser,
    validateUser,
)
from tests.support.people import PASSWORD

pytestmark = pytest.mark.usefixtures("database")


def registered(name: str = "ada") -> UUID:
    assert registerUser(name, PASSWORD) is True
    user_uuid = getUserUUID(name)
    assert isinstance(user_uuid, UUID)
    return user_uuid


def test_a_name_is_given_once() -> None:
    assert isUsernameAvailable("ada")
    assert registerUser("ada", PASSWORD) is True
    assert not isUsernameAvailable("ada")
    assert registerUser("ada", PASSWORD) is False
    assert registerUser("Ada", PASSWORD) is False
    assert postgres.count("users") == 1


def test_a_password_is_stored_as_a_hash_alone() -> None:
    registered()
    [row] = postgres.select("users")
    assert row["password_hashed"].startswith(b"$2b$04$")
    assert PASSWORD.encode() not in str(row).encode()


def test_two_who_register_one_name_at_the_same_moment() -> None:
    together = Barrier(4)

    def register(_: int) -> bool:
        together.wait()
        return registerUser("ada", PASSWORD)

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(register, range(4)))
    assert sorted(results) == [False, False, False, True]
    assert postgres.count("users") == 1


def test_a_name_that_is_taken_does_not_end_the_callers_transaction() -> None:
    registered()
    with transaction():
        assert registerUser("ada", PASSWORD) is False
        assert registerUser("bob", PASSWORD) is True
    assert not isUsernameAvailable("bob")


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("  ada ", "ada"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("@everyone **{x}** 'quoted\"", "@everyone **{x}** 'quoted\""),
        ("x" * 255, "x" * 255),
        ("e\u0301" * 255, "\u00e9" * 255),
    ],
)
def test_one_name_has_one_form(name: str, stored: str) -> None:
    user_uuid = registered(name)
    row = users.find_user(user_uuid)
    assert row is not None
    assert row["username"] == stored
    assert getUserUUID(stored) == user_uuid
    assert not isUsernameAvailable(stored)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "can't be empty"),
        (" \t\n ", "can't be empty"),
        ("x" * 256, "at most 255 characters"),
        ("a\nb", r"can't have the character U\+"),
        ("a\0b", r"can't have the character U\+"),
        ("a\u202eb", r"can't have the character U\+"),
        ("a\ud800b", r"can't have the character U\+"),
    ],
)
def test_names_that_nobody_can_have(name: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        registerUser(name, PASSWORD)
    assert isUsernameAvailable(name) is False
    assert getUserUUID(name) is False
    assert postgres.count("users") == 0


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "at least 8"),
        ("seven c", "at least 8"),
        ("x" * 73, "73 bytes, where 72 are possible"),
        ("🙂" * 19, "76 bytes, where 72 are possible"),
        ("\ud800" * 10, "can't be encoded"),
    ],
)
def test_passwords_that_are_refused(password: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as error:
        registerUser("ada", password)
    assert not password or password not in str(error.value)
    user_uuid = registered()
    with pytest.raises(InvalidInput, match=says):
        changePassword(user_uuid, password)


def test_more_columns_at_registration() -> None:
    assert registerUser("ada", PASSWORD, {"display_name": "Ada", "time_zone": "Europe/London"})
    user_uuid = getUserUUID("ada")
    assert isinstance(user_uuid, UUID)
    assert getUserFirstName(user_uuid) == "Ada"
    chosen = {"id": uuid4(), "password_hashed": b"known", "token_version": 9, "username": "eve"}
    assert registerUser("bob", PASSWORD, {**chosen, "role": "admin", "no_such_field": True})
    bob = postgres.select_one("users", {"username": "bob"})
    assert bob is not None
    assert bob["id"] != chosen["id"]
    assert bob["password_hashed"] != b"known"
    assert (bob["token_version"], bob["role"]) == (0, "user")


def test_users_are_looked_up_by_text_or_uuid() -> None:
    user_uuid = registered()
    assert doesUserUUIDExist(user_uuid)
    assert doesUserUUIDExist(str(user_uuid).upper())
    assert getUserFirstName(user_uuid) == "ada"
    assert updateUser(user_uuid, {"display_name": "Countess"})
    assert getUserFirstName(user_uuid) == "Countess"
    for stranger in (uuid4(), "no uuid", ""):
        assert doesUserUUIDExist(stranger) is False
        assert getUserFirstName(stranger) is None
        assert updateUser(stranger, {"display_name": "x"}) is False
        assert changePassword(stranger, PASSWORD) is False
        assert deleteUser(stranger) is False
    assert getUserUUID("nobody") is False


def test_updates_change_what_may_be_changed() -> None:
    user_uuid = registered()
    before = users.find_user(user_uuid)
    assert before is not None
    assert updateUser(user_uuid, {"display_name": "Ada", "username": " countess "}) is True
    fixed = {"id": uuid4(), "password_hashed": b"x", "created_at": None, "token_version": 5}
    assert updateUser(user_uuid, fixed) is False
    assert updateUser(user_uuid, {}) is False
    assert updateUser(user_uuid, {**fixed, "time_zone": "UTC"}) is True
    changed = {"display_name": "Ada", "username": "countess", "time_zone": "UTC"}
    changed["name_key"] = "countess"
    assert users.find_user(user_uuid) == {**before, **changed}


def test_an_update_can_not_take_anothers_name() -> None:
    registered("bob")
    user_uuid = registered("ada")
    with pytest.raises(Conflict):
        updateUser(user_uuid, {"username": "bob"})
    with pytest.raises(InvalidInput):
        updateUser(user_uuid, {"username": "a\nb"})
    assert updateUser(user_uuid, {"is_admin": True}) is False
    assert getUserUUID("ada") == user_uuid


def test_users_made_by_hand_need_an_id_a_name_and_a_hash() -> None:
    ada = {"id": str(uuid4()), "username": "ada", "password_hashed": b"x"}
    assert validateUser(ada) == (True, [])
    assert validateUser({"username": ""}) == (False, ["id", "username", "password_hashed"])
    with pytest.raises(ValueError, match="A user needs id and password_hashed"):
        createUser({"username": "ada"})
    row = createUser({**ada, "display_name": "Ada", "no_such_field": 1})
    assert str(row["id"]) == ada["id"]
    assert users.find_user(row["id"]) == row
    with pytest.raises(Conflict):
        createUser({**ada, "id": uuid4()})


def test_a_new_password_logs_out_every_chat_but_the_one_it_came_from() -> None:
    ada, bob = registered("ada"), registered("bob")
    here = chat_links.link(ada, "discord", "default", "1")
    chat_links.link(ada, "console", "default", "ada")
    chat_links.link(bob, "discord", "default", "2")
    assert changePassword(str(ada), "another password", keep_chat=here["id"]) is True
    assert chat_links.find_users([("discord", "default", "1")])
    assert not chat_links.find_users([("console", "default", "ada")])
    assert chat_links.find_users([("discord", "default", "2")])
    assert changePassword(ada, "yet another password") is True
    assert not chat_links.find_users([("discord", "default", "1")])


def test_what_is_a_users_goes_with_the_user() -> None:
    user_uuid = registered()
    chat_links.link(user_uuid, "discord", "default", "1")
    postgres.insert("notifications", {"user_uuid": user_uuid})
    assert deleteUser(user_uuid) is True
    assert deleteUser(user_uuid) is False
    assert [postgres.count(t) for t in ("users", "chat_accounts", "notifications")] == [0, 0, 0]


def test_a_column_that_is_not_there_is_an_outage_and_no_wrong_name() -> None:
    registered()
    postgres.execute("ALTER TABLE users RENAME COLUMN role TO rank_of_user")
    with pytest.raises(OutOfDate):
        getLoginToken("ada", PASSWORD)
    with pytest.raises(OutOfDate):
        getUserUUID("ada")
