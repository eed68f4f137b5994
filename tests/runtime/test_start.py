"""How every process starts."""

import gc
from collections.abc import Iterator

import pytest

from runtime.start import GC_THRESHOLDS, tune_garbage_collector


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_the_collector_passes_over_what_is_loaded_and_looks_seldom() -> None:
    tune_garbage_collector()
    assert gc.get_threshold() == GC_THRESHOLDS
    assert gc.get_freeze_count() > 10_000
    circle: list[object] = []
    circle.append(circle)
    del circle
    assert gc.collect() >= 1
