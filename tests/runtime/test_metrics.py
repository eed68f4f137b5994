"""What bot and scheduler serve at METRICS_PORT."""

import logging
import socket
from collections.abc import Iterator

import httpx2
import pytest
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families

from config.settings import Settings
from runtime.metrics import Heartbeat, heartbeat, metrics_server

TURNS = Counter("tests_turns", "Counted by a test.")


def settings(port: int) -> Settings:
    return Settings(_env_file=None, metrics_port=port)


@pytest.fixture
def address() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with metrics_server(settings(port), lambda: b"more_of_them 7\n") as served:
        assert served == port
        yield f"http://127.0.0.1:{port}"


def test_without_a_port_nothing_is_served() -> None:
    with metrics_server(settings(0)) as served:
        assert served is None


def test_what_is_counted_anywhere_is_shown(address: str) -> None:
    TURNS.inc(3)

    answer = httpx2.get(f"{address}/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert (samples["tests_turns_total"], samples["more_of_them"]) == (3, 7)


def test_health_follows_the_heartbeats(address: str) -> None:
    with heartbeat("patient", longest=60), heartbeat("strict", longest=-1):
        ill = httpx2.get(f"{address}/health")
        assert (ill.status_code, ill.json()) == (503, {"status": "stopped", "loops": ["strict"]})
        assert (
            'process_heartbeat_age_seconds{loop="strict"}' in httpx2.get(f"{address}/metrics").text
        )
    well = httpx2.get(f"{address}/health")
    assert (well.status_code, well.json()) == (200, {"status": "ok"})
    assert "strict" not in httpx2.get(f"{address}/metrics").text


def test_a_pulse_stops_when_its_time_is_over() -> None:
    now = [100.0]
    watched = Heartbeat("loop", 5, clock=lambda: now[0])
    now[0] += 5
    assert not watched.stopped
    now[0] += 1
    assert watched.stopped
    watched.beat()
    assert (watched.stopped, watched.age) == (False, 0)


def test_nothing_else_is_there_and_the_server_does_not_name_itself(address: str) -> None:
    answer = httpx2.get(f"{address}/")

    assert answer.status_code == 404
    assert "/metrics" in answer.json()["error"]
    assert "Python" not in answer.headers["server"]


def test_a_taken_port_is_told_and_does_not_stop_the_process(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with caplog.at_level(logging.ERROR), metrics_server(settings(port)) as served:
            assert served is None

    assert "METRICS_PORT" in caplog.text
    assert str(port) in caplog.text
