"""The loop: every job in a thread of its own, and nothing that a job does ends it."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

import scheduler.jobs
from config.broken import BrokenModule
from config.settings import Settings, get_settings
from core.db.engine import Database
from core.errors import Unavailable
from runtime.clock import utc_now
from scheduler import daemon
from scheduler.daemon import Daemon
from scheduler.registry import registered

PATIENCE = 10


def settings(**changes: object) -> Settings:
    return get_settings().model_copy(
        update={"poll_interval": 0.02, "wake_interval": 0.02, "shutdown_timeout": 2.0, **changes}
    )


@contextmanager
def running(subject: Daemon, stop: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=subject.run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


class Counter:
    """A job that counts its runs, and does what it is told besides."""

    def __init__(self, act: Callable[[int], object] = lambda number: None) -> None:
        self.runs = 0
        self._act = act
        self._changed = threading.Condition()

    def __call__(self) -> object:
        with self._changed:
            self.runs += 1
            self._changed.notify_all()
        return self._act(self.runs)

    def wait_for(self, runs: int, timeout: float = PATIENCE) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.runs >= runs, timeout), self.runs


@pytest.fixture
def subject(database: Database) -> Iterator[tuple[Daemon, threading.Event]]:
    stop = threading.Event()
    yield Daemon(settings(), stop), stop
    registered.clear()


def fail(number: int) -> None:
    raise ValueError(f"failure {number}")


def test_a_callback_that_fails_is_logged_and_runs_again(
    subject: tuple[Daemon, threading.Event],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    callback = Counter(fail)
    monkeypatch.setattr(daemon, "poll_callback", callback)  # as its documentation says
    with running(*subject):
        callback.wait_for(3)
    assert "the job poll failed" in caplog.text
    assert "failure 1" in caplog.text


def test_the_callback_can_be_replaced_while_it_runs(
    subject: tuple[Daemon, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(*subject):
        callback = Counter()
        monkeypatch.setattr(daemon, "poll_callback", callback)
        callback.wait_for(2)


def test_functions_run_beside_the_callback_at_their_own_interval(
    subject: tuple[Daemon, threading.Event],
) -> None:
    often, seldom = Counter(), Counter()
    daemon.register_job("often", often)
    daemon.register_job("seldom", seldom, interval=3600)
    with running(*subject):
        often.wait_for(5)
    assert seldom.runs == 1


def test_a_job_that_blocks_delays_no_other_and_is_left_behind_at_the_end(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()
    stop = threading.Event()
    subject = Daemon(settings(shutdown_timeout=0.1), stop)
    other = Counter()
    subject.add_job("stuck", lambda: release.wait(PATIENCE), 0.01)
    subject.add_job("other", other, 0.01)
    with running(subject, stop):
        other.wait_for(5)
    release.set()
    assert "job stuck did not end in time" in caplog.text


def test_a_job_that_knows_when_there_is_more_runs_then(
    subject: tuple[Daemon, threading.Event],
) -> None:
    soon = Counter(lambda number: utc_now() + timedelta(seconds=0.2))
    distant = Counter(lambda number: utc_now() + timedelta(days=9))
    subject[0].add_loop("soon", soon, 3600)
    subject[0].add_loop("distant", distant, 0.05)
    with running(*subject):
        soon.wait_for(3, timeout=3)
        distant.wait_for(3, timeout=3)


def test_a_job_that_is_woken_runs_at_once(subject: tuple[Daemon, threading.Event]) -> None:
    job = Counter()
    subject[0].add_loop("job", job, 3600)
    with running(*subject):
        job.wait_for(1)
        subject[0].wake("job")
        job.wait_for(2)


def test_two_jobs_of_one_name_are_refused(subject: tuple[Daemon, threading.Event]) -> None:
    subject[0].add_job("job", Counter(), 1)
    with pytest.raises(ValueError, match="two scheduler jobs called 'job'"):
        subject[0].add_job("job", Counter(), 1)


def test_the_database_being_away_is_logged_once_and_gets_growing_pauses(
    subject: tuple[Daemon, threading.Event], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def away(number: int) -> None:
        if number < 6:
            raise Unavailable

    job = Counter(away)
    subject[0].add_loop("job", job, 0.01)
    with running(*subject):
        job.wait_for(8)
    lines = [record.message for record in caplog.records if "database" in record.message]
    assert lines == [
        "the database can't be reached; trying again with growing pauses",
        "the database is back",
    ]


def test_a_broken_job_file_stops_the_start_with_its_name(
    subject: tuple[Daemon, threading.Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no_register.py").write_text("X = 1\n")
    monkeypatch.setattr(scheduler.jobs, "__path__", [*scheduler.jobs.__path__, str(tmp_path)])
    with pytest.raises(BrokenModule, match=r"no_register\.py has neither"):
        subject[0].run()


def test_a_new_job_file_is_found_by_itself(
    subject: tuple[Daemon, threading.Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tidy.py").write_text(
        "import threading\n"
        "ran = threading.Event()\n"
        "def register(daemon):\n"
        "    daemon.add_job('tidy', ran.set, 60)\n"
    )
    monkeypatch.setattr(scheduler.jobs, "__path__", [*scheduler.jobs.__path__, str(tmp_path)])
    with running(*subject):
        from scheduler.jobs import tidy  # type: ignore[attr-defined]

        assert tidy.ran.wait(PATIENCE)


def test_the_poll_interval_is_the_settings() -> None:
    assert get_settings().poll_interval == daemon.POLL_INTERVAL
    with pytest.raises(AttributeError, match="NOTHING"):
        daemon.NOTHING  # noqa: B018
