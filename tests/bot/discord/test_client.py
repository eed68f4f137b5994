"""The manners of the bot on Discord: whom it answers, how, and what Discord's refusals mean."""

import asyncio
from datetime import timedelta

import discord
import pytest
from simcord.backend.models import MessageSticker

from bot.discord.client import DiscordClient
from bot.discord.incoming_queue import MAX_WAITING, SLOW_DOWN
from bot.framework.context import Context
from bot.framework.registry import CommandModule
from bot.runtime.deliveries import Undeliverable
from core import reminders
from core.deliveries import queue
from core.notifications import set_notification_settings
from core.postgres import count, select, select_one
from tests.support.chat import AGENT, World
from tests.support.stage import Beside, Stage

VOICE = 1 << 13  # Discord's documentation, "Message Flags"
TYPING = "/channels/*/typing"
MESSAGES = "/channels/*/messages"


def posts(stage: Stage, end: str) -> list[dict[str, object]]:
    """Return what the bot has sent to paths that end so."""
    return [
        dict(request.json or {})  # type: ignore[arg-type]
        for request in stage.env.http_requests
        if request.method == "POST" and request.path.endswith(end)
    ]


# Whom it answers


async def test_bots_webhooks_guilds_and_itself_get_no_answer(stage: Stage) -> None:
    robot = stage.env.create_user("robot", bot=True)
    await robot.send_dm("register")
    guild = stage.env.create_guild()
    channel = guild.create_text_channel("general")
    ada = guild.add_member(stage.env.create_user("ada"))
    await ada.send(channel, "register")
    await ada.send(channel, f"{stage.client.user.mention} register")  # type: ignore[union-attr]
    webhook = guild.create_webhook(channel, "hook")
    await webhook.send("register")
    await stage.settle()
    assert posts(stage, "/messages") == []
    person = stage.person("bob")
    await person.say("hello")
    assert len(person.replies) == 1  # and its own greeting did not start it talking to itself


async def test_a_message_without_words_gets_a_kind_word(stage: Stage) -> None:
    ada = stage.person("ada")
    photo = {
        "id": "1",
        "filename": "cat.png",
        "size": 1,
        "url": "https://x",
        "proxy_url": "https://x",
    }
    assert "only open short text files" in await ada.say("", attachments=[photo])
    assert "voice" in await ada.say("", attachments=[photo], flags=VOICE)
    assert "voice" in await ada.say("", attachments=[photo | {"content_type": "audio/mpeg"}])
    assert "sticker" in await ada.say("", stickers=[MessageSticker(2, "wave", 1, 3)])


async def test_a_message_of_discords_own_gets_no_answer(stage: Stage) -> None:
    ada = stage.person("ada")
    assert await ada.say("a call", message_type=discord.MessageType.call.value) == ""


# Corrections and floods


async def test_a_message_that_was_not_understood_can_be_corrected(stage: Stage) -> None:
    ada = stage.person("ada")
    await ada.register("ada")
    await ada.say("ad milk too my taskz pleaze")
    assert "Added **milk**" in await ada.edit("add milk to my errands")
    assert await ada.edit("add bread to my errands") == ""  # something was done by now
    assert count("errands") == 1


async def test_a_correction_is_no_answer_and_needs_to_be_the_latest_message(stage: Stage) -> None:
    ada = stage.person("ada")
    await ada.register("ada")
    await ada.say("complete the laundry")
    first = ada.written
    await ada.say("new errand")
    assert await ada.edit("add bread to my errands", first) == ""
    assert "Added **milk**" in await ada.say("milk")
    assert await ada.edit("add bread to my errands", first) == ""
    assert count("errands") == 1


async def test_a_correction_comes_too_late_after_a_minute(stage: Stage) -> None:
    ada = stage.person("ada")
    await ada.register("ada")
    await ada.say("ad milk too my taskz pleaze")
    await stage.env.advance_time(61)
    assert await ada.edit("add milk to my errands") == ""


async def test_a_correction_of_what_was_said_before_logging_in_is_not_read(stage: Stage) -> None:
    ada = stage.person("ada")
    await ada.say("hello")
    await ada.say("cancel")
    assert await ada.edit("register") == ""


