"""A new user's first ten minutes on Discord. `pytest -s` shows them as they look."""

from tests.support.people import PASSWORD
from tests.support.stage import Stage, labels


async def test_a_new_users_first_ten_minutes(stage: Stage) -> None:
    ada = stage.person("ada")
    told: list[str] = []

    async def do(what: str, said: str) -> str:
        told.append(f"ada   {what}")
        for message in [message for message in ada.messages if message.author.bot][len(answers) :]:
            answers.append(message.content)
            told.append(f"bot   {message.content}")
            if buttons := labels(message):
                told.append(f"      [{'] ['.join(buttons)}]")
        return said

    answers: list[str] = []
    assert "user name" in await do("hello", await ada.say("hello"))
    form = await ada.fill_in("Register", username="ada", password=PASSWORD)
    assert "Hello, **ada**!" in await do("presses Register, and fills in the form", form)
    zone = await do("my time zone is Europe/Berlin", await ada.say("my time zone is Europe/Berlin"))
    assert "Europe/Berlin" in zone
    assert "Added" in await do("add milk to my errands", await ada.say("add milk to my errands"))
    answer = await ada.say("remind me of the errand call mum tomorrow at 5pm")
    assert "tomorrow at 17:00" in await do(
        "remind me of the errand call mum tomorrow at 5pm", answer
    )
    answer = await ada.slash("errand add", name="bread")
    assert "Added **bread**" in await do("/errand add name: bread", answer)
    assert "bread" in await do("show my errands", await ada.say("show my errands"))
    assert "Done" not in await do("kompleet milkk", await ada.say("kompleet milkk"))
    answer = await ada.edit("strike milk")
    assert "Done: **milk**" in await do("corrects that to: strike milk", answer)
    assert "Delete" in await do("delete the errand bread", await ada.say("delete the errand bread"))
    assert "Deleted **bread**" in await do("presses Yes", await ada.press("Yes"))
    stage.world.clock.move_to("tomorrow 17:00", "Europe/Berlin")
    async with stage.pushing():
        reminder = await ada.receives("Reminder: call mum")
    await do("(the next day at 17:00)", reminder)
    assert "I'll remind you" in await do("presses Snooze 10 min", await ada.press("Snooze 10 min"))
    stage.world.clock.forward(minutes=10)
    before = len(ada.replies)
    async with stage.pushing():
        reminder = await ada.receives("Reminder: call mum", after=before)
    await do("(ten minutes later)", reminder)
    assert "Done: **call mum**" in await do("presses Done", await ada.press("Done"))
    assert "logged out" in await do("/logout", await ada.slash("logout"))
    assert not any(PASSWORD in message.content for message in ada.messages)
    print("\n" + "\n".join(told))  # noqa: T201 - for people who want to see it
