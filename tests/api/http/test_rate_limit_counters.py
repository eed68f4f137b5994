"""Numbers that are forgotten after a while."""

import logging
import threading
import time

import pytest

from api.http.rate_limit import Memory, Shared, counters


def test_a_number_grows_and_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    memory = Memory()
    assert [memory.hit("a", 1)[0] for _ in range(3)] == [1, 2, 3]
    assert (memory.get("a"), memory.get("b")) == (3, 0)
    assert 0 < memory.get_expiry("a") - time.time() <= 1
    monkeypatch.setattr(time, "time", lambda: now() + 1.05)
    assert memory.get("a") == 0
    assert memory.get_expiry("a") <= time.time()
    assert memory.hit("a", 1)[0] == 1
    memory.clear("a")
    assert memory.get("a") == 0


def test_none_is_lost_when_many_count() -> None:
    memory = Memory()

    def count() -> None:
        for _ in range(2000):
            memory.hit("a", 60)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memory.get("a") == 16_000


def test_what_is_forgotten_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.http.rate_limit.SWEEP_EVERY", 0)
    memory = Memory()
    memory.hit("old", 0)
    time.sleep(0.01)
    memory.hit("new", 60)
    assert list(vars(memory)["_numbers"]) == ["new"]


def test_the_url_says_where() -> None:
    assert isinstance(counters("memory://"), Memory)
    assert isinstance(counters("redis://127.0.0.1:1"), Shared)


def test_while_redis_is_away_a_process_counts_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    shared = counters("redis://127.0.0.1:1")
    with caplog.at_level(logging.WARNING):
        assert [shared.hit("a", 60)[0] for _ in range(3)] == [1, 2, 3]
    assert shared.get("a") == 3
    assert shared.get_expiry("a") > time.time()
    shared.clear("a")
    assert shared.get("a") == 0
    assert len(caplog.records) == 1
