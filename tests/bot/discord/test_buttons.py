"""Buttons and forms in direct messages: short cuts, whose they are, and when they have expired."""

import asyncio

import discord
import pytest

from bot.conversation.handler import EXPIRED
from bot.discord.interactions import LIST_EXPIRED, NOT_YOURS
from bot.framework.context import Context
from bot.framework.registry import CommandModule
from bot.messages import Button
from config.settings import Settings, get_settings
from core.postgres import count
from tests.support.people import PASSWORD
from tests.support.stage import Member, Stage, labels, parts


@pytest.fixture
async def ada(stage: Stage) -> Member:
    """Someone who has an account and is logged in."""
    member = stage.person("ada")
    await member.register("ada")
    return member


# Log-in


async def test_registering_in_a_form_leaves_no_password_in_the_chat(stage: Stage) -> None:
    ada = stage.person("ada")
    await ada.say("hello")
    assert ada.buttons == ["Log in", "Register"]
    answer = await ada.fill_in("Register", username="ada", password=PASSWORD)
    assert "Hello, **ada**!" in answer
    assert labels(ada.messages[1]) == []
    assert not any(PASSWORD in message.content for message in ada.messages)
    assert "milk" in await ada.say("add milk to my errands")


async def test_logging_in_with_a_form_says_what_is_wrong_and_offers_it_again(stage: Stage) -> None:
    await stage.person("elsewhere").register("ada")
    ada = stage.person("ada")
    await ada.say("hello")
    answer = await ada.fill_in("Log in", username="ada", password="wrong password")
    assert "don't belong together" in answer
    assert "Hello, **ada**!" in await ada.fill_in("Log in", username="ada", password=PASSWORD)


async def test_a_form_that_can_not_be_taken_says_why_and_is_offered_again(stage: Stage) -> None:
    await stage.person("elsewhere").register("ada")
    ada = stage.person("ada")
    await ada.say("hello")
    assert "taken" in await ada.fill_in("Register", username="ada", password=PASSWORD)
    assert ada.buttons == ["Log in", "Register"]


async def test_a_form_works_however_old_the_welcome_is(stage: Stage) -> None:
    ada = stage.person("ada")
    await ada.say("hello")
    await stage.restart()
    assert "Hello" in await ada.fill_in("Register", username="ada", password=PASSWORD)


async def test_a_password_that_is_asked_for_can_be_given_unseen(stage: Stage, ada: Member) -> None:
    await ada.say("change my password")
    answer = await ada.fill_in("Answer privately", answer=PASSWORD)
    assert "delete your message" not in answer
    assert "new password" in answer
    assert "is changed" in await ada.fill_in("Answer privately", answer="another good password")


# Confirmation


async def test_pressing_yes_confirms_once(stage: Stage, ada: Member) -> None:
    await ada.say("add milk to my errands")
    await ada.say("delete the errand milk")
    assert ada.buttons == ["Yes", "No"]
    question = ada.messages[-1]
    assert "Deleted" in await ada.press("Yes", question)
    assert count("errands") == 0
    assert [labels(message) for message in ada.messages[-2:]] == [[], []]


async def test_pressing_no_changes_nothing(ada: Member) -> None:
    await ada.say("add milk to my errands")
    await ada.say("delete the errand milk")
    assert "stays" in await ada.press("No")
    assert count("errands") == 1


async def test_answering_in_words_takes_the_buttons_away(ada: Member) -> None:
    await ada.say("add milk to my errands")
    question = len(ada.messages) + 1
    await ada.say("delete the errand milk")
    assert labels(ada.messages[question]) == ["Yes", "No"]
    await ada.say("no")
    assert labels(ada.messages[question]) == []


async def test_a_button_has_expired_after_a_restart_and_says_so(stage: Stage, ada: Member) -> None:
    await ada.say("add milk to my errands")
    await ada.say("delete the errand milk")
    await stage.restart()
    assert await ada.press("Yes") == EXPIRED
    assert count("errands") == 1
    assert labels(ada.messages[-2]) == []


class TestLapsed:
    """Where the bot soon stops waiting."""

    @pytest.fixture
    def settings(self) -> Settings:
        return get_settings().model_copy(update={"login_timeout_seconds": 0.5})

    async def test_a_button_expires_with_its_question(self, ada: Member) -> None:
        await ada.say("add milk to my errands")
        await ada.say("delete the errand milk")
        await asyncio.sleep(0.6)
        assert await ada.press("Yes") == EXPIRED
        assert count("errands") == 1


