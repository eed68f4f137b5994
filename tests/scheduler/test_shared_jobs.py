"""Scheduled jobs: each due time runs once among the daemons, and one that hangs is bounded."""

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import scheduler.jobs
from core import job_locks
from core.db.engine import Database
from core.postgres import select_one, update
from runtime.clock import utc_now
from scheduler.daemon import Daemon
from scheduler.registry import register_job, registered
from scheduler.triggers import cron, every
from tests.scheduler.test_daemon import PATIENCE, Counter, fail, running, settings
from tests.support.waiting import wait_until

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    yield
    registered.clear()


def daemon() -> tuple[Daemon, threading.Event]:
    stop = threading.Event()
    return Daemon(settings(poll_interval=60), stop), stop


def runs(name: str, outcome: str) -> float:
    labels = {"job": name, "outcome": outcome}
    return REGISTRY.get_sample_value("scheduler_job_runs_total", labels) or 0


# Whose turn it is


@pytest.mark.usefixtures("database")
def test_of_many_who_see_a_due_time_one_takes_it() -> None:
    assert job_locks.look("tidy") is None
    assert job_locks.begin("tidy", NOW, run=False)
    assert not job_locks.begin("tidy", NOW, run=True)
    seen = job_locks.look("tidy")
    assert seen == (NOW, None)
    start = threading.Barrier(4)
    taken = []

    def take(number: int) -> None:
        start.wait()
        moment = NOW + timedelta(seconds=60, microseconds=number)  # no two clocks are the same
        if job_locks.take("tidy", seen, moment):
            taken.append(moment)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1


@pytest.mark.usefixtures("database")
def test_a_job_that_runs_is_not_taken_until_it_ends_or_its_daemon_is_dead() -> None:
    job_locks.begin("tidy", NOW, run=True)
    later = NOW + job_locks.LEASE / 2
    seen = job_locks.look("tidy")
    assert seen is not None
    assert not job_locks.take("tidy", seen, later)
    assert job_locks.renew("tidy", NOW, later)
    assert not job_locks.take("tidy", seen, NOW + job_locks.LEASE)
    assert job_locks.take("tidy", seen, later + job_locks.LEASE)  # nobody went on with it
    assert not job_locks.end("tidy", NOW)  # the one before is no longer asked
    assert job_locks.end("tidy", later + job_locks.LEASE)


@pytest.mark.usefixtures("database")
def test_two_daemons_run_each_due_time_once() -> None:
    ran: list[datetime] = []
    interval = 0.2

    def run() -> None:
        taken = job_locks.look("shared")  # the clock may be in the next slot by now
        assert taken is not None
        ran.append(taken.due_at)

    register_job("shared", run, interval)
    (one, stop_one), (two, stop_two) = daemon(), daemon()
    with running(one, stop_one), running(two, stop_two):
        wait_until(lambda: len(ran) >= 10)
    # The first comes at once; the others at the times that all daemons mean.
    slots = [int(moment.timestamp() / interval) for moment in ran[1:]]
    assert len(set(slots)) == len(slots)


@pytest.mark.usefixtures("database")
def test_what_was_missed_is_made_up_for_once_and_a_clock_set_back_repeats_nothing() -> None:
    counter = Counter()
    register_job("seldom", counter, 3600)
    job_locks.begin("seldom", utc_now() - timedelta(days=3), run=False)
    for _ in range(2):
        subject, stop = daemon()
        with running(subject, stop):
            counter.wait_for(1)
            time.sleep(0.3)
    assert counter.runs == 1
    update("scheduler_jobs", {"due_at": utc_now() + timedelta(hours=1)}, {"name": "seldom"})
    subject, stop = daemon()
    with running(subject, stop):
        time.sleep(0.5)
    assert counter.runs == 1


@pytest.mark.usefixtures("database")
def test_a_new_cron_line_waits_for_its_time() -> None:
    at_once = Counter()
    register_job("yearly", at_once, cron="0 0 1 1 *", zone="Europe/Berlin")
    subject, stop = daemon()
    with running(subject, stop):
        wait_until(lambda: select_one("scheduler_jobs", {"name": "yearly"}))
        time.sleep(0.3)
    assert at_once.runs == 0
    update("scheduler_jobs", {"due_at": utc_now() - timedelta(days=366)}, {"name": "yearly"})
    subject, stop = daemon()
    with running(subject, stop):
        at_once.wait_for(1)


# Trouble


@pytest.mark.usefixtures("database")
def test_a_job_that_fails_is_logged_with_its_name_counted_and_run_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counter = Counter(fail)
    register_job("clumsy", counter, 0.05)
    before = runs("clumsy", "failed")
    subject, stop = daemon()
    with running(subject, stop):
        counter.wait_for(3)
    assert "the job clumsy failed; it runs again at its next time" in caplog.text
    assert runs("clumsy", "failed") - before >= 2


