"""Loops that never end, and a process that says so where one did all the same."""

import threading
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.main import create_app
from config.settings import get_settings
from core import job_locks
from core.db.engine import Database
from core.errors import SystemicFault, Unavailable
from runtime.clock import growing_pause, utc_now
from runtime.metrics import heartbeat, stopped_loops
from scheduler.daemon import Daemon
from scheduler.runner import Loop, Outage, Scheduled
from scheduler.triggers import every
from tests.support.databases import on_sqlite


class Flawed:
    """Raises what it is given, one after the other, and then sets an event."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.recovered = threading.Event()

    def __call__(self, *_: object) -> None:
        if self.errors:
            raise self.errors.pop()
        self.recovered.set()


@given(st.integers(0, 10**9))
def test_a_pause_grows_to_its_limit_however_long_an_outage_lasts(failures: int) -> None:
    assert growing_pause(0.5, failures, 30) == min(0.5 * 2 ** min(failures, 10), 30)


def test_a_loop_outlives_thousands_of_failures() -> None:
    work = Flawed(ValueError(), *[Unavailable() for _ in range(3000)], OverflowError())
    stop = threading.Event()
    loop = Loop("flawed", work, 0, utc_now)
    thread = threading.Thread(target=loop.run, args=(stop, Outage()))
    thread.start()
    while not work.recovered.wait(0.001):
        loop.wake()
    stop.set()
    loop.wake()
    thread.join(5)
    assert not thread.is_alive()


def test_a_job_whose_row_can_not_be_read_is_looked_after_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look = Flawed(ValueError(), OverflowError(), Unavailable())
    monkeypatch.setattr(job_locks, "look", look)
    monkeypatch.setattr(job_locks, "begin", lambda *_, **__: False)
    monkeypatch.setattr("scheduler.runner.AWAY_PAUSE", 0.01)
    stop = threading.Event()
    job = Scheduled("flawed", lambda: None, every(60), 60, utc_now)
    thread = threading.Thread(target=job.run, args=(stop, Outage()))
    thread.start()
    assert look.recovered.wait(5)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


@on_sqlite
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_process_whose_loop_has_ended_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = create_app(get_settings(), database).test_client()
    stop = threading.Event()
    daemon = Daemon(get_settings(), stop)

    def end() -> datetime:
        raise SystemExit

    daemon.add_loop("ending", end, 1)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        until_stopped()
        answer = client.get("/health")
        assert (answer.status_code, "scheduler" in answer.json["error"]) == (503, True)
    finally:
        stop.set()
        thread.join(20)
    assert client.get("/health").status_code == 200


@on_sqlite
@pytest.mark.usefixtures("database")
def test_a_process_that_gets_nothing_done_by_a_mistake_says_so_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scheduler.daemon.MAX_WATCH", 0.5)
    stop, mended = threading.Event(), threading.Event()
    daemon = Daemon(get_settings(), stop)

    def work() -> None:
        if not mended.is_set():
            raise SystemicFault

    daemon.add_loop("mistaken", work, 0.1)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        until_stopped()
        mended.set()
        until_stopped(stopped=False)
    finally:
        stop.set()
        thread.join(20)


def test_a_scheduler_that_ends_by_a_mistake_counts_as_stopped() -> None:
    with pytest.raises(RuntimeError), heartbeat("mistaken", 60):
        raise RuntimeError
    assert "mistaken" in stopped_loops()
    with heartbeat("mistaken", 60):
        assert "mistaken" not in stopped_loops()


def until_stopped(*, stopped: bool = True) -> None:
    deadline = threading.Event()
    for _ in range(200):
        if ("scheduler" in stopped_loops()) == stopped:
            return
        deadline.wait(0.05)
    pytest.fail("it never said so")