def first_id(message: discord.Message) -> str:
    """The custom id of a message's first button."""
    row = message.components[0]
    assert isinstance(row, discord.ActionRow)
    assert row.children[0].custom_id
    return row.children[0].custom_id


def button(custom_id: str) -> discord.ui.View:
    """A button that an older message may still have had when it was pressed."""
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Old yes", custom_id=custom_id))
    view.stop()
    return view


async def test_the_button_of_an_older_question_answers_nothing(stage: Stage, ada: Member) -> None:
    await ada.say("add milk to my errands")
    await ada.say("add bread to my errands")
    await ada.say("delete the errand milk")
    old = button(first_id(ada.latest))
    await ada.say("no")
    await ada.say("delete the errand bread")
    question = ada.latest
    await stage.client.get_partial_messageable(question.channel.id).send("old", view=old)
    assert await ada.press("Old yes") == EXPIRED
    assert count("errands") == 2
    assert "Deleted **bread**" in await ada.press("Yes", question)


async def test_only_the_asker_can_press(stage: Stage, ada: Member) -> None:
    await ada.say("add milk to my errands")
    await ada.say("delete the errand milk")
    guild = stage.env.create_guild()
    channel = guild.create_text_channel("general")
    bob = guild.add_member(stage.env.create_user("bob"))
    sent = await stage.client.get_partial_messageable(channel.id).send(
        "Delete it?", view=button(first_id(ada.latest))
    )
    result = await bob.click(sent, label="Old yes")
    assert result.response is not None
    assert result.response.content == NOT_YOURS
    assert result.response.ephemeral
    assert count("errands") == 1
    assert "Deleted" in await ada.press("Yes")


# Short cuts

choosy = CommandModule("tea", "Tea")


@choosy.command("what is there")
async def offer(ctx: Context) -> str:
    """Offer two teas, one of which has a name too long for a button."""
    await ctx.say("Green or long?", [Button("Green", "i want green"), Button("Long", "x" * 90)])
    return ""


@choosy.command("i want {kind}")
async def pour(ctx: Context, kind: str) -> str:
    """Pour a tea."""
    return f"Here is {kind} tea."


async def test_a_short_cut_says_its_words_once_however_old_it_is(stage: Stage) -> None:
    await stage.world.know(choosy)
    ada = stage.person("ada")
    await ada.register("ada")
    await ada.say("what is there")
    assert ada.buttons == ["Green"]
    await stage.restart(forget=False)
    offered = ada.latest
    assert await ada.press("Green") == "Here is green tea."
    assert labels(ada.messages[ada.messages.index(offered)]) == []


# Lists


async def test_a_long_list_is_turned_over_page_by_page(stage: Stage, ada: Member) -> None:
    for number in range(40):
        await ada.say(f"add errand {number} {'x' * 60} to my errands")
    before = len(ada.messages)
    answer = await ada.say("show my errands")
    assert len(ada.messages) == before + 2
    assert "errand 0 " in answer
    assert "Page 1 of 2" in answer
    assert ada.buttons == ["Next"]
    await ada.press("Next")
    assert "errand 39 " in ada.replies[-1]
    assert "Page 2 of 2" in ada.replies[-1]
    assert len(ada.messages) == before + 2
    assert ada.buttons == ["Previous"]
    await ada.press("Previous")
    assert "errand 0 " in ada.replies[-1]
    await stage.restart()
    await ada.press("Next")
    assert ada.answers[-1].content == LIST_EXPIRED
    assert ada.answers[-1].ephemeral
    assert ada.buttons == []


# Beside the lines of a list


async def test_a_setting_is_switched_beside_its_line(stage: Stage, ada: Member) -> None:
    await ada.say("set my ntfy topic to alpha")
    await ada.say("quiet from 22:00 to 7:00")
    assert "ntfy (alpha): on" in await ada.say("show my notifications")
    settings = ada.latest
    assert labels(settings) == ["Turn off", "Turn off"]
    ntfy, hours = (one for one in parts(settings) if isinstance(one, discord.Button))

    await ada.user.click(settings, custom_id=ntfy.custom_id)
    await stage.settle()
    assert "don't go to ntfy any more" in ada.replies[-1]
    await stage.restart()
    shown = next(one for one in ada.messages if one.id == settings.id)
    assert labels(shown) == ["Turn off"], "the other one stays"

    await ada.user.click(shown, custom_id=hours.custom_id)
    await stage.settle()
    assert "no quiet hours" in ada.replies[-1]
