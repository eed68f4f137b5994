"""Accounts, from what is said to the row and back."""

import pytest

from core.auth import get_login_token
from core.postgres import count, select_one
from tests.support.chat import Person, World
from tests.support.people import PASSWORD


async def test_showing_the_account(chat: Person) -> None:
    assert await chat.say("who am i") == (
        "You are logged in as **ada**.\nYour time zone is not set (I go by UTC); it is 12:00 "
        "there, on Monday 4 March."
    )


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("New York!", "America/New_York"),
        ("UTC", "UTC"),
        ("Kolkata", "Asia/Kolkata"),
        ("München", "Europe/Berlin"),
        ("Munich", "Europe/Berlin"),
        ("san francisco", "America/Los_Angeles"),
        ("St. Petersburg", "Europe/Moscow"),
        ("Londres", "Europe/London"),
    ],
)
async def test_a_zone_is_found_by_its_name_or_a_city(chat: Person, said: str, zone: str) -> None:
    answer = (await chat.say(f"my time zone is {said}")).replace("\\", "")
    assert answer.startswith(f"Your time zone is {zone} now")
    user = select_one("users", {"username": "ada"})
    assert user is not None
    assert user["time_zone"] == zone


@pytest.mark.parametrize(("answer", "told"), [("yes", "Europe/Berlin now"), ("no", "I know no")])
async def test_a_misspelt_zone_is_asked_about(chat: Person, answer: str, told: str) -> None:
    assert await chat.say("my time zone is Europe/Berln") == (
        "Do you mean Europe/Berlin? (yes or no)"
    )
    assert told in await chat.say(answer)


@pytest.mark.parametrize(
    ("said", "asked", "zone"),
    [
        ("i live in Munnich", ["Munich in Europe/Berlin"], "Europe/Berlin"),
        (
            "i live in valencia",
            ["Valencia in America/Caracas", "Valencia in Europe/Madrid"],
            "Europe/Madrid",
        ),
    ],
)
async def test_a_city_that_is_not_certain_is_asked_about(
    chat: Person, said: str, asked: list[str], zone: str
) -> None:
    answer = await chat.say(said)
    for number, city in enumerate(asked, 1):
        assert answer.replace("\\", "") == f"Do you mean {city}? (yes or no)"
        answer = await chat.say("yes" if number == len(asked) else "no")
    assert answer.replace("\\", "").startswith(f"Your time zone is {zone} now")


@pytest.mark.parametrize("said", ["GMT+2", "Iran", "Germany", "x"])
async def test_a_zone_is_never_guessed(chat: Person, said: str) -> None:
    await chat.say(f"my time zone is {said}")
    await chat.say("no")
    user = select_one("users", {"username": "ada"})
    assert user is not None
    assert user["time_zone"] is None


async def test_the_zone_counts_at_once(chat: Person) -> None:
    await chat.say("set my time zone to Asia/Tokyo")
    assert "it is 21:00 there" in await chat.say("show my account")


async def test_nonsense_is_no_zone(chat: Person) -> None:
    answer = await chat.say("my time zone is the moon base")
    assert answer.startswith("I know no time zone **the moon base**.")
    assert "Europe/Berlin" in answer
    assert "Do you mean Europe/" in await chat.say("my time zone is Europe")


async def test_the_zone_is_asked_where_it_was_not_said(chat: Person) -> None:
    assert "did not understand" in await chat.say("I live in fear")
    assert "Europe/Berlin now" in (await chat.say("I live in Berlin")).replace("\\", "")
    assert "go by the time of “tokyo”" in await chat.say("i'm in tokyo this week")
    assert "Asia/Tokyo now" in (await chat.say("yes")).replace("\\", "")
    assert await chat.say("set my time zone") == ("What is your time zone or a big city in it?")
    assert "Europe/Berlin" in await chat.say("berlin")


async def test_changing_the_password(world: World, chat: Person) -> None:
    elsewhere = world.person("at another computer")
    for text in ("log in", "ada", PASSWORD):
        await elsewhere.say(text)
    assert await chat.say("change my password") == "What is your current password?"
    assert "What is your new password?" in await chat.say(PASSWORD)
    assert "Your password is changed." in await chat.say("another good password")
    assert chat.secrets_expected == 3
    assert get_login_token("ada", "another good password")
    assert not get_login_token("ada", PASSWORD)
    assert await chat.say("list my errands") == "You have no errands."
    assert "ended" in await elsewhere.say("list my errands")


@pytest.mark.parametrize(
    ("current", "new", "reason"),
    [
        ("not the password", "another good password", "wrong"),
        (PASSWORD, "short", "8"),
        (PASSWORD, "x" * 73, "72"),
    ],
)
async def test_a_bad_change_of_password_changes_nothing(
    chat: Person, current: str, new: str, reason: str
) -> None:
    await chat.say("change my password")
    await chat.say(current)
    assert reason in await chat.say(new)
    await chat.say("cancel")
    assert get_login_token("ada", PASSWORD)


async def test_what_follows_a_refused_password_is_taken_for_the_right_one(chat: Person) -> None:
    for text in ("change my password", "not the password"):
        await chat.say(text)
    again = await chat.say("another good password")
    assert "The password is wrong. What is your current password?" in again
    await chat.say(PASSWORD)
    assert "is changed" in await chat.say("another good password")
    assert chat.secrets_expected == 5


async def test_a_refused_secret_is_asked_for_once_more_and_no_further(chat: Person) -> None:
    await chat.say("set my discord webhook")
    assert "(Or say “cancel”.)" in await chat.say("http://one.example/")
    assert "discord.com" in await chat.say("http://two.example/")
    assert await chat.say("list my errands") == "You have no errands."


async def test_deleting_the_account(chat: Person) -> None:
    await chat.say("add buy milk to my errands")
    assert await chat.say("delete my account") == "What is your password?"
    assert "This can't be undone. (yes or no)" in await chat.say(PASSWORD)
    assert await chat.say("yes") == ("Your account is deleted, with everything in it. Goodbye!")
    assert (count("users"), count("errands")) == (0, 0)
    assert "Hello!" in await chat.say("list my errands")


async def test_an_account_is_kept_without_a_yes_or_the_password(chat: Person) -> None:
    await chat.say("delete my account")
    await chat.say(PASSWORD)
    assert await chat.say("no") == "All right, nothing was changed."
    await chat.say("delete my account")
    await chat.say("wrong password")
    assert "wrong" in await chat.say("yes")
    assert "dropped" in await chat.say("cancel")
    assert count("users") == 1


async def test_logging_out(chat: Person) -> None:
    assert await chat.say("log out") == "You are logged out. Send me any message to log in again."
    assert count("chat_accounts", {"logged_in": True}) == 0
