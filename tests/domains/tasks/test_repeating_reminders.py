"""What can be done under a reminder of a task that comes again, on a simulated Discord."""

import pytest

from bot.discord.start_limits import Starts
from core.postgres import select_one
from tests.support.stage import Stage, beside, simcord_bot, stage

__all__ = ["beside", "simcord_bot", "stage"]


@pytest.fixture(autouse=True)
def nothing_is_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no timer run after connecting: SimCord would wait for it."""
    monkeypatch.setattr(Starts, "collect_garbage", lambda _: None)


async def test_done_under_an_old_reminder_of_a_series_skips_nothing(stage: Stage) -> None:
    member = stage.person("bea")
    await member.register("bea")
    await member.say("my time zone is UTC")
    await member.say("remind me every day at 5pm to stretch")
    reminded = []
    for _ in range(2):
        stage.world.clock.move_to("tomorrow 17:00" if reminded else "17:00")
        before = len(member.replies)
        async with stage.pushing():
            await member.receives("Reminder: stretch", after=before)
        reminded.append(member.latest)
    row = select_one("reminders", {})
    for message in reversed(reminded):
        assert "Done for this time" in await member.press("Done", message)
    after = select_one("reminders", {})
    assert row is not None
    assert after is not None
    assert after["due_at"] == row["due_at"]
