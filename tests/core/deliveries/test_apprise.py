"""What the services behind Apprise answer decides whether a message is tried again."""

import asyncio
from collections.abc import Iterator

import pytest
from apprise.plugins.pushover import NotifyPushover
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from config.settings import get_settings
from core.deliveries.channels import apprise
from core.notifications import Outcome, Progress
from tests.support.http_sink import Answer, HttpSink, as_json

TOKEN = "123456789:abcdefg_hijklmnop"
TELEGRAM = f"tgram://{TOKEN}/4711"
PUSHOVER = f"pover://{'u' * 30}@{'a' * 30}"
SLACK = f"slack://T1JJ3T3L2/A1BRTD4JD/{'s' * 24}/#general"
UNKNOWN = Outcome("retry", "the service did not take it")


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpSink]:
    """A server on loopback in place of Telegram, Pushover and Slack."""
    with HttpSink() as server:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{server.url}/telegram/bot")
        monkeypatch.setattr(NotifyPushover, "notify_url", f"{server.url}/pushover")
        monkeypatch.setattr(NotifySlack, "webhook_url", f"{server.url}/slack")
        monkeypatch.setenv("PUSH_NETWORKS", "127.0.0.1/32")
        get_settings.cache_clear()
        yield server
    get_settings.cache_clear()


def sent(url: str) -> Outcome:
    return asyncio.run(apprise.deliver(url, "buy milk", Progress()))


def telegram_says(status: int) -> Answer:
    """Return what Telegram says of a message that it does not take."""
    return as_json(status, {"ok": False, "error_code": status, "description": "Bad error=200."})


@pytest.mark.parametrize("status", [401, 403, 404, 410])
@pytest.mark.parametrize("url", [TELEGRAM, PUSHOVER, SLACK])
def test_an_address_that_is_gone_fails_for_good(sink: HttpSink, url: str, status: int) -> None:
    sink.answer("/", Answer(status, b"{}"))
    assert sent(url) == Outcome("failed", f"the service answered {status}", off=True)
    assert len(sink.received) == 1


def test_a_message_that_is_refused_is_not_repeated_and_the_address_stays(sink: HttpSink) -> None:
    sink.answer("/telegram", telegram_says(400))
    assert sent(TELEGRAM) == Outcome("failed", "the service answered 400")


@pytest.mark.parametrize("status", [408, 429, 500, 503])
@pytest.mark.parametrize("url", [TELEGRAM, PUSHOVER, SLACK])
def test_a_service_in_trouble_is_tried_again(sink: HttpSink, url: str, status: int) -> None:
    sink.answer("/", Answer(status, b"{}"))
    assert sent(url) == UNKNOWN


def test_a_refusal_without_a_status_is_tried_again(sink: HttpSink) -> None:
    sink.answer("/slack", Answer(200, b"invalid_payload"))
    assert sent(SLACK) == UNKNOWN


def test_a_service_that_is_away_is_tried_again(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifyTelegram, "notify_url", "http://127.0.0.1:9/bot")
    assert sent(TELEGRAM) == UNKNOWN


def test_of_several_receivers_one_that_is_gone_turns_off_nothing(sink: HttpSink) -> None:
    sink.answer("/telegram", as_json(200, {"ok": True}), telegram_says(403))
    assert sent(f"{TELEGRAM}/4712") == Outcome("failed", "the service answered 403")
    sink.answer("/telegram", telegram_says(403), telegram_says(502))
    assert sent(f"{TELEGRAM}/4712") == UNKNOWN
    sink.answer("/telegram", telegram_says(403), telegram_says(403))
    assert sent(f"{TELEGRAM}/4712").off


def test_what_apprise_warns_of_reaches_no_log(
    sink: HttpSink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="apprise")
    sink.answer("/telegram", telegram_says(404))
    assert sent(TELEGRAM).off
    assert "404" not in caplog.text
