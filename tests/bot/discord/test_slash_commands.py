"""Slash commands: made from the command modules, told to Discord when they change, and used."""

import asyncio
from typing import Annotated, Literal

import pytest
import simcord

from bot.discord.client import NOT_HERE
from bot.discord.incoming_queue import MAX_WAITING, SLOW_DOWN
from bot.discord.slash_commands import commands_of, payload
from bot.framework.context import Context
from bot.framework.fields import About, When
from bot.framework.registry import CommandModule
from bot.rules import DIRECT_ONLY, Rules
from core.postgres import count, select_one
from tests.support.people import PASSWORD
from tests.support.stage import Member, Stage

COMMANDS = "/applications/*/commands"


@pytest.fixture
async def ada(stage: Stage) -> Member:
    """Someone who has an account and is logged in."""
    member = stage.person("ada")
    await member.register("ada")
    return member


def told(stage: Stage) -> int:
    """How often Discord was told the commands."""
    return sum(
        request.method == "PUT" and request.path.endswith("/commands")
        for request in stage.env.http_requests
    )


party = CommandModule("party", "Parties")


@party.command("plan a party for {guests}")
async def plan(
    ctx: Context,
    note: str | None = None,
    *,
    guests: int,
    size: Literal["small", "large"],
    cost: float | None = None,
    loud: bool = False,
    start: Annotated[When | None, About("its beginning")] = None,
) -> str:
    """Plan a party."""
    return f"{guests!r} {size!r} {cost!r} {loud!r} {start and start.isoformat()} {note!r}"


# What Discord is told


async def test_people_can_install_it_for_themselves_and_use_it_anywhere(stage: Stage) -> None:
    commands = payload(stage.world.conversation.registry)
    assert {tuple(one["contexts"]) for one in commands} == {(0, 1, 2)}  # servers, its DMs, others'
    assert {tuple(one["integration_types"]) for one in commands} == {(0, 1)}  # servers, people


async def test_options_have_types_choices_and_the_required_ones_first(stage: Stage) -> None:
    registry = await stage.world.know(party)
    (command,) = [command for command in payload(registry) if command["name"] == "party"]
    (subcommand,) = command["options"]
    assert (subcommand["name"], subcommand["description"]) == ("plan", "Plan a party.")
    assert [
        (option["name"], option["type"], option["required"]) for option in subcommand["options"]
    ] == [
        ("guests", 4, True),
        ("size", 3, True),
        ("note", 3, False),
        ("cost", 10, False),
        ("loud", 5, False),
        ("start", 3, False),
    ]
    assert subcommand["options"][1]["choices"] == [
        {"name": "small", "value": "small"},
        {"name": "large", "value": "large"},
    ]
    assert subcommand["options"][5]["description"] == "Its beginning"


async def test_secrets_are_no_options_and_other_peoples_things_none_to_choose(stage: Stage) -> None:
    commands = {command["name"]: command for command in payload(stage.world.conversation.registry)}
    actions = {option["name"]: option for option in commands["account"]["options"]}
    assert actions["change_password"]["options"] == []
    errands = {option["name"]: option for option in commands["errand"]["options"]}
    assert "autocomplete" not in errands["add"]["options"][0]  # a new name
    assert errands["complete"]["options"][0]["autocomplete"]


@pytest.mark.parametrize("name", ["forget", "help", "login", "logout", "register"])
async def test_a_module_called_like_a_command_of_the_bots_own_is_left_out(
    stage: Stage, name: str
) -> None:
    module = CommandModule(name, "Another one")
    module.commands = party.commands
    await stage.world.know(module)
    names = [command["name"] for command in commands_of(stage.world.conversation)]
    assert names.count(name) == 1


