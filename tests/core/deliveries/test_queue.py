"""A delivery is claimed by one, sent, and settled: over, tried again, or given up."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event

from core import reminders
from core.db.engine import Database, transaction
from core.deliveries import queue
from core.deliveries.queue import Settlement
from core.deliveries.routing import SCHEDULER, bot_at
from core.postgres import select_one, update
from tests.support.people import (
    CONSOLE,
    DISCORD,
    NOW,
    channels,
    chat,
    deliveries,
    later,
    user,
    waiting,
)

HERE = [SCHEDULER]

pytestmark = pytest.mark.usefixtures("database")


# Claiming


def test_a_claimed_delivery_is_nobody_elses_until_its_lease_runs_out() -> None:
    ada = user()
    channels(ada, topic="ada")
    waiting(ada)
    (first,) = queue.claim(HERE, NOW, lease_seconds=60)
    assert first["target"] == "ada"
    assert queue.claim(HERE, later(59)) == []
    (second,) = queue.claim(HERE, later(60))
    assert first["id"] == second["id"]
    assert not queue.settle(first["id"], first["lease_id"], "sent")
    assert queue.settle(second["id"], second["lease_id"], "sent")


def test_a_lease_is_renewed_for_its_holder_alone_once_half_of_it_is_over() -> None:
    waiting(user())
    (row,) = queue.claim([SCHEDULER], NOW, 10)
    for lease, at, until in (
        (row["lease_id"], 4, 10),
        (uuid4(), 6, 10),
        (row["lease_id"], 6, 16),
    ):
        queue.renew({row["id"]: lease}, later(at), 10)
        assert deliveries()[0]["leased_until"] == later(until)
    assert queue.claim([SCHEDULER], later(15)) == []
    assert len(queue.claim([SCHEDULER], later(16))) == 1


def test_the_longest_waiting_come_first_and_no_more_than_the_limit() -> None:
    ada = user()
    ids = [waiting(ada, next_attempt_at=later(-seconds)) for seconds in (1, 3, 2)]
    claimed = queue.claim(HERE, NOW, limit=2)
    assert {row["id"] for row in claimed} == {ids[1], ids[2]}


def test_a_claim_is_for_its_senders() -> None:
    ada, bob = user(), user()
    here = waiting(ada, "chat", chat_account_id=chat(ada, "100"))
    there = waiting(bob, "chat", chat_account_id=chat(bob, "200", CONSOLE))
    waiting(ada)
    (row,) = queue.claim([bot_at(DISCORD)], NOW)
    assert (row["id"], row["target"]) == (here, "100")
    (row,) = queue.claim([bot_at(CONSOLE)], NOW)
    assert (row["id"], row["target"]) == (there, "200")
    (row,) = queue.claim(HERE, NOW)
    assert row["channel"] == "ntfy"


def test_a_delivery_waits_while_another_user_is_logged_in_at_its_chat() -> None:
    ada, bob = user(), user()
    waiting(ada, "chat", chat_account_id=chat(ada, logged_in=False))
    intruder = chat(bob)
    assert queue.claim([bot_at(DISCORD)], NOW) == []
    assert queue.next_due(NOW, [DISCORD]) is None
    update("chat_accounts", {"logged_in": False}, {"id": intruder})
    assert len(queue.claim([bot_at(DISCORD)], NOW)) == 1


@pytest.mark.parametrize("channel", ["ntfy", "discord_webhook"])
def test_a_channel_that_was_switched_off_meanwhile_has_no_target(channel: str) -> None:
    ada, bob = user(), user()
    channels(ada)
    waiting(ada, channel)
    waiting(bob, channel)
    assert [row["target"] for row in queue.claim(HERE, NOW)] == [None, None]


@pytest.mark.parametrize(
    ("seconds", "note"),
    [
        (60, ""),
        (61, " (late: it was due 1 minute ago)"),
        (59 * 60, " (late: it was due 59 minutes ago)"),
        (2 * 3600 + 1, " (late: it was due 2 hours ago)"),
        (86_400, " (late: it was due 1 day ago)"),
    ],
)
def test_a_late_message_says_how_late_it_is(seconds: float, note: str) -> None:
    waiting(user())
    assert queue.claim(HERE, later(seconds))[0]["text"] == f"Reminder: tea{note}"


def test_deliveries_of_a_deleted_user_are_gone() -> None:
    ada = user()
    waiting(ada)
    with transaction() as connection:
        connection.exec_driver_sql("DELETE FROM users")
    assert deliveries() == []


# Settling


def claimed(now: datetime = NOW) -> tuple[UUID, UUID]:
    (row,) = queue.claim(HERE, now)
    return row["id"], row["lease_id"]


def test_a_sent_delivery_is_over_and_its_user_can_see_it() -> None:
    ada = user()
    channels(ada, topic="ada")
    waiting(ada)
    assert queue.settle(*claimed(), "sent", now=later(1))
    (row,) = deliveries()
    assert (row["state"], row["settled_at"], row["attempts"]) == ("sent", later(1), 1)
    assert queue.claim(HERE, later(9999)) == []
    seen = select_one("notifications", {"user_uuid": ada})
    assert seen is not None
    assert (seen["last_message_sent"], seen["current_notification_status"]) == (later(1), "active")


def test_a_failure_for_good_is_a_dead_letter_with_its_reason() -> None:
    ada = user()
    channels(ada, topic="ada")
    waiting(ada)
    assert queue.settle(*claimed(), "failed", "the receiver answered 404", now=later(1))
    (row,) = deliveries()
    assert (row["state"], row["last_error"]) == ("dead", "the receiver answered 404")
    seen = select_one("notifications", {"user_uuid": ada})
    assert seen is not None
    assert (seen["last_message_sent"], seen["current_notification_status"]) == (None, "failed")


def test_a_chat_delivery_leaves_the_notification_channels_alone() -> None:
    ada = user()
    channels(ada, topic="ada")
    waiting(ada, "chat", chat_account_id=chat(ada))
    (row,) = queue.claim([bot_at(DISCORD)], NOW)
    assert queue.settle(row["id"], row["lease_id"], "failed")
    seen = select_one("notifications", {"user_uuid": ada})
    assert seen is not None
    assert seen["current_notification_status"] == "inactive"


def test_pauses_between_the_tries_grow_until_the_delivery_is_dead() -> None:
    waiting(user())
    now = NOW
    pauses = []
    while row := queue.claim(HERE, now):
        assert queue.settle(row[0]["id"], row[0]["lease_id"], "retry", "busy", now=now)
        (state,) = deliveries()
        pauses.append((state["next_attempt_at"] - now).total_seconds())
        now = state["next_attempt_at"]
        if state["state"] == "dead":
            break
    assert len(pauses[:-1]) == len(queue.BACKOFF_SECONDS)
    for pause, least in zip(pauses, queue.BACKOFF_SECONDS, strict=False):
        assert least <= pause <= least * (1 + queue.JITTER)
    assert pauses[0] / pauses[1] != 5 / 30  # each with a jitter of its own
    assert state["attempts"] == len(queue.BACKOFF_SECONDS) + 1
    assert (state["state"], state["last_error"]) == ("dead", "busy")


@pytest.mark.parametrize(
    ("wish", "pause"),
    [(None, 5), (0.5, 5), (90, 90), (1e12, queue.MAX_PAUSE_SECONDS)],
)
def test_the_receivers_wish_for_a_pause_is_honoured(wish: float | None, pause: float) -> None:
    waiting(user())
    queue.settle(*claimed(), "retry", "busy", wish, now=NOW)
    (row,) = deliveries()
    is_ours = pause == queue.BACKOFF_SECONDS[0]
    most = pause * (1 + queue.JITTER) if is_ours else pause
    assert later(pause) <= row["next_attempt_at"] <= later(most)


def test_an_error_is_cut_to_what_its_column_holds() -> None:
    waiting(user())
    queue.settle(*claimed(), "failed", "x" * 1000)
    assert len(deliveries()[0]["last_error"]) == 500


def test_only_the_holder_of_the_lease_settles_and_only_once() -> None:
    waiting(user())
    delivery, lease = claimed()
    assert not queue.settle(delivery, uuid4(), "sent")
    assert not queue.settle(uuid4(), lease, "sent")
    assert queue.settle(delivery, lease, "sent")
    assert not queue.settle(delivery, lease, "failed")
    assert deliveries()[0]["state"] == "sent"


@pytest.mark.parametrize("locks", [False, True])  # True: as on MySQL and MariaDB
def test_of_a_batch_each_is_settled_as_it_went_and_with_its_own_lease(
    database: Database, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    if locks:
        monkeypatch.setattr(database.engine.dialect, "update_returning", False)
    people = [user() for _ in range(4)]
    for one in people:
        channels(one, topic="topic")
        waiting(one)
    rows = queue.claim(HERE, NOW, limit=2) + queue.claim(HERE, NOW, limit=2)
    gone = uuid4()
    said = [
        Settlement(rows[0]["id"], rows[0]["lease_id"], "sent"),
        Settlement(rows[1]["id"], gone, "sent"),
        Settlement(rows[2]["id"], rows[2]["lease_id"], "retry", "busy"),
        Settlement(rows[3]["id"], rows[3]["lease_id"], "failed", "gone"),
    ]
    assert queue.settle_all(said, NOW) == {row["id"] for row in (rows[0], *rows[2:])}
    states = {row["id"]: (row["state"], row["attempts"]) for row in deliveries()}
    wanted = [("sent", 1), ("waiting", 0), ("waiting", 1), ("dead", 1)]
    assert [states[row["id"]] for row in rows] == wanted


def test_of_many_messages_in_ten_seconds_one_is_written_down_for_the_user() -> None:
    ada = user()
    channels(ada, topic="ada")
    for number, (seconds, outcome, shown) in enumerate(
        (
            (0, "sent", (0, "active")),
            (9, "sent", (0, "active")),
            (10, "failed", (0, "failed")),
            (11, "sent", (11, "active")),
            (22, "sent", (22, "active")),
        )
    ):
        waiting(ada, text=f"m{number}", next_attempt_at=later(seconds))
        (row,) = queue.claim(HERE, later(seconds))
        assert queue.settle(row["id"], row["lease_id"], outcome, now=later(seconds))
        seen = select_one("notifications", {"user_uuid": ada})
        assert seen is not None
        told = (seen["last_message_sent"], seen["current_notification_status"])
        assert told == (later(shown[0]), shown[1])


@pytest.mark.parametrize("number", [1, 50])
def test_a_batch_takes_few_statements_however_many_it_holds(
    database: Database, number: int
) -> None:
    for _ in range(number):
        ada = user()
        channels(ada, topic="ada")
        waiting(ada)
    counted: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        counted.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        rows = queue.claim(HERE, NOW, limit=100)
        claiming = len(counted)
        assert len(rows) == number
        said = [Settlement(row["id"], row["lease_id"], "sent") for row in rows]
        assert len(queue.settle_all(said, NOW)) == number
    finally:
        event.remove(database.engine, "before_cursor_execute", count)
    assert claiming <= 4
    assert len(counted) - claiming <= 5


# When to look again


def test_next_due_is_the_earliest_of_reminders_and_chat_deliveries() -> None:
    ada = user()
    home = chat(ada)
    assert queue.next_due(NOW, [DISCORD]) is None
    reminders.set_reminder(ada, "tea", "tea", later(30))
    assert queue.next_due(NOW, [DISCORD, ("discord", "other")]) == later(30)
    assert queue.next_due(NOW, [DISCORD]) == later(30)
    assert queue.next_due(NOW, [CONSOLE]) is None
    waiting(ada, "chat", chat_account_id=home, next_attempt_at=later(20))
    assert queue.next_due(NOW, [DISCORD]) == later(20)
    assert queue.next_due(later(40), [DISCORD]) == later(40)
    assert queue.next_delivery(HERE, NOW) is None


def test_a_claimed_delivery_is_due_again_when_its_lease_runs_out() -> None:
    waiting(user())
    queue.claim(HERE, NOW, lease_seconds=60)
    assert queue.next_delivery(HERE, NOW) == later(60)


# Several processes at once


def test_several_claim_at_once_and_each_delivery_goes_to_one() -> None:
    ada = user()
    ids = {waiting(ada) for _ in range(60)}
    start = Barrier(4)

    def drain(_: int) -> list[UUID]:
        mine: list[UUID] = []
        start.wait()
        while rows := queue.claim(HERE, NOW, limit=5):
            mine += [row["id"] for row in rows]
            for row in rows:
                assert queue.settle(row["id"], row["lease_id"], "sent", now=NOW)
        return mine

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(drain, range(4)))
    found = [delivery for share in shares for delivery in share]
    assert len(found) == len(ids)
    assert set(found) == ids
