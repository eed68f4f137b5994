"""Processes that keep to one core, and threads of theirs that do not."""

import threading
from collections.abc import Callable

import pytest

from runtime import cores
from runtime.cores import keep_to_one_core, on_any_core, usable_cores

pytestmark = pytest.mark.skipif(not usable_cores(), reason="this system keeps the choice to itself")
ALL = usable_cores()


def in_thread(work: Callable[[], None]) -> None:
    """Run it in a thread of its own, whose cores are not the tests'."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failures, failures
    assert usable_cores() == ALL


def test_numbered_processes_share_the_cores_evenly() -> None:
    for number in range(2 * len(ALL)):

        def one(number: int = number) -> None:
            keep_to_one_core(number)
            assert usable_cores() == [ALL[number % len(ALL)]]

        in_thread(one)


def test_one_without_a_number_takes_any_and_its_threads_with_it() -> None:
    def one() -> None:
        keep_to_one_core()
        assert len(usable_cores()) == 1
        found: list[list[int]] = []
        inner = threading.Thread(target=lambda: found.append(usable_cores()))
        inner.start()
        inner.join()
        assert found == [usable_cores()]

    in_thread(one)


def test_what_computes_without_the_lock_uses_all_for_a_while() -> None:
    def one() -> None:
        keep_to_one_core()
        before = usable_cores()
        with pytest.raises(ZeroDivisionError), on_any_core(ALL):
            assert usable_cores() == ALL
            raise ZeroDivisionError
        assert usable_cores() == before

    in_thread(one)


def test_a_container_that_allows_no_choice_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(cores.os, "sched_setaffinity", refuse, raising=False)
    keep_to_one_core()
    with on_any_core(ALL):
        assert usable_cores() == ALL
