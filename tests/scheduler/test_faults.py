"""Faults, with real processes and databases: what is due is sent, and how often is counted."""

import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import make_url

from core import migrations
from core.db.engine import Database, use_database
from core.postgres import count, insert_many, update
from runtime.clock import utc_now
from scheduler.sender import MAX_UNDER_WAY
from tests.support.counting_sink import CountingSink, counting_sink
from tests.support.databases import on_postgresql
from tests.support.http_sink import Answer, HttpSink, rate_limited
from tests.support.people import channels, deliveries, user
from tests.support.postgres import PostgresServer
from tests.support.process import service
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow
Tell = Callable[[str], None]

DAEMON = "scheduler.daemon"
PEOPLE = 200
# What is told of a receiver in trouble, and its first answer; the one who is silent is told last.
TROUBLES = {
    "the receiver answered 429": rate_limited(2),
    "the receiver answered 500": Answer(500),
    "the receiver can't be reached (TimeoutError)": Answer(200, delay=14),
}


def end_leases() -> None:
    """End the leases that a dead daemon leaves behind: nobody wants to wait a minute in a test."""
    over = utc_now()
    claimed = {"state": "waiting", "lease_id": ("IS NOT", None)}
    update("deliveries", {"next_attempt_at": over, "leased_until": over}, claimed)


