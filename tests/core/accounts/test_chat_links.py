"""Who is logged in where."""

from datetime import timedelta
from uuid import UUID

import pytest

from core import postgres
from core.accounts import chat_links

pytestmark = pytest.mark.usefixtures("database")

HERE = ("discord", "default", "4711")


def user(name: str) -> UUID:
    row = postgres.insert("users", {"username": name, "password_hashed": b"x"})
    assert isinstance(row["id"], UUID)
    return row["id"]


def who(*address: str) -> tuple[UUID, UUID] | None:
    """Who is logged in at an address, and the id of the chat."""
    platform, agent, account_id = address
    found = chat_links.find_users([(platform, agent, account_id)])
    assert len(found) <= 1
    return next(((row["id"], row["chat_id"]) for row in found.values()), None)


def test_one_user_at_a_time_is_logged_in_at_an_address() -> None:
    ada, bob = user("ada"), user("bob")
    first = chat_links.link(ada, *HERE)
    assert who(*HERE) == (ada, first["id"])
    second = chat_links.link(bob, *HERE)
    assert who(*HERE) == (bob, second["id"])
    assert second["user_uuid"] == bob
    again = chat_links.link(ada, *HERE)
    assert again["id"] == first["id"]
    assert again["last_used_at"] >= first["last_used_at"] + timedelta(0)
    assert [row["logged_in"] for row in postgres.select("chat_accounts", {"user_uuid": bob})] == [
        False
    ]


def test_addresses_do_not_touch_each_other() -> None:
    ada, bob = user("ada"), user("bob")
    chat_links.link(ada, *HERE)
    for other in (
        ("console", "default", "4711"),
        ("discord", "second", "4711"),
        ("discord", "default", "4712"),
    ):
        assert who(*other) is None
        chat_links.link(bob, *other)
    found = who(*HERE)
    assert found is not None
    assert found[0] == ada


def test_who_logs_out_keeps_the_address() -> None:
    linked = chat_links.link(user("ada"), *HERE)
    assert chat_links.unlink(*HERE) is True
    assert chat_links.unlink(*HERE) is False
    assert who(*HERE) is None
    assert postgres.select("chat_accounts") == [{**linked, "logged_in": False}]