async def test_a_flood_is_slowed_with_one_message_and_costs_others_nothing(stage: Stage) -> None:
    slow = CommandModule("slow", "Waits")
    renew = asyncio.Event()

    @slow.command("wait for it")
    async def wait(ctx: Context) -> str:
        """Answer when the test says so."""
        await renew.wait()
        return "done"

    await stage.world.know(slow, talkative)
    ada, bob = stage.person("ada"), stage.person("bob")
    await ada.register("ada")
    await bob.register("bob")
    before = len(ada.replies)
    for _ in range(50):
        await ada.write("wait for it")
    assert ada.replies[before:] == [SLOW_DOWN]
    await bob.write("take a while")
    assert await bob.receives("done")
    renew.set()
    await stage.settle()
    assert ada.replies[before:] == [SLOW_DOWN, *["done"] * MAX_WAITING]
    assert await ada.say("wait for it") == "done"


class TestFewMayWait:
    """Where a setting lets fewer messages wait."""

    @pytest.fixture
    def simcord_bot(self, beside: Beside) -> DiscordClient:
        return DiscordClient(AGENT, beside, lambda _: None, most_waiting=1)

    async def test_the_next_one_is_told_already(self, stage: Stage) -> None:
        renew = asyncio.Event()
        slow = CommandModule("slow", "Waits")

        @slow.command("wait for it")
        async def wait(ctx: Context) -> str:
            """Answer when the test says so."""
            await renew.wait()
            return "done"

        await stage.world.know(slow)
        ada = stage.person("ada")
        await ada.register("ada")
        before = len(ada.replies)
        for _ in range(3):
            await ada.write("wait for it")
        renew.set()
        await stage.settle()
        assert ada.replies[before:] == [SLOW_DOWN, "done"]


# How it answers


async def test_a_message_as_long_as_discord_takes_is_carried_out_and_answered(
    stage: Stage,
) -> None:
    ada = stage.person("ada")
    await ada.register("ada")
    name = " ".join(f"*{n:03}*" for n in range(320))
    before = len(ada.replies)
    await ada.say(f"add {name} to my errands")
    assert len(ada.replies[before:]) == 2  # with a backslash before each asterisk it is longer
    assert " ".join(ada.replies[before:]).replace("\\", "") == f"Added {name}."
    row = select_one("errands", {})
    assert row is not None
    assert row["name"] == name


talkative = CommandModule("talk", "Says a lot")


@talkative.command("say a lot")
async def say_a_lot(ctx: Context) -> str:
    """Return three thousand characters."""
    return "\n\n".join(f"Paragraph {number}: " + "word " * 50 for number in range(11))


@talkative.command("take a while")
async def take_a_while(ctx: Context) -> str:
    """Answer after a moment."""
    await asyncio.sleep(0.3)
    return "done"


async def test_a_long_reply_arrives_in_order_in_several_messages(stage: Stage) -> None:
    await stage.world.know(talkative)
    ada = stage.person("ada")
    await ada.register("ada")
    before = len(ada.replies)
    answer = await ada.say("say a lot")
    parts = ada.replies[before:]
    assert len(answer) > 2900
    assert len(parts) == 2
    assert all(len(part) <= 2000 for part in parts)
    assert [f"Paragraph {number}:" in answer for number in range(11)] == [True] * 11


@talkative.command("show the code")
async def show_the_code(ctx: Context) -> str:
    """Return words, and code that fits into one message, but not beside them."""
    code = "code line\n" * 170
    return f"{'word ' * 100}\n\n```\n{code}```\n\nThe end."


async def test_a_code_fence_that_fits_is_not_cut(stage: Stage) -> None:
    await stage.world.know(talkative)
    ada = stage.person("ada")
    await ada.register("ada")
    before = len(ada.replies)
    await ada.say("show the code")
    words, code = ada.replies[before:]
    assert words.startswith("word ")
    assert code.startswith("```\ncode line")
    assert code.endswith("```\n\nThe end.")


async def test_mentions_in_what_it_says_are_inert(stage: Stage) -> None:
    ada = stage.person("ada")
    await ada.register("ada")
    answer = await ada.say("add @everyone <@1> **now** to my errands")
    assert "@everyone" in answer
    for sent in posts(stage, "/messages"):
        assert sent["allowed_mentions"] == {"parse": []}
    assert not any(message.mention_everyone or message.mentions for message in ada.messages)


async def test_typing_is_shown_while_it_works_and_not_after(stage: Stage) -> None:
    await stage.world.know(talkative)
    ada = stage.person("ada")
    await ada.register("ada")
    before = len(posts(stage, "/typing"))
    await ada.write("take a while")
    await asyncio.sleep(0.1)
    assert len(posts(stage, "/typing")) == before + 1
    await stage.settle()
    assert ada.replies[-1] == "done"
    await asyncio.sleep(0)
    assert not any("show_typing" in repr(errand) for errand in asyncio.all_tasks())
    assert not any("do_typing" in repr(errand) for errand in asyncio.all_tasks())


