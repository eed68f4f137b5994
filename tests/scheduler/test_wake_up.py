"""A reminder is handed over in the second in which it is due, with the settings as they come."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL

from core.db.engine import Database
from core.reminders import set_reminder
from runtime.clock import utc_now
from tests.support.counting_sink import CountingSink, counting_sink
from tests.support.people import channels, user
from tests.support.process import Service, service


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[CountingSink]:
    with counting_sink(tmp_path / "arrived") as running:
        yield running


@pytest.fixture
def daemon(
    database: Database, database_url: URL, sink: CountingSink, tmp_path: Path
) -> Iterator[Service]:
    """The scheduler as a process of its own, which has nothing to do and sleeps."""
    where = {
        "DATABASE_URL": database_url.render_as_string(hide_password=False),
        "NTFY_BASE_URL": sink.url,
        "POLL_INTERVAL": "60",
    }
    with service("scheduler.daemon", tmp_path / "log", **where) as running:
        running.wait_for_line("the scheduler runs")
        time.sleep(1.5)
        yield running


def lateness(sink: CountingSink, due: dict[str, datetime]) -> dict[str, float]:
    """Wait for the messages; return how many seconds after its time each arrived."""
    deadline = time.monotonic() + 15
    while len(found := sink.arrived()) < len(due):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return {text: moment - due[text].timestamp() for moment, text in found}


@pytest.mark.usefixtures("daemon")
def test_a_reminder_comes_in_its_second_and_an_earlier_new_one_too(sink: CountingSink) -> None:
    ada = user()
    channels(ada, topic="ada")
    now = utc_now().replace(microsecond=0)
    due = {"second": now + timedelta(seconds=5), "first": now + timedelta(seconds=3)}
    for text, moment in due.items():  # the later one is set first
        set_reminder(ada, text, text, moment)
    found = lateness(sink, due)
    assert all(0 <= late < 1 for late in found.values()), found


@pytest.mark.usefixtures("daemon")
def test_a_reminder_that_is_due_at_once_comes_at_once(sink: CountingSink) -> None:
    ada = user()
    channels(ada, topic="ada")
    due = {"now": utc_now()}
    set_reminder(ada, "now", "now", due["now"])
    assert lateness(sink, due)["now"] < 1
