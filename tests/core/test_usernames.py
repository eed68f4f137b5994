"""User names: what may stand in them, which look alike, and what becomes of those from before."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from core import migrations, postgres, users
from core.auth import get_login_token
from core.db.engine import Database, use_database
from core.errors import InvalidInput
from core.usernames import check_username, name_key
from tests.support.people import PASSWORD

CYRILLIC = "\u0441\u043e\u0440"  # looks like cop


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" Ada  Lovelace ", "Ada Lovelace"),
        ("jose\u0301", "jos\u00e9"),
        ("\uff21da", "Ada"),
        ("o'neil.a-b_c", "o'neil.a-b_c"),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        ("\u5c71\u7530\u305f\u308d\u3046 Taro", "\u5c71\u7530\u305f\u308d\u3046 Taro"),
        (CYRILLIC, CYRILLIC),
    ],
)
def test_a_name_has_one_form(given: str, kept: str) -> None:
    assert check_username(given) == kept
    assert check_username(kept) == kept


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "empty"),
        ("\u200b", "U\\+200B"),
        ("ad\u200ba", "U\\+200B"),
        ("ada\u202e", "U\\+202E"),
        ("a\x00b", "U\\+0000"),
        ("\U0001f600", "U\\+1F600"),
        ("\ud800", "U\\+D800"),
        ("\u0430da", "different alphabets"),
        ("\u03bfscar", "different alphabets"),
        ("x" * 256, "at most 255"),
    ],
)
def test_what_cannot_be_seen_or_told_apart_is_refused(given: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        check_username(given)
    assert not users.is_username_available(given)


@pytest.mark.usefixtures("database")
def test_a_name_that_looks_like_another_is_taken() -> None:
    assert users.register_user("cop", PASSWORD)
    for other in ("COP", " cop ", CYRILLIC, "\uff43op"):
        assert not users.is_username_available(other)
        assert not users.register_user(other, PASSWORD)
        assert get_login_token(other, PASSWORD), "its owner may write it so"
    assert users.register_user("co p", PASSWORD)
    ada = users.create_user({"id": uuid4(), "username": "ada", "password_hashed": b"x"})
    assert users.update_user(ada["id"], {"username": "Ada", "name_key": "cop"})
    assert postgres.select_one("users", {"id": ada["id"]})["name_key"] == "ada"  # type: ignore[index]


@pytest.fixture
def earlier(tmp_path: Path) -> Iterator[Database]:
    """A database from before names were compared by how they look."""
    with closing(Database(f"sqlite:///{tmp_path}/earlier.db")) as database:
        before = use_database(database)
        migrations.upgrade(database, revision="0015")
        yield database
        use_database(before)


def test_accounts_from_before_keep_working(earlier: Database) -> None:
    names = ("ada", "Ada", "ada  b", "ada b", "\U0001f600", "\u0430da")
    with earlier.transaction() as connection:
        for number, name in enumerate(names):
            row = {"i": f"{number:032}", "n": name, "t": f"2026-01-0{number + 1} 00:00:00.000000"}
            connection.execute(
                text(
                    "INSERT INTO users (id, username, password_hashed, created_at) "
                    "VALUES (:i, :n, x'00', :t)"
                ),
                row,
            )
    migrations.upgrade(earlier)

    for name in names:
        found = users.find_user_by_name(name)
        assert found is not None
        assert found["username"] == name
    assert [row["name_key"] for row in postgres.select("users", order_by="created_at")] == [
        "ada",
        None,
        "ada b",
        None,
        "\U0001f600",
        None,
    ]
    eldest = users.find_user_by_name("ADA")
    assert eldest is not None
    assert eldest["username"] == "ada", "the oldest has what they have in common"
    assert not users.register_user("aDa", PASSWORD)


def test_a_key_can_be_made_of_any_text() -> None:
    for name in ("", "\ud800", "\u200b", "x" * 1000, "\ufdfa" * 255):
        assert len(name_key(name)) <= 255