def amount(database: Database, number: int) -> int:
    """Return how much to try: databases that one process writes to at a time get a tenth."""
    return number if database.dialect == "postgresql" else number // 10


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Print the counts of a test, whatever is captured."""

    def say(words: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{words}\n")

    return say


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[CountingSink]:
    with counting_sink(tmp_path / "arrived") as sink:
        yield sink


def people(number: int = PEOPLE) -> list[UUID]:
    """Users with an ntfy topic each."""
    found = [user() for _ in range(number)]
    for owner in found:
        channels(owner, topic=f"t{owner.hex[:20]}")
    return found


def fall_due(owners: list[UUID], number: int, state: str = "reminders") -> None:
    """Make so many things due now, each with a text of its own."""
    now = utc_now()
    if state == "reminders":
        rows = [
            {
                "user_uuid": owners[i % len(owners)],
                "subject": f"s{i}",
                "text": f"m{i}",
                "due_at": now,
            }
            for i in range(number)
        ]
        insert_many("reminders", rows)
        return
    insert_many(
        "deliveries",
        [
            {
                "user_uuid": owners[i % len(owners)],
                "channel": "ntfy",
                "text": f"m{i}",
                "due_at": now,
                "next_attempt_at": now,
            }
            for i in range(number)
        ],
    )


def settings(database: Database, url: str) -> dict[str, str]:
    address = database.engine.url.render_as_string(hide_password=False)
    return {"DATABASE_URL": address, "NTFY_BASE_URL": url}


def texts(sink: CountingSink) -> Counter[str]:
    return Counter(text.partition(" (late")[0] for _, text in sink.arrived())


@pytest.mark.every_database
def test_two_daemons_send_twenty_thousand_due_reminders_once_each(
    database: Database, counted: CountingSink, tmp_path: Path, tell: Tell
) -> None:
    number = amount(database, 20_000)
    fall_due(people(), number)
    began = time.monotonic()
    with ExitStack() as stack:
        daemons = [
            stack.enter_context(
                service(DAEMON, tmp_path / f"log{name}", **settings(database, counted.url))
            )
            for name in "ab"
        ]
        wait_until(lambda: count("deliveries", {"state": "sent"}) == number, 240)
        took = time.monotonic() - began
        for daemon in daemons:
            daemon.terminate()
            assert daemon.exit_code() == 0
    time.sleep(0.2)
    found = texts(counted)
    where = f"{number} due, two daemons, {database.dialect}"
    tell(f"{where}: {found.total()} sent, {len(found)} different, {took:.0f} s")
    assert (len(found), found.total()) == (number, number)


@pytest.mark.every_database
def test_a_daemon_that_is_killed_twenty_times_loses_nothing(
    database: Database, counted: CountingSink, tmp_path: Path, tell: Tell
) -> None:
    number, kills, unknown, most = amount(database, 10_000), 20, 0, 0
    fall_due(people(), number, "deliveries")
    chance = random.Random(7)  # noqa: S311 - the same moments each time
    for kill in range(kills):
        before = texts(counted).total()
        with service(DAEMON, tmp_path / f"log{kill}", **settings(database, counted.url)) as daemon:
            wait_until(
                lambda: (
                    texts(counted).total() > before  # noqa: B023 - at once
                    or count("deliveries", {"state": "sent"}) == number
                ),
                60,
            )
            time.sleep(chance.uniform(0, 0.15))
            daemon.kill()
        time.sleep(0.2)
        # What arrived and nobody knows of will come again, when its turn comes.
        now_unknown = texts(counted).total() - count("deliveries", {"state": "sent"})
        unknown, most = now_unknown, max(most, now_unknown - unknown)
        end_leases()
    with service(DAEMON, tmp_path / "log", **settings(database, counted.url)) as daemon:
        daemon.wait_for_line("the scheduler runs")
        wait_until(lambda: count("deliveries", {"state": "sent"}) == number, 240)
        daemon.terminate()
        assert daemon.exit_code() == 0
    time.sleep(0.2)
    found = texts(counted)
    again = found.total() - len(found)
    tell(
        f"{kills} kills, {number} due: {number - len(found)} lost, {again} sent again; after one "
        f"kill at most {most}, of at most {MAX_UNDER_WAY} under way"
    )
    assert len(found) == number
    assert most <= MAX_UNDER_WAY
    assert again == unknown


def test_a_database_that_restarts_in_the_middle_loses_nothing(
    counted: CountingSink, tmp_path: Path, tell: Tell
) -> None:
    number = 5_000
    with PostgresServer.running() as server, closing(Database(make_url(server.url))) as database:
        before = use_database(database)
        try:
            migrations.upgrade(database)
            fall_due(people(), number, "deliveries")
            with service(DAEMON, tmp_path / "log", **settings(database, counted.url)) as daemon:
                wait_until(lambda: texts(counted).total() > number / 10, 60)
                server.stop()
                time.sleep(2)
                server.start()
                wait_until(lambda: count("deliveries", {"state": "sent"}) == number, 120)
                daemon.terminate()
                assert daemon.exit_code() == 0
        finally:
            use_database(before)
    time.sleep(0.2)
    found = texts(counted)
    again = found.total() - len(found)
    tell(f"a restart, {number} due: {number - len(found)} lost, {again} sent again")
    assert len(found) == number
    assert found.total() - number <= MAX_UNDER_WAY


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as server:
        yield server


@on_postgresql
def test_receivers_in_trouble_are_tried_again_and_hold_up_nobody(
    database: Database, sink: HttpSink, tmp_path: Path, tell: Tell
) -> None:
    everybody = people(20 + len(TROUBLES))
    troubled, others = dict(zip(TROUBLES, everybody, strict=False)), everybody[len(TROUBLES) :]
    paths = {error: f"/t{owner.hex[:20]}" for error, owner in troubled.items()}
    for error, answer in TROUBLES.items():
        sink.answer(paths[error], answer)
        fall_due([troubled[error]], 1, "deliveries")
    fall_due(others, 500, "deliveries")
    with service(DAEMON, tmp_path / "log", **settings(database, sink.url)) as daemon:
        wait_until(lambda: count("deliveries", {"state": "sent"}) >= 500, 30)
        for error, owner in troubled.items():
            wait_until(lambda: bool(deliveries(user_uuid=owner, last_error=error)), 30)  # noqa: B023
            (row,) = deliveries(user_uuid=owner)
            assert (row["state"], row["attempts"]) == ("waiting", 1)
            assert row["next_attempt_at"] - utc_now() > timedelta(seconds=1)
        wait_until(lambda: count("deliveries", {"state": "sent"}) == 500 + len(TROUBLES), 30)
        daemon.terminate()
        assert daemon.exit_code() == 0
    received = Counter(request.path for request in sink.received)
    for error, path in paths.items():
        tell(f"{error}: {received[path]} tries for one message, 500 others once each")
        assert received[path] == 2
    assert received.total() == 500 + 2 * len(TROUBLES)


@on_postgresql
def test_a_receiver_that_hangs_half_way_through_its_answer_is_taken_at_its_word(
    database: Database, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted = []

        def answer_half() -> None:
            connection, _ = server.accept()
            accepted.append(connection)
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")

        thread = threading.Thread(target=answer_half)
        thread.start()
        (ada,) = people(1)
        fall_due([ada], 1, "deliveries")
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with service(DAEMON, tmp_path / "log", **settings(database, url)) as daemon:
            wait_until(lambda: bool(deliveries(state="sent")), 40)
            daemon.terminate()
            assert daemon.exit_code() == 0
        thread.join()
        accepted[0].close()
    assert deliveries()[0]["attempts"] == 1
