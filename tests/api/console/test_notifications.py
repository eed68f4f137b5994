"""The page of notifications: channels, quiet hours, the digest, and a test."""

import pytest

from core.postgres import select
from core.reminders import fire_due
from tests.support.api import Caller
from tests.support.console import Browser
from tests.support.databases import on_sqlite
from tests.support.waiting import Clock

pytestmark = on_sqlite

PAGE = "/notifications"
HOOK = "https://discord.com/api/webhooks/1/very-secret"


def state(caller: Caller) -> dict[str, object]:
    found: dict[str, object] = caller.get("/api/notifications").json
    return found


def test_a_webhook_is_set_switched_and_removed_and_never_shown(
    ada_in: Browser, ada: Caller
) -> None:
    page = ada_in.send(PAGE, PAGE, discord_webhook=HOOK, discord_enabled="true")
    assert "very-secret" not in page
    assert state(ada)["discord_enabled"] is True

    ada_in.send(PAGE, PAGE, discord_enabled="false")
    assert state(ada)["discord_enabled"] is False
    ada_in.send("/undo", PAGE)
    assert state(ada)["discord_enabled"] is True

    page = ada_in.send(PAGE, PAGE, discord_webhook="", done="The webhook is removed.")
    assert "The webhook is removed." in page
    assert state(ada)["discord_webhook"] is False


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"discord_webhook": "https://evil.example/", "discord_enabled": "true"}, "starts with"),
        ({"ntfy_enabled": "true"}, "Set your ntfy topic first."),
        ({"ntfy_topic": "a/b", "ntfy_enabled": "true"}, "1 to 64 letters"),
        ({"quiet_from": "22:00", "quiet_to": "22:00"}, "two different ends"),
        ({"quiet_from": "25:00", "quiet_to": "07:00"}, "quiet_from"),
    ],
)
def test_what_can_not_be_is_told(ada_in: Browser, fields: dict[str, str], words: str) -> None:
    page = ada_in.send(PAGE, PAGE, **fields)
    assert 'role="alert"' in page
    assert words in page


def test_quiet_hours_and_digest_come_and_go(ada_in: Browser, ada: Caller) -> None:
    ada_in.send(PAGE, PAGE, quiet_from="22:00", quiet_to="07:00")
    ada_in.send(PAGE, PAGE, digest_at="08:00")
    assert "from 22:00 to 07:00" in ada_in.open(PAGE)
    ada_in.send(PAGE, PAGE, quiet_from="", quiet_to="")
    assert state(ada)["quiet_from"] is None
    ada_in.send("/undo", PAGE)
    assert (state(ada)["quiet_from"], state(ada)["digest_at"]) == ("22:00", "08:00")


def test_addresses_are_added_switched_and_removed(ada_in: Browser, ada: Caller) -> None:
    page = ada_in.send(
        f"{PAGE}/addresses", PAGE, url="tgram://123456789:abcdefg_hijklmnop/12315544/"
    )
    assert "Added your tgram address." in page
    assert "hijklmnop" not in page
    ada_in.send(f"{PAGE}/addresses/tgram", PAGE, enabled="false")
    assert state(ada)["addresses"] == [{"scheme": "tgram", "enabled": False}]
    ada_in.send(f"{PAGE}/addresses/tgram/delete", PAGE)
    assert state(ada)["addresses"] == []
    assert ada_in.post(f"{PAGE}/addresses/tgram/delete", PAGE).status_code == 404
    assert 'role="alert"' in ada_in.send(f"{PAGE}/addresses", PAGE, url="file:///etc/passwd")


def test_a_test_goes_to_every_channel_at_any_hour(
    ada_in: Browser, ada: Caller, ben: Caller, clock: Clock
) -> None:
    for who in (ada, ben):
        who.put("/api/notifications", {"ntfy_topic": f"t-{who.username}", "ntfy_enabled": True})
    ada.put("/api/notifications", {"quiet_from": "00:00", "quiet_to": "23:59"})
    page = ada_in.send(f"{PAGE}/test", PAGE)
    ada_in.send(f"{PAGE}/test", PAGE)
    assert "A test is on its way" in page

    fire_due(clock())

    (delivery,) = select("deliveries")
    assert (str(delivery["user_uuid"]), delivery["channel"]) == (ada.uuid, "ntfy")
    assert delivery["next_attempt_at"] <= clock()
