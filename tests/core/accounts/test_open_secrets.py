"""Where a secret may still be typed."""

from datetime import UTC, datetime, timedelta

import pytest

from core.accounts import open_secrets
from core.accounts.open_secrets import Place
from core.postgres import count

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.every_database]

NOW = datetime(2030, 3, 4, 12, 0, tzinfo=UTC)
HERE = Place("discord", "default", "4711", "1")
BESIDE = HERE._replace(channel_id="2")


def test_a_place_is_open_until_it_is_closed() -> None:
    open_secrets.expect(HERE, NOW + timedelta(minutes=1), NOW)
    open_secrets.expect(HERE, NOW + timedelta(minutes=2), NOW)
    assert open_secrets.are_open([HERE, BESIDE], NOW + timedelta(seconds=90)) == [True, False]
    open_secrets.close(HERE)
    assert open_secrets.are_open([HERE], NOW) == [False]


def test_a_place_is_open_for_some_time_only_and_then_forgotten() -> None:
    open_secrets.expect(HERE, NOW + timedelta(minutes=1), NOW)
    later = NOW + timedelta(minutes=1)
    assert open_secrets.are_open([HERE], later) == [False]
    open_secrets.expect(BESIDE, later + timedelta(minutes=1), later)
    assert count("open_secrets") == 1


def test_no_places_are_no_question() -> None:
    assert open_secrets.are_open([], NOW) == []
