"""A user's channels beside the chat."""

import pytest

from config.settings import Settings
from core.notifications import get_notification_settings
from tests.api.callers import ABSENT, Caller, on_one_database

PATH = "/api/notifications"
OFF = {
    "discord_webhook": False,
    "discord_enabled": False,
    "ntfy_topic": None,
    "ntfy_enabled": False,
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


@on_one_database
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
