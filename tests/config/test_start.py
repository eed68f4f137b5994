"""How every process starts."""

import gc
from collections.abc import Iterator

import pytest

from config.start import SELDOM, collect_rarely


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_the_collector_passes_over_what_is_loaded_and_looks_seldom() -> None:
    collect_rarely()
    assert gc.get_threshold() == SELDOM
    assert gc.get_freeze_count() > 10_000
    circle: list[object] = []
    circle.append(circle)
    del circle
    assert gc.collect() >= 1
