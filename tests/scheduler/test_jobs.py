"""From a reminder that falls due to the message on a webhook or a topic, with the real daemon."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import psycopg2
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import URL

from config.settings import get_settings
from core import reminders
from core.agents import memory
from core.agents.tables import ChatAddress
from core.db.engine import Database
from core.notifications import get_notification_settings
from core.postgres import count, insert, select
from runtime.clock import utc_now
from scheduler.daemon import Daemon
from tests.support.databases import on_postgresql
from tests.support.http_sink import Answer, HttpSink, deleted_webhook, rate_limited
from tests.support.people import channels, chat, deliveries, user, waiting
from tests.support.waiting import wait_until

PATIENCE = 10


@contextmanager
def scheduler(wake_interval: float = 0.2, **changes: object) -> Iterator[None]:
    """Run a daemon beside the test, with the documented poll interval of a minute."""
    stop = threading.Event()
    settings = get_settings().model_copy(update={"wake_interval": wake_interval, **changes})
    assert settings.poll_interval == 60
    thread = threading.Thread(target=Daemon(settings, stop).run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def settled() -> bool:
    return all(row["state"] != "waiting" for row in deliveries())


def due_now(user_uuid: object, channel: str = "ntfy") -> None:
    waiting(user_uuid, channel, due_at=utc_now(), next_attempt_at=utc_now())  # type: ignore[arg-type]


@pytest.mark.usefixtures("database")
def test_a_reminder_is_sent_within_a_second_of_its_time(sink: HttpSink) -> None:
    ada = user()
    channels(ada, topic="ada")
    with scheduler(wake_interval=1):
        time.sleep(0.3)
        due = utc_now() + timedelta(seconds=1.4)
        reminders.set_reminder(ada, "tea", "Reminder: tea", due)
        assert sink.wait_for(1) == ["Reminder: tea"]
        assert timedelta(0) <= utc_now() - due < timedelta(seconds=1)
        wait_until(settled)
    row = get_notification_settings(ada)
    assert row
    assert row["current_notification_status"] == "active"
    assert row["last_message_sent"] >= due


@pytest.mark.usefixtures("database")
def test_what_fell_due_while_nothing_ran_is_sent_once_and_says_that_it_is_late(
    sink: HttpSink,
) -> None:
    ada = user()
    channels(ada, sink.webhooks + "1/x", "ada")
    reminders.set_reminder(ada, "tea", "Reminder: *tea*", utc_now() - timedelta(hours=3))
    with scheduler(), scheduler():
        sink.wait_for(2)
        wait_until(settled)
        time.sleep(0.3)
    assert sorted(sink.texts) == [
        "Reminder: *tea* (late: it was due 3 hours ago)",
        r"Reminder: \*tea\* (late: it was due 3 hours ago)",
    ]


@pytest.mark.usefixtures("database")
def test_one_channel_that_fails_for_good_does_not_stop_the_other(sink: HttpSink) -> None:
    ada = user()
    channels(ada, sink.webhooks + "1/x", "ada")
    sink.answer("/api/webhooks/", deleted_webhook())
    reminders.set_reminder(ada, "tea", "Reminder: tea", utc_now())
    with scheduler():
        wait_until(lambda: len(deliveries()) == 3 and settled())
    (webhook,) = deliveries(channel="discord_webhook")
    assert (webhook["state"], webhook["last_error"]) == ("dead", "the receiver answered 404")
    assert {row["state"] for row in deliveries(channel="ntfy")} == {"sent"}
    told = "I turned your Discord webhook off: the receiver answered 404."
    assert sorted(sink.texts)[0] == told


@pytest.mark.usefixtures("database")
def test_a_receiver_that_asks_for_patience_gets_it(sink: HttpSink) -> None:
    ada = user()
    channels(ada, topic="ada")
    due_now(ada)
    sink.answer("/ada", rate_limited(90))
    with scheduler():
        wait_until(lambda: deliveries()[0]["attempts"] == 1)
    (row,) = deliveries()
    assert (row["state"], row["last_error"]) == ("waiting", "the receiver answered 429")
    pause = row["next_attempt_at"] - utc_now()
    assert timedelta(seconds=80) < pause <= timedelta(seconds=90)


@pytest.mark.usefixtures("database")
def test_a_slow_receiver_holds_up_no_other(sink: HttpSink) -> None:
    slow, quick = user(), user()
    channels(slow, topic="slow")
    channels(quick, topic="quick")
    enough = threading.Event()
    sink.answer("/slow", *[Answer(200, until=enough)] * 3)
    for _ in range(3):
        due_now(slow)
    with scheduler():
        sink.wait_for(1)
        for _ in range(30):
            due_now(quick)
        sink.wait_for(31)
        enough.set()
        wait_until(settled)


@pytest.mark.usefixtures("database")
def test_more_slow_receivers_than_senders_are_all_served(sink: HttpSink) -> None:
    ada = user()
    channels(ada, topic="ada")
    sink.answer("/ada", *[Answer(200, delay=0.1)] * 20)
    for _ in range(20):
        due_now(ada)
    with scheduler():
        wait_until(settled)
    assert len(sink.texts) == 20


@pytest.mark.usefixtures("database")
def test_a_channel_that_was_switched_off_meanwhile_gets_nothing(sink: HttpSink) -> None:
    due_now(user())
    with scheduler():
        wait_until(settled)
    (row,) = deliveries()
    assert row["last_error"] == "the user has switched this channel off"
    assert sink.received == []


@pytest.mark.usefixtures("database")
def test_a_lease_lasts_as_long_as_its_message_is_being_sent(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.jobs.deliveries.LEASE_SECONDS", 0.6)
    monkeypatch.setattr("scheduler.sender.LEASE_SECONDS", 0.6)
    monkeypatch.setattr("scheduler.sender.RENEWAL_SECONDS", 0.1)
    ada = user()
    channels(ada, topic="ada")
    sink.answer("/ada", Answer(200, delay=2))
    due_now(ada)
    with scheduler():
        wait_until(settled)
    assert len(sink.texts) == 1


@pytest.mark.usefixtures("database")
def test_stopping_finishes_what_is_being_sent(sink: HttpSink) -> None:
    ada = user()
    channels(ada, topic="ada")
    due_now(ada)
    sink.answer("/ada", Answer(200, delay=0.5))
    with scheduler():
        sink.wait_for(1)
    assert [row["state"] for row in deliveries()] == ["sent"]


@contextmanager
def away(database: Database, postgres_url: URL) -> Iterator[None]:
    """Throw everyone out of a PostgreSQL database, and let nobody in."""
    name = database.engine.url.database
    admin = postgres_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(admin)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@on_postgresql
def test_a_database_that_goes_away_and_comes_back_loses_nothing(
    database: Database, postgres_url: URL, sink: HttpSink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ada = user()
    channels(ada, topic="ada")
    reminders.set_reminder(ada, "tea", "Reminder: tea", utc_now() + timedelta(seconds=0.7))
    due_now(ada)
    sink.answer("/ada", Answer(200, delay=0.5))
    with scheduler():
        sink.wait_for(1)
        with away(database, postgres_url):
            wait_until(lambda: "deliveries wait to be settled" in caplog.text)
            wait_until(lambda: "can't be reached" in caplog.text)
        assert len(sink.wait_for(2)) == 2
        wait_until(lambda: "the database is back" in caplog.text)
        wait_until(settled)  # the one that was sent in between as well, without being sent again
    assert caplog.text.count("can't be reached") == 1
    assert [row["state"] for row in deliveries()] == ["sent", "sent"]
    assert len(sink.texts) == 2


@pytest.mark.usefixtures("database")
def test_answers_that_nobody_asks_for_again_are_forgotten() -> None:
    owner = {"user_uuid": user(), "request_hash": "x"}
    made = {"old": utc_now() - timedelta(hours=25), "new": utc_now() - timedelta(hours=23)}
    for key, created_at in made.items():
        insert("idempotency_keys", owner | {"idempotency_key": key, "created_at": created_at})
    with scheduler():
        wait_until(lambda: count("idempotency_keys") == 1)
    assert select("idempotency_keys")[0]["idempotency_key"] == "new"


@pytest.mark.usefixtures("database")
def test_what_agents_remember_too_long_is_forgotten() -> None:
    place = ChatAddress("discord", "greeter", "1234")
    for days in (91, 89):
        said = memory.Turn("user", f"{days} days ago")
        memory.append(place, [said], utc_now() - timedelta(days=days))
    with scheduler():
        wait_until(lambda: count("agent_turns") == 1)
    assert select("agent_turns")[0]["content"] == "89 days ago"


@pytest.mark.usefixtures("database")
def test_what_waits_for_a_removed_agent_comes_another_way_or_ends(sink: HttpSink) -> None:
    ada, ben = user(), user()
    long_ago = utc_now() - timedelta(minutes=11)
    channels(ada, topic="ada")
    for owner in (ada, ben):
        home = chat(owner, str(owner), address=("discord", "removed"))
        waiting(owner, "chat", chat_account_id=home, due_at=long_ago, next_attempt_at=long_ago)
    with scheduler():
        wait_until(settled)
    assert sink.texts == ["Reminder: tea (late: it was due 11 minutes ago)"]
    (row,) = deliveries(user_uuid=ben)
    assert row["last_error"] == "the agent removed, which was to send it, is not there any more"


@pytest.mark.usefixtures("database")
def test_what_is_not_sent_is_counted_for_the_figures() -> None:
    ada = user()
    later = utc_now() + timedelta(hours=1)
    for state in ("waiting", "dead", "dead", "sent"):
        waiting(ada, "ntfy", due_at=later, next_attempt_at=later, state=state)

    def unsent(state: str) -> float | None:
        return REGISTRY.get_sample_value("deliveries_unsent", {"state": state})

    with scheduler(metrics_port=9100):  # the port is opened by the process, not by the daemon
        wait_until(lambda: unsent("dead") == 2)
        assert (unsent("waiting"), unsent("held"), unsent("sent")) == (1, 0, None)
