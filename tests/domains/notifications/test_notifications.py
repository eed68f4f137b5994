"""Notification channels, from what is said to the row and back."""

from typing import Any

from bot.messages import Listing
from core.postgres import select_one
from tests.support.chat import Person

WEBHOOK = "https://discord.com/api/webhooks/123/abc-DEF_4"


def stored() -> dict[str, Any]:
    row = select_one("notifications", {})
    assert row is not None
    return row


async def test_nothing_is_set_at_first(chat: Person) -> None:
    assert await chat.say("show my notifications") == (
        "Reminders come to this chat.\n• Discord webhook: not set\n• ntfy: not set\n"
        "• Quiet hours: none\n• Daily digest: off"
    )


async def test_a_webhook_is_asked_for_as_a_secret(chat: Person) -> None:
    assert await chat.say("set my discord webhook") == "What is the webhook's address?"
    assert chat.secrets_expected == 2
    assert "to your Discord webhook too now" in await chat.say(WEBHOOK)
    assert (stored()["discord_webhook"], stored()["discord_enabled"]) == (WEBHOOK, True)
    shown = await chat.say("show my notifications")
    assert "Discord webhook: on" in shown
    assert "abc" not in shown


async def test_another_address_is_refused(chat: Person) -> None:
    await chat.say("set my discord webhook")
    assert "https://discord.com/api/webhooks/" in await chat.say("http://127.0.0.1/inside")
    await chat.say("cancel")
    assert "not set" in await chat.say("show my notifications")


async def test_an_ntfy_topic(chat: Person) -> None:
    said = await chat.say("set my ntfy topic to my_topic-1")
    assert said == r"Reminders go to the ntfy topic my\_topic-1 too now."
    assert (stored()["ntfy_topic"], stored()["ntfy_enabled"]) == ("my_topic-1", True)
    assert r"ntfy (my\_topic-1): on" in await chat.say("show my notifications")


async def test_a_bad_topic_is_refused(chat: Person) -> None:
    assert "ntfy" in await chat.say("set my ntfy topic to a topic with blanks")
    assert "not set" in await chat.say("show my notifications")


async def test_channels_are_switched_off_and_on(chat: Person) -> None:
    await chat.say("set my ntfy topic to mine")
    assert await chat.say("turn off ntfy notifications") == "Reminders don't go to ntfy any more."
    assert stored()["ntfy_enabled"] is False
    assert await chat.say("switch on my ntfy notifications") == "Reminders go to ntfy too now."
    assert stored()["ntfy_enabled"] is True


async def test_a_channel_without_an_address_is_not_switched_on(chat: Person) -> None:
    answer = await chat.say("turn on discord notifications")
    assert answer == "Set your Discord webhook first."


async def test_a_webhook_is_replaced_only_where_that_is_confirmed(chat: Person) -> None:
    other = WEBHOOK.replace("123", "456")
    await chat.say("set my discord webhook")
    await chat.say(WEBHOOK)
    await chat.say("set my discord webhook")
    assert "Replace it? (yes or no)" in await chat.say(other)
    assert await chat.say("no") == "All right, it stays."
    assert stored()["discord_webhook"] == WEBHOOK
    await chat.say("set my discord webhook")
    await chat.say(other)
    assert "too now" in await chat.say("yes")
    assert stored()["discord_webhook"] == other


async def test_a_topic_that_is_replaced_is_named_and_may_be_had_back(chat: Person) -> None:
    await chat.say("set my ntfy topic to alpha")
    assert await chat.say("set my ntfy topic to beta") == (
        "Reminders go to the ntfy topic beta too now, no longer to alpha. “Undo” changes that back."
    )
    assert await chat.say("undo") == "Reminders go to the ntfy topic alpha again."
    assert (stored()["ntfy_topic"], stored()["ntfy_enabled"]) == ("alpha", True)


async def test_a_first_topic_may_be_taken_back_too(chat: Person) -> None:
    await chat.say("set my ntfy topic to alpha")
    assert await chat.say("undo") == "ntfy is not set again."
    assert (stored()["ntfy_topic"], stored()["ntfy_enabled"]) == (None, False)


async def test_switching_a_channel_may_be_taken_back(chat: Person) -> None:
    await chat.say("set my ntfy topic to alpha")
    await chat.say("turn off ntfy")
    assert await chat.say("undo") == "ntfy is as it was before."
    assert stored()["ntfy_enabled"] is True


async def test_each_setting_has_its_switch_beside_it(chat: Person) -> None:
    async def switches() -> dict[str, str]:
        await chat.say("show my notifications")
        shown = chat.replies[-1]
        assert isinstance(shown, Listing)
        assert all(line in shown.splitlines() for line, _ in shown.beside)
        return {button.says: button.label for _, button in shown.beside}

    assert await switches() == {}, "nothing is set"
    for said in ("set my ntfy topic to alpha", "quiet from 22:00 to 7:00"):
        await chat.say(said)
    await chat.say("send me a digest every day at 8")
    on = ("turn off ntfy notifications", "turn off quiet hours", "turn off my digest")
    assert await switches() == dict.fromkeys(on, "Turn off")
    for said in on:
        await chat.say(said)
    assert stored()["ntfy_enabled"] is False
    assert stored()["quiet_from"] is None
    assert await switches() == {"turn on ntfy notifications": "Turn on"}


async def test_quiet_hours(chat: Person) -> None:
    assert "Quiet from 22:00 to 07:00" in await chat.say("quiet from 10pm to 7:00")
    assert (stored()["quiet_from"], stored()["quiet_to"]) == ("22:00", "07:00")
    assert "Quiet hours: 22:00 to 07:00" in await chat.say("show my notifications")
    assert "two times of day" in await chat.say("quiet from dusk to dawn")
    assert "no quiet hours" in await chat.say("turn off my quiet hours")
    assert stored()["quiet_from"] is None


async def test_a_digest(chat: Person) -> None:
    assert await chat.say("send me a digest every day at 8") == (
        "Your digest comes every day at 08:00."
    )
    assert "comes every day" in await chat.say("send me a digest every monday at 8")
    assert "Daily digest: 08:00" in await chat.say("show my notifications")
    assert "no digest" in await chat.say("stop my digest")
    assert "Daily digest: off" in await chat.say("show my notifications")


async def test_an_address_of_another_service_is_asked_for_as_a_secret(chat: Person) -> None:
    assert "the address, like" in await chat.say("add a notification address")
    answer = await chat.say("tgram://123456789:abcdefg_hijklmnop/12315544/")
    assert answer.endswith("Reminders go to your tgram address too now.")
    shown = await chat.say("show my notifications")
    assert "tgram: on" in shown
    assert "abcdefg" not in shown
    assert "forgotten" in await chat.say("remove my tgram address")
    assert "no address" in await chat.say("remove my tgram address")
