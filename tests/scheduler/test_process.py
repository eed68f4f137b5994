"""`python -m scheduler.daemon` as a process of its own: killed, stopped, and started wrongly."""

from pathlib import Path

from sqlalchemy import URL

from core import reminders
from core.db.engine import Database
from runtime.clock import utc_now
from scheduler.sender import LEASE_SECONDS
from tests.support.databases import on_postgresql
from tests.support.http_sink import Answer, HttpSink
from tests.support.people import channels, deliveries, user
from tests.support.process import program, service
from tests.support.waiting import wait_until

DAEMON = "scheduler.daemon"


def where(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def sent() -> int:
    return sum(row["state"] == "sent" for row in deliveries())


@on_postgresql
def test_killing_the_daemon_while_it_sends_loses_nothing(
    database: Database, database_url: URL, sink: HttpSink, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": where(database_url), "WAKE_INTERVAL": "0.1"}
    ada = user()
    channels(ada, topic="ada")
    reminders.set_reminder(ada, "cut off", "Reminder: cut off", utc_now())
    sink.answer("/ada", Answer(200, delay=3))
    with service(DAEMON, tmp_path / "log", **settings) as daemon:
        sink.wait_for(1, timeout=20)  # it is being sent, and not yet settled
        daemon.kill()
    for number in range(5):
        reminders.set_reminder(ada, f"{number}", f"Reminder: {number}", utc_now())
    assert sent() == 0
    with service(DAEMON, tmp_path / "log", **settings) as daemon:
        wait_until(lambda: sent() == 6, LEASE_SECONDS + 5)  # by then the dead one's lease is over
        daemon.terminate()
        assert daemon.exit_code() == 0
    expected = [f"Reminder: {number}" for number in range(5)] + ["Reminder: cut off"] * 2
    assert sorted(sink.texts) == sorted(expected)


@on_postgresql
def test_sigterm_finishes_what_is_being_sent_and_logs_no_text(
    database: Database, database_url: URL, sink: HttpSink, tmp_path: Path
) -> None:
    ada = user()
    channels(ada, sink.webhooks + "1/hidden", "hidden")
    reminders.set_reminder(ada, "tea", "Reminder: hidden", utc_now())
    sink.answer("/", Answer(200, delay=0.5), Answer(500, delay=0.5))
    settings = {"DATABASE_URL": where(database_url), "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json"}
    with service(DAEMON, tmp_path / "log", **settings) as daemon:
        sink.wait_for(2, timeout=20)
        daemon.terminate()
        assert daemon.exit_code() == 0
        assert sent() == 1
        assert {row["attempts"] for row in deliveries()} == {1}
        assert "the scheduler has stopped" in daemon.log
        assert "hidden" not in daemon.log


def test_an_empty_database_is_brought_up_to_date_at_the_start(tmp_path: Path) -> None:
    with service(DAEMON, tmp_path / "log", DATABASE_URL=f"sqlite:///{tmp_path}/new.db") as daemon:
        daemon.wait_for_line("the scheduler runs")
        daemon.terminate()
        assert daemon.exit_code() == 0
    assert "ERROR" not in daemon.log


def test_a_database_that_is_away_at_the_start_is_waited_for(tmp_path: Path) -> None:
    away = "postgresql+psycopg2://app@127.0.0.1:1/app"
    with service(DAEMON, tmp_path / "log", DATABASE_URL=away) as daemon:
        daemon.wait_for_line("the database can't be used")
        daemon.terminate()
        assert daemon.exit_code() == 0
    assert "Traceback" not in daemon.log


def test_settings_that_can_not_be_used_are_told_in_plain_words(tmp_path: Path) -> None:
    with service(DAEMON, tmp_path / "log", APP_ENV="production", JWT_SECRET="short") as daemon:
        assert daemon.exit_code() == 2
    assert "JWT_SECRET is shorter than" in daemon.log
    assert "Traceback" not in daemon.log


OWN_PROGRAM = """
from core import migrations
from core.db.engine import get_database
import scheduler.daemon

runs = 0

def count():
    global runs
    runs += 1
    if runs == 1:
        raise ValueError("the first one fails")
    print("run", runs, "every", scheduler.daemon.POLL_INTERVAL, flush=True)

migrations.upgrade(get_database())
scheduler.daemon.poll_callback = count
scheduler.daemon.daemon_loop()
"""


def test_a_program_of_ones_own_replaces_the_callback_and_runs_the_loop(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/own.db", "POLL_INTERVAL": "0.2"}
    with program(["-c", OWN_PROGRAM], tmp_path / "log", **settings) as own:
        own.wait_for_line("run 3 every 0.2")
    assert "the first one fails" in own.log
