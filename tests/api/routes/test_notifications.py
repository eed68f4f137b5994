"""A user's channels beside the chat."""

import pytest

from config.settings import Settings
from core.notifications import get_notification_settings
from core.postgres import select
from tests.support.api import ABSENT, Caller
from tests.support.databases import on_sqlite

PATH = "/api/notifications"
OFF = {
    "discord_webhook": False,
    "discord_enabled": False,
    "ntfy_topic": None,
    "ntfy_enabled": False,
    "quiet_from": None,
    "quiet_to": None,
    "digest_at": None,
    "addresses": [],
}


@pytest.fixture
def webhook(settings: Settings) -> str:
    return settings.discord_webhook_base_url + "1234/a-secret_Token"


def test_at_first_all_is_off(ada: Caller) -> None:
    assert ada.get(PATH).json == OFF


def test_a_webhook_is_kept_and_never_told(ada: Caller, webhook: str) -> None:
    answer = ada.put(PATH, {"discord_webhook": webhook, "discord_enabled": True})
    assert answer.json == {**OFF, "discord_webhook": True, "discord_enabled": True}
    assert webhook not in ada.get(PATH).text
    row = get_notification_settings(ada.uuid)
    assert row
    assert row["discord_webhook"] == webhook


def test_a_topic(ada: Caller, ben: Caller) -> None:
    answer = ada.put(PATH, {"ntfy_topic": "my-topic_1", "ntfy_enabled": True})
    assert answer.json == {**OFF, "ntfy_topic": "my-topic_1", "ntfy_enabled": True}
    assert ada.get(PATH).json == answer.json
    assert ben.get(PATH).json == OFF


def test_a_channel_whose_address_is_removed_is_off(ada: Caller, webhook: str) -> None:
    ada.put(PATH, {"discord_webhook": webhook, "discord_enabled": True})
    assert ada.put(PATH, {"discord_webhook": None}).json == OFF


@on_sqlite
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"discord_webhook": "http://127.0.0.1/admin"},
        {"discord_webhook": "https://discord.com.evil.example/api/webhooks/1/x"},
        {"discord_webhook": "https://discord.com/api/webhooks/"},
        {"discord_webhook": "https://discord.com/api/webhooks/../../users/@me"},
        {"discord_webhook": "https://discord.com/api/webhooks/1/x?wait=true"},
        {"discord_webhook": "https://discord.com/api/webhooks/1/x\n"},
        {"discord_webhook": "https://discord.com/api/webhooks/" + "1" * 500},
        {"discord_webhook": 5},
        {"ntfy_topic": ""},
        {"ntfy_topic": "a/b"},
        {"ntfy_topic": "topic\n"},
        {"ntfy_topic": "x" * 65},
        {"ntfy_enabled": None},
        {"ntfy_enabled": True},
        {"discord_enabled": True},
        {"discord_enabled": "perhaps"},
        {"user_uuid": ABSENT},
        {"last_message_sent": "2030-01-01T00:00:00Z"},
    ],
)
def test_settings_that_are_refused(ada: Caller, body: dict[str, object]) -> None:
    answer = ada.put(PATH, body)
    assert answer.status_code == 400, answer.json
    assert ada.get(PATH).json == OFF


# Quiet hours and the digest


def test_quiet_hours_are_two_times_of_day(ada: Caller) -> None:
    answer = ada.put(PATH, {"quiet_from": "22:00", "quiet_to": "07:00"})
    assert answer.json == {**OFF, "quiet_from": "22:00", "quiet_to": "07:00"}
    assert ada.put(PATH, {"quiet_from": None}).status_code == 400
    assert ada.put(PATH, {"quiet_to": "22:00"}).status_code == 400
    assert ada.put(PATH, {"quiet_from": None, "quiet_to": None}).json == OFF


@on_sqlite
@pytest.mark.parametrize("time", ["24:00", "7:00", "07:60", "seven", "", 7, "07:00:00"])
def test_a_time_of_day_that_is_none_is_refused(ada: Caller, time: object) -> None:
    for name in ("quiet_from", "digest_at"):
        assert ada.put(PATH, {name: time}).status_code in (400, 422)
    assert ada.get(PATH).json == OFF


def test_a_digest_is_a_reminder_that_comes_each_day_in_the_users_zone(ada: Caller) -> None:
    ada.put(f"/api/user/{ada.uuid}", {"time_zone": "Europe/Berlin"})
    assert ada.put(PATH, {"digest_at": "08:00"}).json == {**OFF, "digest_at": "08:00"}
    (row,) = select("reminders")
    assert (row["rule"], row["due_at"].isoformat()) == ("FREQ=DAILY", "2030-01-02T07:00:00+00:00")
    assert ada.put(PATH, {"digest_at": "20:30"}).json["digest_at"] == "20:30"
    (row,) = select("reminders")
    assert row["due_at"].isoformat() == "2030-01-01T19:30:00+00:00"
    ada.put(f"/api/user/{ada.uuid}", {"time_zone": "America/New_York"})
    (row,) = select("reminders")
    assert row["due_at"].isoformat() == "2030-01-02T01:30:00+00:00"
    assert ada.put(PATH, {"digest_at": None}).json == OFF
    assert select("reminders") == []


# Addresses of other services

ADDRESSES = f"{PATH}/addresses"
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544/"


def test_an_address_is_kept_switched_and_never_told(ada: Caller, ben: Caller) -> None:
    added = ada.post(ADDRESSES, {"url": TELEGRAM})
    assert (added.status_code, added.json) == (201, {"scheme": "tgram", "enabled": True})
    assert ada.put(f"{ADDRESSES}/tgram", {"enabled": False}).json["enabled"] is False
    assert ada.get(PATH).json["addresses"] == [{"scheme": "tgram", "enabled": False}]
    assert "abcdefg" not in ada.get(PATH).text
    assert ben.get(PATH).json == OFF
    assert ben.put(f"{ADDRESSES}/tgram", {"enabled": False}).status_code == 404
    assert ben.delete(f"{ADDRESSES}/tgram").status_code == 404
    assert ada.delete(f"{ADDRESSES}/tgram").json == {"success": True}
    assert ada.get(PATH).json == OFF


@on_sqlite
@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://example.com/secret",
        "json://127.0.0.1/secret",
        "file:///etc/passwd",
        "syslog://secret",
        "tgram://",
        "mailtos://secret:secret@example.com?pgpkey=/etc/passwd",
        "mailtos://secret:secret@example.com?verify=no",
        "tgram://" + "secret" * 1000,
        "TGRAM://123456789:secret_hijklmnop/12315544/",
    ],
)
def test_an_address_that_is_not_allowed_is_refused_without_being_repeated(
    ada: Caller, url: str
) -> None:
    answer = ada.post(ADDRESSES, {"url": url})
    assert answer.status_code == 400
    assert "secret" not in answer.text
    assert ada.get(PATH).json == OFF
