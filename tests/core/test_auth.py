"""Log-ins and tokens."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from config.settings import get_settings
from core import auth, postgres, users
from core.auth import (
    Caller,
    getLoginToken,
    getUserpasswordHash,
    issue_token,
    read_token,
    unregisterUser,
    verifyLoginToken,
)
from core.db.engine import Database, use_database
from core.errors import InvalidInput, NotAuthenticated
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD

pytestmark = pytest.mark.usefixtures("database")

OTHER_KEY = "another-key-" + "k" * 32


@pytest.fixture
def ada() -> dict[str, Any]:
    assert users.registerUser("ada", PASSWORD)
    row = postgres.select_one("users", {"username": "ada"})
    assert row is not None
    return row


def key() -> str:
    return get_settings().jwt_secret.get_secret_value()


def forged(user: dict[str, Any], secret: str | None = None, **claims: object) -> str:
    """A token like ours, but for these claims; None leaves one out."""
    now = datetime.now(UTC)
    ours = {"sub": str(user["id"]), "name": user["username"], "ver": user["token_version"]}
    whole = {**ours, "iat": now, "exp": now + timedelta(minutes=5), **claims}
    kept = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(kept, secret or key(), algorithm="HS256")


def test_the_right_password_gives_a_token_for_an_hour(ada: dict[str, Any]) -> None:
    token = getLoginToken("ada", PASSWORD)
    assert isinstance(token, str)
    claims = jwt.decode(token, key(), algorithms=["HS256"])
    assert jwt.get_unverified_header(token)["alg"] == "HS256"
    assert claims["sub"] == str(ada["id"])
    assert claims["name"] == "ada"
    assert claims["exp"] - claims["iat"] == 3600
    assert abs(claims["iat"] - time.time()) < 60
    assert read_token(token) == Caller(ada["id"], "ada")


def test_a_name_is_found_in_any_form(ada: dict[str, Any]) -> None:
    assert getLoginToken(username=" ada ", password=PASSWORD)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", PASSWORD + "!"),
        ("ada", PASSWORD.upper()),
        ("ada", ""),
        ("ada", "x" * 1000),
        ("ada", "\ud800"),
        ("ada", PASSWORD + "\0"),
        ("nobody", PASSWORD),
        ("nobody", "nobody has this password"),
        ("", ""),
        ("a\0b", PASSWORD),
    ],
)
def test_anything_else_gives_none(ada: dict[str, Any], name: str, password: str) -> None:
    assert getLoginToken(name, password) is False


def test_a_password_is_never_cut(ada: dict[str, Any]) -> None:
    longest = "0123456789" * 7 + "ab"
    assert users.changePassword(ada["id"], longest)
    assert getLoginToken("ada", longest)
    assert getLoginToken("ada", longest + "c") is False
    with pytest.raises(InvalidInput):
        auth.check_password(longest + "c")


@on_sqlite
def test_an_unknown_user_takes_as_long_as_a_wrong_password(
    ada: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD_HASH_ROUNDS", "9")
    get_settings.cache_clear()
    try:
        users.changePassword(ada["id"], PASSWORD)

        def seconds(name: str) -> float:
            start = time.perf_counter()
            assert getLoginToken(name, "wrong password") is False
            return time.perf_counter() - start

        seconds("nobody")  # makes the hash that nobody has
        times = [(seconds("ada"), seconds("nobody")) for _ in range(9)]
        wrong, unknown = (median(column) for column in zip(*times, strict=True))
        assert 0.5 < unknown / wrong < 2
    finally:
        get_settings.cache_clear()


def test_others_read_while_a_password_is_checked(
    ada: dict[str, Any], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD_HASH_ROUNDS", "12")
    get_settings.cache_clear()
    reads = 0
    try:
        assert users.changePassword(ada["id"], PASSWORD)
        with (
            closing(Database(database.engine.url, pool_size=1)) as small,
            ThreadPoolExecutor(1) as other,
        ):
            before = use_database(small)
            checking = other.submit(getLoginToken, "ada", PASSWORD)
            while not checking.done():
                assert postgres.exists("users", {"username": "ada"})
                reads += 1
                time.sleep(0.001)  # or it takes the one connection again at once, every time
            use_database(before)
        assert checking.result()
        assert reads > 5
    finally:
        get_settings.cache_clear()


# Tokens


def test_a_token_is_verified_against_a_name_and_a_uuid(ada: dict[str, Any]) -> None:
    token = getLoginToken("ada", PASSWORD)
    assert isinstance(token, str)
    assert verifyLoginToken(token) is False  # whose it should be, nobody said
    assert verifyLoginToken(token, "ada") is True
    assert verifyLoginToken(token, "ada", ada["id"]) is True
    assert verifyLoginToken(login_token=token, userUUID=str(ada["id"]).upper()) is True
    assert verifyLoginToken(token, username="bob") is False
    assert verifyLoginToken(token, userUUID=uuid4()) is False
    assert verifyLoginToken("nonsense", "ada") is False


def test_a_token_carries_the_chat_that_it_is_for(ada: dict[str, Any]) -> None:
    chat = uuid4()
    assert read_token(issue_token(ada, chat)) == Caller(ada["id"], "ada", chat)


def test_a_token_without_a_version_is_of_version_zero(ada: dict[str, Any]) -> None:
    assert read_token(forged(ada, ver=None)).user_uuid == ada["id"]
    assert auth.end_sessions(ada["id"])
    with pytest.raises(NotAuthenticated):
        read_token(forged(ada, ver=None))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": datetime.now(UTC) - timedelta(seconds=1)},
        {"exp": None},
        {"exp": "soon"},
        {"sub": None},
        {"sub": "no uuid"},
        {"sub": str(UUID(int=1))},
        {"ver": 1},
        {"ver": "0"},
        {"iat": datetime.now(UTC) + timedelta(hours=1)},
        {"nbf": datetime.now(UTC) + timedelta(hours=1)},
        {"chat": "no uuid"},
    ],
)
def test_claims_that_are_refused(ada: dict[str, Any], claims: dict[str, object]) -> None:
    assert read_token(forged(ada))
    with pytest.raises(NotAuthenticated):
        read_token(forged(ada, **claims))


def test_signatures_that_are_refused(ada: dict[str, Any]) -> None:
    good = forged(ada)
    head, body, signature = good.split(".")
    claims = jwt.decode(good, key(), algorithms=["HS256"])
    for bad in (
        forged(ada, OTHER_KEY),
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, key() + key(), algorithm="HS512"),
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature[:-2]}",
        f"{head}.{body[:-1]}.{signature}",
        "",
        "a.b.c",
        "\ud800.b.c",
        good + "\n",
    ):
        with pytest.raises(NotAuthenticated):
            read_token(bad)
        assert verifyLoginToken(bad, "ada") is False


def test_the_first_key_signs_and_all_verify(
    ada: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = key()
    before = forged(ada)
    monkeypatch.setenv("JWT_SECRET", f"{OTHER_KEY}, {old}")
    get_settings.cache_clear()
    try:
        after = issue_token(ada)
        assert jwt.decode(after, OTHER_KEY, algorithms=["HS256"])["name"] == "ada"
        assert read_token(before) == read_token(after)
        with pytest.raises(NotAuthenticated):
            read_token(forged(ada, exp=datetime.now(UTC) - timedelta(seconds=1), secret=old))
        monkeypatch.setenv("JWT_SECRET", OTHER_KEY)
        get_settings.cache_clear()
        with pytest.raises(NotAuthenticated):
            read_token(before)
        assert read_token(after)
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("secrets", ["{}, ", ",{}", ", "])
def test_an_empty_key_signs_and_verifies_nothing(
    ada: dict[str, Any], monkeypatch: pytest.MonkeyPatch, secrets: str
) -> None:
    claims = {"sub": str(ada["id"]), "ver": 0, "exp": time.time() + 300}
    by_nobody = auth._tokens.encode(json.dumps(claims).encode(), "", "HS256")
    monkeypatch.setenv("JWT_SECRET", secrets.format(OTHER_KEY))
    get_settings.cache_clear()
    try:
        with pytest.raises(NotAuthenticated):
            read_token(by_nobody)
        assert read_token(issue_token(ada))
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_tokens_end_with_the_sessions_the_password_and_the_user(ada: dict[str, Any]) -> None:
    first = getLoginToken("ada", PASSWORD)
    assert isinstance(first, str)
    assert auth.end_sessions(ada["id"]) is True
    assert verifyLoginToken(first, "ada") is False
    second = getLoginToken("ada", PASSWORD)
    assert isinstance(second, str)
    assert users.changePassword(ada["id"], "another password")
    assert verifyLoginToken(second, "ada") is False
    assert getLoginToken("ada", PASSWORD) is False
    third = getLoginToken("ada", "another password")
    assert isinstance(third, str)
    assert verifyLoginToken(third, "ada") is True
    users.deleteUser(ada["id"])
    assert verifyLoginToken(third, "ada") is False
    assert auth.end_sessions(ada["id"]) is False


def test_a_signature_that_is_known_lets_nobody_in_by_itself(ada: dict[str, Any]) -> None:
    token = issue_token(ada)
    assert read_token(token).role == "user"
    users.set_role("ada", "admin")
    assert read_token(token).role == "admin"
    assert auth.end_sessions(ada["id"])
    with pytest.raises(NotAuthenticated):
        read_token(token)
    fresh = postgres.select_one("users", {"id": ada["id"]})
    assert fresh is not None
    last = issue_token(fresh)
    assert read_token(last).user_uuid == ada["id"]
    users.deleteUser(ada["id"])
    with pytest.raises(NotAuthenticated):
        read_token(last)


def test_a_known_signature_ends_with_its_token_and_with_its_key(
    ada: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issue_token(ada)
    read_token(token)
    monkeypatch.setattr("core.auth.time.time", lambda: ada["created_at"].timestamp() + 2 * 3600)
    with pytest.raises(NotAuthenticated):
        read_token(token)
    monkeypatch.undo()
    read_token(token)
    monkeypatch.setenv("JWT_SECRET", OTHER_KEY)
    get_settings.cache_clear()
    try:
        with pytest.raises(NotAuthenticated):
            read_token(token)
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_many_tokens_are_read_as_each_would_be(ada: dict[str, Any]) -> None:
    assert users.registerUser("ben", PASSWORD)
    ben = postgres.select_one("users", {"username": "ben"})
    assert ben is not None
    old = issue_token(ben)
    assert auth.end_sessions(ben["id"])
    tokens = [issue_token(ada), old, "nonsense", forged(ada, OTHER_KEY), issue_token(ada)]
    callers = auth.read_tokens(tokens)
    assert [one and one.username for one in callers] == ["ada", None, None, None, "ada"]
    assert auth.read_tokens([]) == []


def test_a_token_follows_a_change_of_name(ada: dict[str, Any]) -> None:
    token = issue_token(ada)
    users.updateUser(ada["id"], {"username": "countess"})
    assert read_token(token).username == "countess"


# Hashes


def test_the_hash_and_the_end_of_an_account(ada: dict[str, Any]) -> None:
    assert getUserpasswordHash(str(ada["id"])) == ada["password_hashed"]
    assert getUserpasswordHash(uuid4()) is None
    assert getUserpasswordHash("no uuid") is None
    assert unregisterUser(ada["id"], "wrong password") is False
    assert unregisterUser(uuid4(), PASSWORD) is False
    assert unregisterUser(userUUID=str(ada["id"]), password=PASSWORD) is True
    assert postgres.count("users") == 0


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_outlives_a_clock_that_is_set_back(ada: dict[str, Any], claim: str) -> None:
    now = datetime.now(UTC)
    assert verifyLoginToken(forged(ada, **{claim: now + timedelta(seconds=3)}), "ada")
    assert not verifyLoginToken(forged(ada, exp=now - timedelta(seconds=1)), "ada")
