"""Logging in by the Discord account: SIGN_IN."""

import re

import pytest

from bot.rules import Rules
from config.settings import Settings
from core.accounts import login_codes
from core.postgres import select
from tests.support.people import PASSWORD
from tests.support.stage import Member, Stage

WAYS = {"only": ("discord",), "both": ("password", "discord")}


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return settings.model_copy(update={"sign_in": WAYS[getattr(request, "param", "only")]})


async def said_in_a_server(stage: Stage, person: Member, text: str) -> list[str]:
    """Say something to the bot in a server; return what it answers there."""
    guild = stage.env.create_guild()
    channel = guild.create_text_channel("general")
    stage.client.rules = Rules()
    assert stage.client.user is not None
    await guild.add_member(person.user).send(channel, f"{stage.client.user.mention} {text}")
    await stage.settle()
    return [message.content for message in channel.history() if message.author.bot]


both_ways = pytest.mark.parametrize("settings", ["both"], indirect=True)


async def test_the_first_message_is_carried_out_and_no_password_is_typed(stage: Stage) -> None:
    ada = stage.person("ada")
    answer = await ada.say("add buy milk to my errands")
    assert "Hello, **ada**!" in answer
    assert "Added" in answer
    assert "buy milk" in await ada.say("list my errands")
    await stage.restart()
    assert "buy milk" in await ada.say("list my errands")
    assert [row["username"] for row in select("users")] == ["ada"]


async def test_a_greeting_is_greeted_once(stage: Stage) -> None:
    answer = await stage.person("ada").say("hello")
    assert answer.count("Hello") == 1


async def test_in_a_server_an_order_is_carried_out_at_once(stage: Stage) -> None:
    (reply,) = await said_in_a_server(stage, stage.person("ada"), "add buy milk to my errands")
    assert "buy milk" in reply


async def test_slash_commands_sign_in_too(stage: Stage) -> None:
    assert "no errands" in await stage.person("ada").slash("errand show")


@both_ways
async def test_both_ways_are_offered(stage: Stage) -> None:
    ada, bob = stage.person("ada"), stage.person("bob")
    assert "Hello" in await ada.say("list my errands")
    assert "Use my Discord account" in ada.buttons
    assert "Hello, **ada**!" in await ada.press("Use my Discord account")
    assert "Hello, **bob**!" in await bob.register("bob")
    carl = stage.person("carl")
    assert "Hello, **carl**!" in await carl.say("use discord")


async def test_another_account_is_linked_and_unlinked(stage: Stage) -> None:
    ada = stage.person("ada")
    await ada.say("add buy milk to my errands")
    await stage.world.api.for_stranger(
        stage.world.person("web").address,
        "/api/register",
        {"username": "lovelace", "password": PASSWORD},
    )
    assert "user name" in await ada.say("link my account")
    assert "password" in await ada.say("lovelace")
    assert "linked to **lovelace**" in await ada.say(PASSWORD)
    assert await ada.say("list my errands") == "You have no errands."
    assert "no longer linked" in await ada.say("unlink my account")
    assert "buy milk" in await ada.say("list my errands")
    assert "not linked" in await ada.say("unlink my account")


async def test_a_link_logs_in_once_and_is_sent_in_private_alone(stage: Stage) -> None:
    ada = stage.person("ada")
    answer = await ada.say("send me a log-in link")
    code = re.search("`(?:.*code=)?(.*)`", answer)
    assert code is not None
    user = login_codes.redeem(code[1], stage.world.clock())
    assert user is not None
    assert user["username"] == "ada"
    (reply,) = await said_in_a_server(stage, ada, "send me a log-in link")
    assert "direct message" in reply


async def test_who_has_no_password_is_not_asked_for_one(stage: Stage) -> None:
    ada, bob = stage.person("ada"), stage.person("bob")
    await ada.say("hello")
    assert await ada.say("set my password") == "What is your new password?"
    assert "is changed" in await ada.say(PASSWORD)
    assert await ada.say("set my password") == "What is your current password?"
    await ada.say("cancel")
    await bob.say("hello")
    assert "can't be undone" in await bob.say("delete my account")
    assert "Goodbye" in await bob.say("yes")
    assert [row["username"] for row in select("users")] == ["ada"]


async def test_an_api_that_is_away_is_told_and_tried_again(stage: Stage) -> None:
    ada = stage.person("ada")
    async with stage.world.api_away():
        assert "can't reach" in await ada.say("hello")
    assert "Hello, **ada**!" in await ada.say("hello")
