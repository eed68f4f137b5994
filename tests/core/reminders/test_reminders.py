"""Reminders fall due once, and become deliveries to wherever their owner can be reached."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from core import reminders
from core.deliveries import queue
from core.deliveries.routing import bot_at
from core.postgres import count
from tests.support.people import (
    CONSOLE,
    DISCORD,
    NOW,
    channels,
    chat,
    deliveries,
    later,
    user,
)

pytestmark = pytest.mark.usefixtures("database")

WEBHOOK = "https://discord.com/api/webhooks/1/secret"


def remind(user_uuid: UUID, chat_id: UUID | None = None, *, subject: str = "tea") -> None:
    reminders.set_reminder(user_uuid, subject, "Reminder: tea", NOW, chat_id)


def test_a_reminder_that_is_moved_fires_again_at_its_new_time() -> None:
    ada = user()
    chat(ada)
    remind(ada)
    assert reminders.fire_due(NOW) == 1
    reminders.set_reminder(ada, "tea", "Reminder: green tea", later(60))
    assert reminders.fire_due(later(59)) == 0
    assert reminders.fire_due(later(60)) == 1
    assert sorted(row["text"] for row in deliveries()) == ["Reminder: green tea", "Reminder: tea"]


def test_a_cancelled_reminder_never_fires() -> None:
    ada = user()
    chat(ada)
    remind(ada)
    reminders.cancel_reminder(ada, "tea")
    reminders.cancel_reminder(ada, "never set")
    assert reminders.fire_due(NOW) == 0


def test_nothing_fires_before_its_time_and_nothing_twice() -> None:
    ada = user()
    chat(ada)
    remind(ada)
    assert reminders.fire_due(later(-0.001)) == 0
    assert reminders.fire_due(NOW) == 1
    assert reminders.fire_due(NOW) == 0


def test_a_clock_that_is_set_back_repeats_nothing() -> None:
    ada = user()
    chat(ada)
    remind(ada)
    assert [reminders.fire_due(later(s)) for s in (5, -3600, 0, 5, 7200)] == [1, 0, 0, 0, 0]


def test_a_clock_that_jumps_ahead_fires_once_and_says_that_it_is_late() -> None:
    ada = user()
    chat(ada)
    remind(ada)
    assert [reminders.fire_due(later(2 * 86_400)) for _ in range(3)] == [1, 0, 0]
    (row,) = queue.claim([bot_at(DISCORD)], later(2 * 86_400))
    assert row["text"] == "Reminder: tea (late: it was due 2 days ago)"


def test_more_reminders_than_the_limit_take_several_rounds() -> None:
    ada = user()
    chat(ada)
    for number in range(5):
        remind(ada, subject=f"tea {number}")
    assert [reminders.fire_due(NOW, limit=2) for _ in range(4)] == [2, 2, 1, 0]


# The ways to a user


def fired(user_uuid: UUID, chat_id: UUID | None = None) -> list[tuple[str, Any]]:
    remind(user_uuid, chat_id)
    assert reminders.fire_due(NOW) == 1
    return [
        (row["channel"], row["chat_account_id"])
        for row in deliveries(user_uuid=user_uuid, state="waiting")
    ]


def test_a_reminder_goes_to_the_chat_that_it_came_from_even_after_a_log_out() -> None:
    ada = user()
    origin = chat(ada, address=CONSOLE, logged_in=False, last_used_at=later(-3600))
    chat(ada)
    assert fired(ada, origin) == [("chat", origin)]


def test_a_reminder_from_elsewhere_goes_to_the_chat_that_was_used_last() -> None:
    ada = user()
    chat(ada, last_used_at=later(-60))
    latest = chat(ada, address=CONSOLE, last_used_at=later(-30))
    chat(ada, "101", logged_in=False)
    assert fired(ada) == [("chat", latest)]


def test_a_reminder_never_goes_to_a_chat_where_another_user_is_logged_in() -> None:
    ada, bob = user(), user()
    taken = chat(ada, logged_in=False)
    chat(bob)
    other = chat(ada, address=CONSOLE, last_used_at=later(-9999))
    assert fired(ada, taken) == [("chat", other)]


def test_every_channel_that_is_switched_on_gets_its_own_delivery() -> None:
    ada = user()
    home = chat(ada)
    channels(ada, WEBHOOK, "ada-tea")
    assert fired(ada) == [("chat", home), ("discord_webhook", None), ("ntfy", None)]


def test_a_reminder_that_can_reach_nobody_is_kept_as_a_dead_letter() -> None:
    ada, bob = user(), user()
    chat(ada, logged_in=False)
    chat(bob)
    assert fired(ada) == []
    (row,) = deliveries(user_uuid=ada)
    assert (row["state"], row["last_error"]) == ("dead", reminders.NO_CHANNEL)
    assert row["settled_at"] == NOW


# Several processes at once


def test_several_fire_at_once_and_each_reminder_fires_once() -> None:
    ada = user()
    chat(ada)
    for number in range(40):
        remind(ada, subject=f"tea {number}")
    start = Barrier(4)

    def fire(_: int) -> int:
        start.wait()
        fired = 0
        while number := reminders.fire_due(NOW, limit=5):
            fired += number
        return fired

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(fire, range(4))) == 40
    assert count("deliveries") == 40
