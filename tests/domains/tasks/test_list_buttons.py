"""A list of tasks on Discord: a button beside each, which acts on that task."""

import discord

from core.postgres import count, select
from tests.bot.discord.conftest import beside, nothing_is_collected, simcord_bot, stage
from tests.support.stage import Member, Stage, labels, parts, text_of

__all__ = ["beside", "nothing_is_collected", "simcord_bot", "stage"]


async def listed(stage: Stage, *names: str) -> Member:
    """Return somebody who has just been shown their tasks."""
    ada = stage.person("ada")
    await ada.register("ada")
    for name in names:
        await ada.say(f"add {name} to my tasks")
    await ada.say("show my tasks")
    return ada


async def test_each_task_has_a_button(stage: Stage) -> None:
    ada = await listed(stage, "milk", "eggs")
    assert labels(ada.latest) == ["Done", "Done"]
    assert text_of(ada.latest) == "**tasks**:\n\u2022 **milk**\n\u2022 **eggs**"
    assert ada.latest.content == ""


async def test_a_press_ticks_off_that_task_and_leaves_the_other_buttons(stage: Stage) -> None:
    ada = await listed(stage, "milk", "eggs")
    shown = ada.latest
    first = next(one for one in parts(shown) if isinstance(one, discord.Button))
    await ada.user.click(shown, custom_id=first.custom_id)
    await stage.settle()
    assert ada.replies[-1] == "Done: **milk**."
    assert [row["name"] for row in select("tasks", {"done": True})] == ["milk"]
    after = next(message for message in ada.messages if message.id == shown.id)
    assert labels(after) == ["Done"]
    assert "milk" in text_of(after)


async def test_it_works_after_a_restart(stage: Stage) -> None:
    ada = await listed(stage, "milk")
    await stage.restart(forget=False)
    assert await ada.press("Done") == "Done: **milk**."
    assert count("tasks", {"done": True}) == 1


async def test_a_list_that_is_too_long_for_buttons_is_a_text(stage: Stage) -> None:
    ada = await listed(stage, *(f"thing {number}" for number in range(14)))
    assert "thing 13" in ada.latest.content
    assert parts(ada.latest) == []


async def test_names_that_look_like_markup_or_lines_do_no_harm(stage: Stage) -> None:
    ada = await listed(stage, "# **big** @everyone", "x" * 1500)
    assert "everyone" in text_of(ada.latest)
    assert not ada.latest.mention_everyone
    assert labels(ada.latest) == ["Done", "Done"]


async def test_where_discord_refuses_the_layout_the_text_is_sent(stage: Stage) -> None:
    ada = await listed(stage, "milk")
    stage.env.inject_error("POST", "/channels/*/messages", status=400, code=50006)
    await ada.say("show my tasks")
    assert ada.latest.content == "**tasks**:\n\u2022 **milk**"