async def test_a_module_whose_name_discord_can_not_take_is_left_out(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    odd = CommandModule("Odd one", "Odd")
    registry = await stage.world.know(odd)
    assert "Odd one" not in [command["name"] for command in payload(registry)]
    assert "'Odd one' can't be a slash command" in caplog.text


async def test_discord_is_told_once_and_again_where_something_changed(stage: Stage) -> None:
    assert told(stage) == 1
    await stage.restart()
    assert told(stage) == 1
    await stage.world.know(party)
    await stage.restart(forget=False)
    assert told(stage) == 2


async def test_a_discord_that_takes_no_commands_still_gets_answers(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.env.inject_error("GET", COMMANDS, status=503, times=None)
    await stage.restart()
    assert "Discord was not told the slash commands: Discord answered 503" in caplog.text
    assert "register" in await stage.person("ada").say("hello")


# Using them


async def test_what_can_only_be_shown_is_shown_by_its_name(stage: Stage, ada: Member) -> None:
    sights = CommandModule("sights", "Sights")

    @sights.command("show the sights")
    async def show(ctx: Context, most: int | None = None) -> str:
        """Show the sights."""
        return f"{most} sights"

    await stage.world.know(sights)
    await stage.restart(forget=False)
    assert await ada.slash("sights") == "None sights"
    assert await ada.slash("sights", most=3) == "3 sights"


async def test_undo_and_usage_are_commands_of_their_own(stage: Stage, ada: Member) -> None:
    names = {one["name"]: one.get("options") for one in payload(stage.world.conversation.registry)}
    assert {"help", "login", "logout", "register", "usage", "undo"} <= names.keys()
    assert names["usage"] == names["undo"] == []
    await ada.say("add milk to my errands")
    assert await ada.slash("undo") == "**milk** is off your errands again."
    assert count("errands") == 0
    assert "Today I have asked the language model 0" in await ada.slash("usage")


async def test_options_reach_the_function_as_what_they_are(stage: Stage) -> None:
    await stage.world.know(party)
    await stage.restart(forget=False)
    ada = stage.person("ada")
    await ada.register("ada")
    assert await ada.slash("party plan", guests=3, size="large", cost=2.5, loud=True) == (
        "3 'large' 2.5 True None None"
    )
    answer = await ada.slash(
        "party plan", guests=3, size="small", start="tomorrow at 5pm", note="x"
    )
    assert answer == "3 'small' None False 2030-03-05T17:00:00+00:00 'x'"


async def test_an_order_goes_the_same_way_as_one_in_words(stage: Stage, ada: Member) -> None:
    assert "Added **milk**" in await ada.slash("errand add", name="milk", due="tomorrow at 5pm")
    (first,) = [sent for sent in stage.env.http_requests if sent.path.endswith("/callback")]
    assert first.json == {"type": 5}  # at work, at once; what it says comes afterwards
    assert ada.used is not None
    assert not ada.used.ephemeral
    assert "tomorrow at 17:00" in await ada.say("show my errands")
    answer = await ada.slash("errand schedule", name="milk", due="yesterday at 5pm")
    assert "past" in answer
    assert "tomorrow at 18:00" in await ada.say("tomorrow at 6pm")


async def test_what_is_destructive_is_confirmed(ada: Member) -> None:
    await ada.slash("errand add", name="milk")
    assert "Delete **milk**?" in await ada.slash("errand delete", name="milk")
    assert count("errands") == 1
    assert "Deleted **milk**" in await ada.press("Yes")
    assert count("errands") == 0


async def test_a_command_gives_up_the_question_that_was_open(ada: Member) -> None:
    await ada.say("new errand")
    assert "Talk to me" in await ada.slash("help")
    assert count("errands") == 0
    assert "Added **milk**" in await ada.slash("errand add", name="milk")


async def test_logging_in_and_out_by_commands(stage: Stage) -> None:
    ada = stage.person("ada")
    ada.used = await ada.user.slash("register")
    assert "Hello, **ada**!" in await ada.submit(username="ada", password=PASSWORD)
    assert "logged out" in await ada.slash("logout")
    ada.used = await ada.user.slash("login")
    assert "Hello, **ada**!" in await ada.submit(username="ada", password=PASSWORD)
    assert not any(PASSWORD in message.content for message in ada.messages)


async def test_a_stranger_is_asked_to_log_in(stage: Stage) -> None:
    ada = stage.person("ada")
    assert "register" in await ada.slash("errand add", name="milk")
    assert ada.buttons == ["Log in", "Register"]


@pytest.mark.parametrize(("status", "code"), [(404, 10062), (429, 0), (503, 0)])
async def test_a_command_that_discord_forgot_is_logged_and_the_next_one_works(
    stage: Stage, ada: Member, status: int, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    stage.env.inject_error("POST", "/interactions/*/*/callback", status=status, code=code)
    assert await ada.slash("errand add", name="milk") == ""
    assert f"was not answered: Discord answered {status} (code {code})" in caplog.text
    assert count("errands") == 0
    assert "Added **milk**" in await ada.slash("errand add", name="milk")


async def test_a_flood_of_commands_leaves_none_of_them_at_work_for_ever(
    stage: Stage, ada: Member
) -> None:
    slow = CommandModule("slow", "Waits")
    renew = asyncio.Event()

    @slow.command("wait for it")
    async def wait(ctx: Context) -> str:
        """Answer when the test says so."""
        await renew.wait()
        return "done"

    await stage.world.know(slow)
    await stage.restart(forget=False)
    before = len(ada.replies)
    for _ in range(MAX_WAITING + 3):
        await ada.user.slash("slow wait")
    renew.set()
    await stage.settle()
    assert sorted(ada.replies[before:]) == sorted([SLOW_DOWN, *["done"] * MAX_WAITING])


# Suggestions


async def suggested(member: Member, command: str, option: str, typed: str) -> list[str]:
    choices = await member.user.autocomplete(command, option, typed)
    return [choice["value"] for choice in choices]


async def test_ones_own_open_tasks_are_suggested(stage: Stage, ada: Member) -> None:
    for name in ("buy milk", "buy bread", "call mum"):
        await ada.say(f"add {name} to my errands")
    await ada.say("strike call mum")
    bob = stage.person("bob")
    await bob.register("bob")
    await bob.say("add buy a boat to my errands")
    assert await suggested(ada, "errand complete", "name", "") == ["buy milk", "buy bread"]
    assert await suggested(ada, "errand complete", "name", "bre") == ["buy bread"]
    assert await suggested(ada, "errand complete", "name", "buy mlik") == ["buy milk"]
    assert await suggested(ada, "errand complete", "name", "boat") == []
    assert "Done: **buy milk**" in await ada.slash("errand complete", name="buy milk")


async def test_a_stranger_is_suggested_nothing(stage: Stage) -> None:
    assert await suggested(stage.person("eve"), "errand complete", "name", "a") == []


async def test_while_the_api_is_away_nothing_is_suggested(stage: Stage, ada: Member) -> None:
    async with stage.world.api_away():
        assert await suggested(ada, "errand complete", "name", "a") == []


# In a server, where the bot reads no messages and others look on


class Guild:
    """A server with the bot and a person on it."""

    def __init__(self, stage: Stage, member: Member) -> None:
        self.guild = stage.env.create_guild()
        self.channel = self.guild.create_text_channel("general")
        self.actor = self.guild.add_member(member.user)
        self.result: simcord.InteractionResult
        self._stage = stage

    async def slash(self, command: str, **options: object) -> str:
        self.result = await self.actor.slash(self.channel, command, **options)
        return await self._answer()

    async def press(self, label: str) -> str:
        self.result = await self.actor.click(self._said[-1], label=label)
        return await self._answer()

    async def submit(self, **lines: str) -> str:
        self.result = await self.actor.submit_modal(self.result, lines)
        return await self._answer()

    async def _answer(self) -> str:
        await self._stage.settle()
        followups = self.result.followups
        self._said = followups or ([self.result.response] if self.result.response else [])
        assert all(message.ephemeral for message in self._said)
        return "\n".join(message.content for message in self._said)


async def test_in_a_server_nobody_else_sees_the_answer(stage: Stage, ada: Member) -> None:
    guild = Guild(stage, ada)
    assert "Added **milk**" in await guild.slash("errand add", name="milk")
    assert guild.result.ephemeral
    assert guild.channel.history() == []


async def test_in_a_server_questions_are_answered_by_buttons_and_forms(
    stage: Stage, ada: Member
) -> None:
    guild = Guild(stage, ada)
    assert "past" in await guild.slash("errand add", name="milk", due="yesterday at 5pm")
    assert await guild.press("Answer") == ""
    assert "tomorrow at 17:00" in await guild.submit(answer="tomorrow at 5pm")
    assert "Delete **milk**?" in await guild.slash("errand delete", name="milk")
    assert "Deleted **milk**" in await guild.press("Yes")


async def test_a_stranger_in_a_server_registers_in_a_form(stage: Stage) -> None:
    guild = Guild(stage, stage.person("eve"))
    assert "user name" in await guild.slash("errand add", name="milk")
    await guild.press("Register")
    assert "Hello" in await guild.submit(username="eve", password=PASSWORD)
    assert "Added **milk**" in await guild.slash("errand add", name="milk")


async def test_in_a_server_a_password_is_asked_for_in_a_form(stage: Stage, ada: Member) -> None:
    guild = Guild(stage, ada)
    before = select_one("users", {"username": "ada"})
    assert "current password" in await guild.slash("account change_password")
    await guild.press("Answer privately")
    assert "new password" in await guild.submit(answer=PASSWORD)
    await guild.press("Answer privately")
    assert "is changed" in await guild.submit(answer="another good password")
    assert select_one("users", {"username": "ada"}) != before


async def test_in_a_server_the_first_commands_are_for_the_asker_alone(stage: Stage) -> None:
    guild = Guild(stage, stage.person("eve"))
    guild.result = await guild.actor.slash(guild.channel, "register")
    assert "Hello, **eve**!" in await guild.submit(username="eve", password=PASSWORD)
    assert "Talk to me" in await guild.slash("help")
    assert "Today I have asked" in await guild.slash("usage")
    await guild.slash("errand add", name="milk")
    assert await guild.slash("undo") == "**milk** is off your errands again."
    assert "logged out" in await guild.slash("logout")
    guild.result = await guild.actor.slash(guild.channel, "login")
    assert "Hello, **eve**!" in await guild.submit(username="eve", password=PASSWORD)
    assert guild.channel.history() == []


async def test_in_a_server_nobody_else_can_use_an_answer(stage: Stage, ada: Member) -> None:
    guild = Guild(stage, ada)
    await guild.slash("errand add", name="milk")
    await guild.slash("errand delete", name="milk")
    question = guild._said[-1]
    bob = guild.guild.add_member(stage.person("bob").user)
    with pytest.raises(simcord.SetupError, match="not visible"):
        await bob.click(question, label="Yes")
    assert count("errands") == 1


async def test_in_a_server_a_long_list_is_turned_over_for_the_asker_alone(
    stage: Stage, ada: Member
) -> None:
    guild = Guild(stage, ada)
    for number in range(60):
        name = f"a errand with a rather long name, of which there are many: {number:02}"
        await ada.say(f"add {name} to my errands")
    assert "Page 1 of" in await guild.slash("errand show")
    assert guild.channel.history() == []


async def test_the_rules_bound_commands_too(stage: Stage, ada: Member) -> None:
    guild = Guild(stage, ada)
    stage.client.rules = Rules(guilds=(1,), mention=False)
    assert await guild.slash("errand add", name="milk") == NOT_HERE
    stage.client.rules = Rules(direct_messages="off", mention=False)
    assert await ada.slash("errand add", name="milk") == ""
    assert [message.content for message in ada.answers] == [NOT_HERE]
    assert "Added **milk**" in await guild.slash("errand add", name="milk")
    assert await suggested(ada, "errand complete", "name", "") == []
    stage.client.rules = DIRECT_ONLY
    assert await suggested(ada, "errand complete", "name", "") == ["milk"]
