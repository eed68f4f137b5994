"""Reminders in direct messages, and what can be done about them at once."""

import pytest

from bot.discord.interactions import OFFER_EXPIRED
from bot.framework.context import Context
from bot.framework.registry import CommandModule
from bot.framework.reminder_buttons import Offer
from core import reminders
from core.postgres import select_one
from tests.support.stage import Member, Stage, labels

OFFERS = ["Done", "Snooze 10 min", "Snooze 1 h"]


@pytest.fixture
async def ada(stage: Stage) -> Member:
    """Someone with two errands of the same name, who has been reminded of the second."""
    member = stage.person("ada")
    await member.register("ada")
    await member.say("my time zone is UTC")
    await member.say("add tea to my errands")
    await member.say("remind me of the errand tea tomorrow at 5pm")
    stage.world.clock.move_to("tomorrow 17:00")
    async with stage.pushing():
        await member.receives("Reminder: tea")
    return member


async def test_done_ticks_off_exactly_that_task(ada: Member) -> None:
    assert ada.buttons == OFFERS
    reminder = ada.latest
    assert await ada.press("Done") == "Done: **tea**."
    assert labels(ada.messages[ada.messages.index(reminder)]) == []
    done = select_one("errands", {"done": True})
    assert done is not None
    assert done["due_at"] is not None
    assert select_one("errands", {"done": False, "due_at": None}) is not None


async def test_done_works_after_a_restart(stage: Stage, ada: Member) -> None:
    await stage.restart()
    assert await ada.press("Done") == "Done: **tea**."


@pytest.mark.parametrize(("label", "minutes"), [("Snooze 10 min", 10), ("Snooze 1 h", 60)])
async def test_snoozing_reminds_again(stage: Stage, ada: Member, label: str, minutes: int) -> None:
    assert "I'll remind you of **tea**" in await ada.press(label)
    before = len(ada.replies)
    stage.world.clock.forward(minutes=minutes - 1)
    async with stage.pushing():
        stage.world.clock.forward(minutes=1)
        await ada.receives("Reminder: tea", after=before)
    assert ada.buttons == OFFERS


async def test_a_task_that_is_gone_is_told_without_harm(ada: Member) -> None:
    reminder = ada.latest
    assert "Done: **tea**" in await ada.slash("errand complete", name=task_id())
    assert await ada.press("Done", reminder) == "That open errand is not there any more."


async def test_someone_who_has_logged_out_has_to_log_in_first(ada: Member) -> None:
    reminder = ada.latest
    await ada.say("log out")
    assert "user name" in await ada.press("Done", reminder)
    assert select_one("errands", {"done": True}) is None


async def test_another_user_of_the_account_can_not_touch_the_task(ada: Member) -> None:
    reminder = ada.latest
    await ada.say("log out")
    await ada.register("bob")
    assert "not there any more" in await ada.press("Done", reminder)
    assert select_one("errands", {"done": True}) is None


async def test_a_button_of_a_module_that_has_changed_says_so(stage: Stage, ada: Member) -> None:
    module = CommandModule("errand", "Other errands")

    @module.command("do nothing")
    async def nothing(ctx: Context) -> str:
        """Do nothing."""
        return "nothing"

    await stage.world.know(module)
    await stage.restart(forget=False)
    await ada.press("Done")
    assert ada.answers[-1].content == OFFER_EXPIRED


async def test_a_reminder_of_nothing_that_can_be_done_has_no_buttons(
    stage: Stage, ada: Member
) -> None:
    row = select_one("users", {"username": "ada"})
    assert row is not None
    for subject in ("birthday", "errands:" + "x" * 90):
        reminders.set_reminder(row["id"], subject, f"About {subject}", stage.world.clock())
        async with stage.pushing():
            await ada.receives(f"About {subject}")
        assert ada.buttons == []


def test_an_offer_fills_in_the_id() -> None:
    offer = Offer("Later", "move", {"name": "{id}", "to": "{tomorrow}"})
    assert offer.order("errand", "7") == {
        "interaction_type": "errand",
        "action": "move",
        "name": "7",
        "to": "{tomorrow}",
    }


def task_id() -> str:
    """The errand that the reminder is about."""
    row = select_one("errands", {"due_at": ("IS NOT", None)})
    assert row is not None
    return str(row["id"])
