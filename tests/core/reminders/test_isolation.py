"""Attacks on what all users' reminders share: nobody's rule, time or row stops another's."""

import pkgutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import URL, insert

from core import reminders
from core.db.engine import Database, transaction
from core.deliveries import dead_letters, queue
from core.deliveries.rerouting import end_stranded
from core.deliveries.routing import SCHEDULER
from core.errors import InvalidInput, SystemicFault
from core.notifications import set_notification_settings
from core.postgres import select_one, update
from core.reminders.recurrence import check_rule, next_time
from core.tables import reminders as table
from runtime.clock import utc_now
from tests.support.http_sink import HttpSink
from tests.support.people import NOW, channels, deliveries, user
from tests.support.process import service

DAEMON = "scheduler.daemon"
EVERYWHERE = pytest.mark.every_database

SMUGGLED = [
    "FREQ=WEEKLY;BYDAY=MO EXRULE:FREQ=SECONDLY",
    "FREQ=WEEKLY;BYDAY=MO\nEXRULE:FREQ=SECONDLY",
    "FREQ=YEARLY;COUNT=9999 EXRULE:FREQ=SECONDLY",
    "FREQ=DAILY;COUNT=3 RRULE:FREQ=SECONDLY",
    "FREQ=DAILY;COUNT=3\tRDATE:20300101T000000",
    "FREQ=DAILY;UNTIL=20300101\rDTSTART:19700101T000000",
    "RRULE:RRULE:FREQ=DAILY",
]
OUT_OF_BOUNDS = [
    "FREQ=MONTHLY;COUNT=5;BYDAY=999MO",
    "FREQ=MONTHLY;BYDAY=0MO",
    "FREQ=MONTHLY;BYMONTHDAY=32",
    "FREQ=MONTHLY;BYMONTHDAY=-0",
    "FREQ=YEARLY;BYMONTH=13",
    "FREQ=YEARLY;BYMONTH=-1",
    "FREQ=YEARLY;BYSETPOS=400",
    "FREQ=DAILY;COUNT=99999999999",
    "FREQ=DAILY;INTERVAL=" + "9" * 200,
    "FREQ=DAILY;UNTIL=99991231",
    "FREQ=DAILY;UNTIL=00010101",
    "FREQ=DAILY;INTERVAL=\N{ARABIC-INDIC DIGIT TWO}",
    "FREQ=DA\N{LATIN SMALL LETTER DOTLESS I}LY",
]
# Rules that have no day, or hardly one: the search for it has to end.
BARREN = [
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=1MO",
    "FREQ=MONTHLY;INTERVAL=1000;BYMONTHDAY=31;BYSETPOS=2",
    "FREQ=YEARLY;INTERVAL=1000;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=366;INTERVAL=7",
    "FREQ=DAILY;COUNT=1000",
]


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    began = time.thread_time()
    yield
    assert time.thread_time() - began < seconds


def stored(owner: UUID, rule: str, starts: str = "2026-03-01T12:00:00") -> None:
    """Put a reminder into the table as an older version let it in."""
    row = {"user_uuid": owner, "subject": rule[:200], "text": "bad", "due_at": NOW}
    with transaction() as connection:
        connection.execute(insert(table).values(**row, rule=rule, starts=starts))


@pytest.mark.parametrize("rule", [*SMUGGLED, *OUT_OF_BOUNDS])
def test_nothing_but_a_rule_within_bounds_is_taken(rule: str) -> None:
    with at_most(0.2), pytest.raises(InvalidInput):
        check_rule(rule)


