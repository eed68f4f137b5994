"""The channels beside the chat, against a server on loopback, and the settings for them."""

import asyncio
import logging
from collections.abc import Iterator
from unittest.mock import patch
from uuid import uuid4

import pytest

from config.settings import get_settings
from core import notifications
from core.db.engine import Database, transaction
from core.deliveries.channels import deliver
from core.http_posts import HttpPosts
from core.notifications import DISCORD_WEBHOOK, NTFY, Outcome
from runtime.logs import QUIET
from tests.support.http_sink import (
    Answer,
    HttpSink,
    as_json,
    deleted_webhook,
    rate_limited,
)
from tests.support.people import NOW, user

SECRET = "9/very-secret-address"
TEXT = "buy milk for the meeting"


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpSink]:
    with HttpSink() as server:
        monkeypatch.setenv("NTFY_BASE_URL", server.url + "/")
        monkeypatch.setenv("DISCORD_WEBHOOK_BASE_URL", server.webhooks)
        get_settings.cache_clear()
        yield server
    get_settings.cache_clear()


def sent(channel: str, target: str, text: str = TEXT, timeout: float = 10) -> Outcome:
    async def send() -> Outcome:
        async with HttpPosts() as http:
            return await deliver(channel, target, text, http)

    with patch.object(notifications, "TIMEOUT_SECONDS", timeout):
        return asyncio.run(send())


# The documented senders


def test_a_webhook_message_is_sent_with_its_mentions_inert(sink: HttpSink) -> None:
    assert notifications.discord.send(
        webhook_url=sink.webhooks + SECRET, message="hi @everyone **b**"
    )
    (request,) = sink.received
    assert request.path == "/api/webhooks/" + SECRET
    assert sink.texts == ["hi @everyone **b**"]
    assert b'"allowed_mentions":{"parse":[]}' in request.body.replace(b" ", b"")


def test_an_ntfy_message_is_the_body_of_a_post_to_its_topic(sink: HttpSink) -> None:
    assert notifications.ntfy.send(topic="ada_tea-1", message="Tee & Äpfel 🍏")
    (request,) = sink.received
    assert (request.path, sink.texts) == ("/ada_tea-1", ["Tee & Äpfel 🍏"])


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 302])
def test_what_the_receiver_refuses_is_false(sink: HttpSink, status: int) -> None:
    sink.answer("/", Answer(status), Answer(status))
    assert notifications.discord.send(sink.webhooks + SECRET, TEXT) is False
    assert notifications.ntfy.send("ada", TEXT) is False


def test_a_long_webhook_message_arrives_in_parts_that_lose_nothing(sink: HttpSink) -> None:
    words = " ".join(f"word{number}" for number in range(700))
    assert notifications.discord.send(sink.webhooks + SECRET, words)
    assert len(sink.texts) == 3
    assert all(len(text) <= 2000 for text in sink.texts)
    assert " ".join(sink.texts) == words


def test_a_word_that_is_too_long_is_cut(sink: HttpSink) -> None:
    assert notifications.discord.send(sink.webhooks + SECRET, "x" * 4001)
    assert [len(text) for text in sink.texts] == [2000, 2000, 1]


def test_a_part_that_is_refused_ends_a_long_message(sink: HttpSink) -> None:
    sink.answer("/", Answer(204), Answer(500))
    assert not notifications.discord.send(sink.webhooks + SECRET, "x" * 6000)
    assert len(sink.received) == 2


def test_an_empty_webhook_message_is_not_sent(sink: HttpSink) -> None:
    assert not notifications.discord.send(sink.webhooks + SECRET, " \n")
    assert sink.received == []


def test_a_delivery_is_plain_text_of_which_nothing_becomes_markdown(sink: HttpSink) -> None:
    text = "*a* @everyone [x](y) <@1>\n# no_title\n- https://example.org/a_b_c"
    assert sent(DISCORD_WEBHOOK, sink.webhooks + SECRET, text).state == "sent"
    expected = r"\*a\* @everyone \[x\](y) \<@1>" "\n" r"\# no\_title" "\n"
    assert sink.texts == [expected + r"\- https://example.org/a_b_c"]


# What an answer means


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200), Outcome("sent", parts_sent=1)),
        (deleted_webhook(), Outcome("failed", "the receiver answered 404")),
        (Answer(401), Outcome("failed", "the receiver answered 401")),
        (Answer(302, headers={"Location": "/"}), Outcome("failed", "the receiver answered 302")),
        (rate_limited(1.5), Outcome("retry", "the receiver answered 429", 1.5)),
        (as_json(429, {"error": "limit"}), Outcome("retry", "the receiver answered 429")),
        (
            Answer(503, headers={"Retry-After": "7"}),
            Outcome("retry", "the receiver answered 503", 7),
        ),
        (
            Answer(503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
            Outcome("retry", "the receiver answered 503"),
        ),
        (
            Answer(429, headers={"Retry-After": "-3"}),
            Outcome("retry", "the receiver answered 429", 0),
        ),
        (
            Answer(429, headers={"Retry-After": "nan"}),
            Outcome("retry", "the receiver answered 429"),
        ),
    ],
)
def test_an_answer_decides_whether_to_try_again(
    sink: HttpSink, answer: Answer, expected: Outcome
) -> None:
    sink.answer("/", answer)
    assert sent(NTFY, "ada") == expected