async def test_typing_that_discord_refuses_costs_no_answer(stage: Stage) -> None:
    stage.env.inject_error("POST", TYPING, status=500, times=None)
    assert "register" in await stage.person("ada").say("hello")


@pytest.mark.parametrize(("status", "code"), [(403, 50007), (429, 0), (503, 0)])
async def test_a_reply_that_discord_refuses_is_logged_and_the_next_one_arrives(
    stage: Stage, status: int, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    ada = stage.person("ada")
    stage.env.inject_error("POST", MESSAGES, status=status, code=code)
    assert await ada.say("hello") == ""
    assert f"a reply was not sent: Discord answered {status} (code {code})" in caplog.text
    assert "password" in await ada.say("ada")


async def test_it_shows_the_way_to_invite_it_once(world: World) -> None:
    import simcord

    invites: list[str] = []
    client = DiscordClient("default", world.conversation, invites.append)
    async with simcord.run(client) as env:
        await env.settle()
        await client.on_ready()  # as after a reconnect
    (invite,) = invites
    assert invite.startswith("https://discord.com/oauth2/authorize?client_id=")
    assert invite.endswith("&scope=bot+applications.commands&permissions=0")


async def test_finishing_answers_what_is_under_way_and_takes_nothing_new(stage: Stage) -> None:
    await stage.world.know(talkative)
    ada = stage.person("ada")
    await ada.register("ada")
    await ada.write("take a while")
    await stage.client.finish()
    await stage.env.settle()
    assert ada.replies[-1] == "done"
    assert await ada.say("say a lot") == ""


# What it delivers


async def test_a_delivery_opens_the_conversation_by_itself(stage: Stage) -> None:
    ada = stage.person("ada")
    await stage.client.deliver(str(ada.user.id), "hello " * 500)
    assert len(ada.replies) == 2


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (403, 50007, True),
        (404, 10013, True),
        (400, 50035, True),
        (401, 0, False),
        (429, 0, False),
        (500, 0, False),
        (503, 0, False),
    ],
)
async def test_a_refusal_is_for_good_or_worth_another_try(
    stage: Stage, status: int, code: int, permanent: bool
) -> None:
    ada = stage.person("ada")
    stage.env.inject_error("POST", MESSAGES, status=status, code=code)
    with pytest.raises(Undeliverable, match=f"Discord answered {status}") as error:
        await stage.client.deliver(str(ada.user.id), "secret text")
    assert error.value.permanent is permanent
    assert "secret" not in str(error.value)


async def test_an_account_that_is_not_discords_is_refused_for_good(stage: Stage) -> None:
    with pytest.raises(Undeliverable, match="no Discord account") as error:
        await stage.client.deliver("root", "hello")
    assert error.value.permanent


async def test_someone_who_blocks_the_bot_is_reached_on_the_other_channel(stage: Stage) -> None:
    ada = stage.person("ada")
    await ada.register("ada")
    row = select_one("users", {"username": "ada"})
    assert row is not None
    set_notification_settings(row["id"], {"ntfy_topic": "ada", "ntfy_enabled": True})
    reminders.set_reminder(row["id"], "tea", "Reminder: tea", stage.world.clock())
    stage.env.inject_error("POST", MESSAGES, status=403, code=50007)
    async with stage.pushing():
        async with asyncio.timeout(10):
            while not (rows := select("deliveries", {"state": "dead"})):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert rows[0]["last_error"] == "Discord answered 403 (code 50007)"
    texts = {row["text"] for row in select("deliveries", {"channel": "ntfy"})}
    told = "I can't write to you in the chat that I used: it takes no messages from me."
    assert texts == {"Reminder: tea", told}


async def test_a_discord_outage_puts_a_delivery_off(stage: Stage) -> None:
    ada = stage.person("ada")
    await ada.register("ada")
    row = select_one("users", {"username": "ada"})
    assert row is not None
    reminders.set_reminder(row["id"], "tea", "Reminder: tea", stage.world.clock())
    stage.env.inject_error("POST", MESSAGES, status=503)
    async with stage.pushing():
        async with asyncio.timeout(10):
            while not select("deliveries", {"attempts": 1}):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        stage.world.clock.now += timedelta(seconds=queue.BACKOFF_SECONDS[0] * (1 + queue.JITTER))
        assert await ada.receives("Reminder") == "Reminder: tea"