@pytest.mark.parametrize("rule", BARREN)
@pytest.mark.parametrize("starts", ["1970-01-01T00:00:00", "2026-01-31T02:30:00"])
def test_looking_for_the_next_time_takes_no_time(rule: str, starts: str) -> None:
    with at_most(0.5):
        next_time(check_rule(rule), starts, UTC, datetime(2069, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize("year", [1970, 1999, 2000, 9900, 9997])
@pytest.mark.parametrize("rule", ["FREQ=DAILY", "FREQ=YEARLY;INTERVAL=3", "FREQ=HOURLY"])
def test_a_series_of_any_year_has_a_next_time_or_none(year: int, rule: str) -> None:
    starts, now = f"{year}-01-01T00:00:00", datetime(9998, 6, 1, tzinfo=UTC)
    for after in (datetime(year, 1, 1, tzinfo=UTC), datetime(2030, 5, 5, tzinfo=UTC), now):
        found = next_time(rule, starts, UTC, after)
        assert found is None or after < found


@EVERYWHERE
@pytest.mark.usefixtures("database")
def test_a_series_from_long_ago_fires_like_all_others() -> None:
    ada = user()
    channels(ada, topic="ada")
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    reminders.set_reminder(ada, "x", "old", long_ago, rule="FREQ=DAILY")
    reminders.set_reminder(ada, "y", "new", NOW)
    assert reminders.fire_due(NOW) == 2
    row = select_one("reminders", {"subject": "x"})
    assert row is not None
    assert row["due_at"] == NOW.replace(hour=0) + timedelta(days=1)


@EVERYWHERE
@pytest.mark.usefixtures("database")
def test_one_bad_reminder_among_many_is_set_aside_with_its_reason() -> None:
    ada, eve = user(), user(time_zone="Mars/Base")
    channels(ada, topic="ada")
    channels(eve, topic="eve")
    for rule in SMUGGLED[:4]:
        stored(eve, rule)
    stored(eve, "FREQ=DAILY", starts="never")
    for number in range(20):
        reminders.set_reminder(ada, f"s{number}", f"m{number}", NOW)
    assert reminders.fire_due(NOW) == 20
    assert reminders.fire_due(NOW) == 0
    assert len(deliveries(user_uuid=ada, state="waiting")) == 20
    dead = deliveries(user_uuid=eve, state="dead")
    assert len(dead) == 5
    assert all("can't be fired" in row["last_error"] for row in dead)
    assert queue.unsent()["dead"] == 5


@EVERYWHERE
@pytest.mark.usefixtures("database")
def test_moving_to_another_zone_moves_the_rest_of_what_repeats() -> None:
    ada = user(time_zone="Europe/Berlin")
    stored(ada, "FREQ=DAILY;X")
    tomorrow = NOW + timedelta(days=1)
    reminders.set_reminder(ada, "good", "good", tomorrow, rule="FREQ=DAILY")
    update("users", {"time_zone": "Asia/Tokyo"}, {"id": ada})
    reminders.move_to_zone(ada, NOW)
    good = select_one("reminders", {"subject": "good"})
    assert good is not None
    assert good["due_at"] == NOW.replace(hour=4) + timedelta(days=1)
    assert [row["state"] for row in deliveries(subject="FREQ=DAILY;X")] == ["dead"]


@EVERYWHERE
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("begins", ["0\N{ARABIC-INDIC DIGIT SEVEN}:30", "24:00", "late", "-1:00"])
def test_quiet_hours_that_can_not_be_read_hold_up_nobody(begins: str) -> None:
    ada, eve = user(), user()
    for owner in (eve, ada):
        channels(owner, topic="t")
        reminders.set_reminder(owner, "x", "x", NOW)
    set_notification_settings(eve, {"quiet_from": begins, "quiet_to": "07:00"})
    assert reminders.fire_due(NOW) == 2
    assert len(queue.claim([SCHEDULER], NOW)) == 2


@EVERYWHERE
@pytest.mark.usefixtures("database")
def test_a_row_that_breaks_a_loop_is_set_aside_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada, eve = user(), user()
    for owner in (eve, ada):
        channels(owner, topic="t")
        reminders.set_reminder(owner, "x", "x", NOW)
    reminders.fire_due(NOW)
    broken(monkeypatch, "quiet_until", eve)
    claimed = queue.claim([SCHEDULER], NOW)
    assert [row["user_uuid"] for row in claimed] == [ada]
    (dead,) = deliveries(user_uuid=eve)
    assert (dead["state"], dead["last_error"]) == ("dead", "it can't be sent: ZeroDivisionError")
    assert end_stranded(NOW) == 0


def fail_for(monkeypatch: pytest.MonkeyPatch, place: str, *people: UUID) -> None:
    """Have a function fail for what belongs to some people, as by a mistake of the program's."""
    original = pkgutil.resolve_name(place)

    def fail(connection: object, row: object, *rest: object) -> object:
        rows = row if isinstance(row, list) else [row]
        return 1 // int(all(one["user_uuid"] not in people for one in rows)) and original(
            connection, row, *rest
        )

    monkeypatch.setattr(place.replace(":", "."), fail)


@EVERYWHERE
@pytest.mark.usefixtures("database")
def test_a_mistake_of_the_program_ends_nobodys_reminders(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [user() for _ in range(7)]
    for owner in people:
        channels(owner, topic="t")
        reminders.set_reminder(owner, "x", "x", NOW, rule="FREQ=DAILY")
    with monkeypatch.context() as patch:
        fail_for(patch, "core.reminders:_deliveries_of", *people)
        with pytest.raises(SystemicFault):
            reminders.fire_due(NOW)
    with monkeypatch.context() as patch:
        fail_for(patch, "core.reminders:_deliveries_of", *people[1:])
        assert reminders.fire_due(NOW) == 1
    assert not deliveries(state="dead")
    assert reminders.fire_due(NOW) == 6
    with monkeypatch.context() as patch:
        patch.setattr("core.deliveries.queue.targets", lambda *_: 1 // 0)
        with pytest.raises(SystemicFault):
            queue.claim([SCHEDULER], NOW)
    assert not deliveries(state="dead")
    assert queue.claim([SCHEDULER], NOW) == []  # put off, that others come first
    assert len(queue.claim([SCHEDULER], NOW + queue.PUT_OFF)) == 7


@EVERYWHERE
@pytest.mark.usefixtures("database")
def test_the_bad_rows_of_one_person_are_no_mistake_of_the_program_and_go_on_where_they_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    eve = user()
    for number in range(10):
        reminders.set_reminder(eve, f"{number}", "x", NOW, rule="FREQ=DAILY")
    fail_for(monkeypatch, "core.reminders:_deliveries_of", eve)
    assert reminders.fire_due(NOW) == 0
    assert len(deliveries(state="dead")) == 10
    assert reminders.next_reminder(NOW) == NOW + timedelta(days=1)


@EVERYWHERE
@pytest.mark.usefixtures("database")
def test_who_has_many_due_at_once_lets_others_come_first() -> None:
    eve, ada = user(), user()
    for number in range(110):
        reminders.set_reminder(eve, f"{number}", "x", NOW)
    reminders.set_reminder(ada, "tea", "tea", NOW + timedelta(seconds=1))
    now = NOW + timedelta(seconds=2)
    assert reminders.fire_due(now, limit=60) == 60
    assert len(deliveries(user_uuid=ada)) == 1
    assert [reminders.fire_due(now, limit=60), reminders.fire_due(now, limit=60)] == [51, 0]


@EVERYWHERE
@pytest.mark.usefixtures("database")
def test_a_dead_letter_that_can_not_be_sent_again_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada, eve = user(), user()
    for owner in (ada, eve):
        reminders.set_reminder(owner, "x", "x", NOW)
    reminders.fire_due(NOW)  # to nobody: they have no channel
    channels(ada, topic="ada")
    fail_for(monkeypatch, "core.deliveries.dead_letters:other_ways", eve)
    assert dead_letters.retry(None, NOW) == 1
    (dead,) = deliveries(state="dead")
    assert (dead["user_uuid"], "ZeroDivisionError" in dead["last_error"]) == (eve, True)


def broken(monkeypatch: pytest.MonkeyPatch, name: str, eve: UUID) -> None:
    """Have a function of core.deliveries.routing fail for one user, whatever the reason may be."""
    from core.deliveries import routing

    original = getattr(routing, name)

    def fail(settings: dict[str, object], *rest: object) -> object:
        return 1 // 0 if settings["user_uuid"] == eve else original(settings, *rest)

    monkeypatch.setattr(routing, name, fail)


@EVERYWHERE
@pytest.mark.slow
def test_a_standalone_scheduler_repeats_tasks_on_every_database(
    database: Database, database_url: URL, tmp_path: Path
) -> None:
    ada = user()
    channels(ada, topic="ada")
    now, subject = utc_now(), "tasks:0191b1c0-0000-7000-8000-000000000000"
    reminders.set_reminder(ada, subject, "stretch", now, rule="FREQ=MINUTELY")
    with HttpSink() as sink:
        settings = {
            "DATABASE_URL": database_url.render_as_string(hide_password=False),
            "NTFY_BASE_URL": sink.url,
        }
        with service(DAEMON, tmp_path / "log", **settings) as daemon:
            assert arrived(sink) == ["stretch"]
            daemon.terminate()
            assert daemon.exit_code() == 0
    row = select_one("reminders", {"subject": subject})
    assert row is not None
    assert now < row["due_at"] <= now + timedelta(minutes=2)


def arrived(sink: HttpSink) -> list[str]:
    return [text.partition(" (late")[0] for text in sink.wait_for(1, 20)]