def test_a_receiver_that_is_away_or_silent_is_tried_again(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink.answer("/", Answer(200, delay=0.3))
    outcome = sent(NTFY, "ada", timeout=0.1)
    assert outcome == Outcome("retry", "the receiver can't be reached (TimeoutError)")
    monkeypatch.setenv("NTFY_BASE_URL", "http://127.0.0.1:1")
    get_settings.cache_clear()
    assert sent(NTFY, "ada") == Outcome(
        "retry", "the receiver can't be reached (ClientConnectorError)"
    )


@pytest.mark.parametrize("topic", ["", "a/b", "a b", "ä", "a?x=1", "x" * 65, "../up"])
def test_a_topic_that_ntfy_does_not_know_is_never_called(sink: HttpSink, topic: str) -> None:
    assert sent(NTFY, topic).state == "failed"
    assert sink.received == []


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/api/webhooks/1/x", "file:///etc/passwd", "", "nonsense"]
)
def test_an_address_that_is_no_webhook_is_never_called(sink: HttpSink, address: str) -> None:
    assert sent(DISCORD_WEBHOOK, address).state == "failed"
    assert sink.received == []


def test_a_webhook_that_no_url_can_be_made_of_fails_for_good(sink: HttpSink) -> None:
    assert sent(DISCORD_WEBHOOK, sink.webhooks + "\x00").state == "failed"
    assert sink.received == []


def test_neither_texts_nor_addresses_reach_the_log(
    sink: HttpSink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for library, level in QUIET.items():  # as configure_logging() sets them
        caplog.set_level(level, library)
    sink.answer("/", Answer(500), Answer(404))
    notifications.discord.send(sink.webhooks + SECRET, TEXT)
    notifications.ntfy.send("a-secret-topic", TEXT)
    notifications.ntfy.send("a-secret-topic", TEXT)
    assert not any(secret in caplog.text for secret in (TEXT, SECRET, "a-secret-topic"))


# Both channels


def both(sink: HttpSink, *, discord: bool = True, ntfy: bool = True) -> dict[str, object]:
    return {
        "discord_webhook": sink.webhooks + SECRET,
        "discord_enabled": discord,
        "ntfy_topic": "ada",
        "ntfy_enabled": ntfy,
    }


def test_a_message_goes_to_every_channel_that_is_switched_on(sink: HttpSink) -> None:
    assert notifications._sendToEnabledChannels(both(sink), TEXT) is True
    assert {request.path for request in sink.received} == {"/api/webhooks/" + SECRET, "/ada"}


@pytest.mark.parametrize("failing", ["/api/webhooks/", "/ada"])
def test_one_channel_that_fails_does_not_stop_the_other(sink: HttpSink, failing: str) -> None:
    sink.answer(failing, Answer(500))
    assert notifications._sendToEnabledChannels(both(sink), TEXT) is True
    assert len(sink.received) == 2


def test_no_channel_that_took_it_is_false(sink: HttpSink) -> None:
    sink.answer("/", Answer(500), Answer(500))
    assert notifications._sendToEnabledChannels(both(sink), TEXT) is False
    assert (
        notifications._sendToEnabledChannels(both(sink, discord=False, ntfy=False), TEXT) is False
    )
    assert len(sink.received) == 2


def test_a_channel_without_a_target_is_off(sink: HttpSink) -> None:
    settings = both(sink) | {"discord_webhook": None, "ntfy_topic": ""}
    assert notifications._sendToEnabledChannels(settings, TEXT) is False
    assert notifications._sendToEnabledChannels({"ntfy_enabled": True}, TEXT) is False
    assert notifications._sendToEnabledChannels(False, TEXT) is False  # who has no settings
    assert sink.received == []


# Settings


def test_settings_are_made_changed_and_read(database: Database) -> None:
    ada = user()
    assert notifications.getNotificationSettings(userUUID=ada) is False
    assert notifications.setNotificationSettings(userUUID=ada, data_dict={"ntfy_topic": "ada"})
    assert notifications.setNotificationSettings(str(ada), {"ntfy_enabled": True})
    row = notifications.getNotificationSettings(str(ada))
    assert row
    assert (row["ntfy_topic"], row["ntfy_enabled"], row["discord_enabled"]) == ("ada", True, False)
    assert row["current_notification_status"] == "inactive"


def test_settings_of_nobody_are_not_made(database: Database) -> None:
    assert notifications.setNotificationSettings(uuid4(), {"ntfy_enabled": True}) is False
    assert notifications.getNotificationSettings(uuid4()) is False
    assert notifications.setNotificationSettings("nobody", {"ntfy_enabled": True}) is False
    assert notifications.getNotificationSettings("nobody") is False


def test_nothing_else_can_be_set(database: Database) -> None:
    ada = user()
    for nothing in ({}, {"user_uuid": "x"}, {"id": 1, "no_such_field": True}):
        assert notifications.setNotificationSettings(ada, nothing) is False
    assert notifications.getNotificationSettings(ada) is False
    assert notifications.setNotificationSettings(ada, {"ntfy_topic": "a", "id": 1, "mood": "good"})
    row = notifications.getNotificationSettings(str(ada))
    assert row
    assert row["ntfy_topic"] == "a"


def test_a_result_is_written_down_for_the_user(database: Database) -> None:
    ada = user()
    notifications.setNotificationSettings(ada, {"ntfy_topic": "ada"})
    with transaction():
        notifications.record_results({ada}, True, NOW)
        notifications.record_results({ada}, False, NOW)
        notifications.record_results(set(), True, NOW)
    row = notifications.getNotificationSettings(ada)
    assert row
    assert (row["last_message_sent"], row["current_notification_status"]) == (NOW, "failed")