@pytest.mark.usefixtures("database")
def test_a_job_that_hangs_is_told_and_counted_and_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    release = threading.Event()
    stuck, other = Counter(lambda number: release.wait(PATIENCE)), Counter()
    register_job("stuck", stuck, 0.1, limit=0.3)
    register_job("other", other, 0.1)
    before = runs("stuck", "hung")
    subject, stop = daemon()
    with running(subject, stop):
        stuck.wait_for(1)
        other.wait_for(12)
        assert stuck.runs == 1  # not beside itself, however often it was due
        assert runs("stuck", "hung") - before == 1
        assert "the job stuck hangs: it runs for over 0.3 s" in caplog.text
        row = select_one("scheduler_jobs", {"name": "stuck"})
        assert row is not None
        assert row["running_until"] is None  # another daemon may take it over
        release.set()
        stuck.wait_for(2)
    assert "the job stuck, which was given up, has come back" in caplog.text


def test_a_job_that_runs_long_is_kept_by_its_daemon(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    long = Counter(lambda number: release.wait(PATIENCE))
    register_job("long", long, 3600)
    subject, stop = daemon()
    with running(subject, stop):
        long.wait_for(1)
        scheduled = subject._jobs["long"]
        first = job_locks.look("long")
        assert first is not None
        scheduled._renewed -= 11  # type: ignore[union-attr]  # as if so many seconds had passed
        deadline = time.monotonic() + PATIENCE
        while job_locks.look("long") == first:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        release.set()


# How jobs are found, and when they are due


@pytest.mark.usefixtures("database")
def test_a_marked_function_in_a_file_is_found_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "marked.py").write_text(
        "import threading\n"
        "from scheduler.registry import job\n"
        "ran = threading.Event()\n"
        "@job(60)\n"
        "def tidy():\n"
        "    ran.set()\n"
        "@job(cron='30 7 * * 1-5', zone='Europe/Berlin')\n"
        "def greet():\n"
        "    raise AssertionError('too early')\n"
    )
    monkeypatch.setattr(scheduler.jobs, "__path__", [*scheduler.jobs.__path__, str(tmp_path)])
    subject, stop = daemon()
    with running(subject, stop):
        from scheduler.jobs import marked  # type: ignore[attr-defined]

        assert marked.ran.wait(PATIENCE)
    assert {"marked.tidy", "marked.greet"} <= subject._jobs.keys()


@pytest.mark.parametrize(
    ("cron_line", "zone", "problem"),
    [
        ("61 * * * *", "UTC", "higher than the maximum"),
        ("* * * *", "UTC", "not enough values"),
        ("* * * * *", "Mars/Base", "Mars/Base"),
    ],
)
def test_due_times_that_can_not_be_read_stop_the_start(
    cron_line: str, zone: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        daemon()[0].add_job("odd", fail_never, cron=cron_line, zone=zone)
    with pytest.raises(ValueError, match="more than 0 seconds"):
        daemon()[0].add_job("odd", fail_never, -1)


def fail_never() -> None:
    return None


def times(line: str, zone: str, after: str, count: int) -> list[str]:
    trigger, moment, found = cron(line, zone), datetime.fromisoformat(after), []
    for _ in range(count):
        following = trigger.after(moment)
        assert following is not None
        moment = following
        found.append(f"{moment:%d %H:%M}")
    return found


def test_cron_lines_count_weekdays_as_cron_does_in_their_zone() -> None:
    friday = "2026-03-27T12:00+01:00"
    assert times("0 9 * * 0", "Europe/Berlin", friday, 2) == ["29 07:00", "05 07:00"]
    assert times("0 9 * * 7", "Europe/Berlin", friday, 1) == ["29 07:00"]
    assert times("0 9 * * 1-5", "Europe/Berlin", friday, 2) == ["30 07:00", "31 07:00"]
    assert times("0 9 * * sat", "Europe/Berlin", friday, 1) == ["28 08:00"]


def test_an_hour_that_comes_twice_or_never_counts_once() -> None:
    # The clocks go from 2:00 to 3:00 on 29 March 2026, and from 3:00 to 2:00 on 25 October.
    spring, autumn = "2026-03-28T12:00+01:00", "2026-10-24T12:00+02:00"
    assert times("30 2 * * *", "Europe/Berlin", spring, 2) == ["29 01:30", "30 00:30"]
    assert times("30 2 * * *", "Europe/Berlin", autumn, 2) == ["25 00:30", "26 01:30"]
    half_hours = times("*/30 * * * *", "Europe/Berlin", "2026-10-25T02:00+02:00", 4)
    assert half_hours == ["25 00:30", "25 01:00", "25 01:30", "25 02:00"]


def test_intervals_mean_the_same_moments_in_every_daemon() -> None:
    trigger = every(90)
    first = trigger.after(NOW)
    assert first is not None
    assert trigger.after(NOW + timedelta(seconds=1)) == first
    assert trigger.after(first) == first + timedelta(seconds=90)
