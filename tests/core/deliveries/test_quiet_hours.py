"""Quiet hours, channels that end, and the digest: what becomes of deliveries on their way."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core import reminders
from core.deliveries import queue
from core.deliveries.channel_failures import unblock
from core.deliveries.routing import SCHEDULER, bot_at
from core.notifications import get_notification_settings, set_notification_settings
from core.postgres import select_one, update
from core.reminders.digest import DAILY, DIGEST, NOTHING, TITLE
from tests.support.people import CONSOLE, DISCORD, channels, chat, deliveries, user, waiting

pytestmark = pytest.mark.usefixtures("database")

NIGHT = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)  # 23:30 in Berlin
MORNING = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)  # 7:00 there
HERE = [SCHEDULER]


def sleeper(begins: str = "22:00", ends: str = "07:00") -> UUID:
    """Return a user in Berlin with an ntfy topic and quiet hours."""
    ada = user(time_zone="Europe/Berlin")
    channels(ada, topic="ada")
    set_notification_settings(ada, {"quiet_from": begins, "quiet_to": ends})
    return ada


def claimed(now: datetime) -> list[str]:
    return [row["text"] for row in queue.claim(HERE, now)]


def test_what_repeats_waits_for_the_end_of_quiet_hours() -> None:
    ada = sleeper()
    reminders.set_reminder(ada, "water", "water", NIGHT, rule="FREQ=HOURLY;INTERVAL=12")
    assert reminders.fire_due(NIGHT) == 1
    assert claimed(NIGHT) == []
    assert queue.next_delivery(HERE, NIGHT) == MORNING
    assert claimed(MORNING) == ["water (late: it was due 7 hours ago)"]


def test_what_was_set_once_for_a_time_in_quiet_hours_comes_at_that_time() -> None:
    reminders.set_reminder(sleeper(), "pills", "pills", NIGHT)
    reminders.fire_due(NIGHT)
    assert claimed(NIGHT) == ["pills"]


def test_what_is_late_waits_although_it_was_set_once() -> None:
    ada = sleeper()
    reminders.set_reminder(ada, "tea", "tea", NIGHT - timedelta(hours=3))
    reminders.fire_due(NIGHT)
    assert claimed(NIGHT) == []
    waiting(ada, due_at=NIGHT - timedelta(hours=3), next_attempt_at=NIGHT, any_hour=True)
    assert claimed(NIGHT) == []  # fired in time, but not sent while nothing ran
    assert len(claimed(MORNING)) == 2


@pytest.mark.parametrize(
    ("begins", "ends", "hour", "until"),
    [
        ("22:00", "07:00", 22, 7),
        ("22:00", "07:00", 3, 7),
        ("22:00", "07:00", 7, None),
        ("22:00", "07:00", 12, None),
        ("12:00", "14:00", 12, 14),
        ("12:00", "14:00", 14, None),
        ("12:00", "14:00", 11, None),
    ],
)
def test_quiet_hours_may_go_over_midnight(
    begins: str, ends: str, hour: int, until: int | None
) -> None:
    ada = sleeper(begins, ends)
    update("users", {"time_zone": "UTC"}, {"id": ada})
    now = datetime(2026, 3, 2, hour, 0, tzinfo=UTC)
    waiting(ada, due_at=now, next_attempt_at=now)
    assert bool(claimed(now)) is (until is None)
    if until is not None:
        following = queue.next_delivery(HERE, now)
        assert following is not None
        assert (following.hour, following > now) == (until, True)


# Channels that end


def settle_off(sender: str, now: datetime, error: str = "gone") -> None:
    for row in queue.claim([sender], now):
        assert queue.settle(row["id"], row["lease_id"], "failed", error, off=True, now=now)


def test_a_channel_that_is_gone_is_off_and_its_user_is_told_once_elsewhere() -> None:
    ada = user()
    home = chat(ada)
    channels(ada, topic="ada")
    for _ in range(3):
        waiting(ada, due_at=NIGHT, next_attempt_at=NIGHT)
    settle_off(SCHEDULER, NIGHT, "the receiver answered 403")
    row = get_notification_settings(ada)
    assert row
    assert row["ntfy_enabled"] is False
    assert {one["state"] for one in deliveries(channel="ntfy")} == {"dead"}
    (told,) = deliveries(channel="chat")
    assert told["text"] == "I turned your ntfy topic off: the receiver answered 403."
    assert (told["chat_account_id"], told["state"]) == (home, "waiting")


def test_who_blocks_the_bot_is_told_in_another_chat() -> None:
    ada = user()
    blocked, other = chat(ada), chat(ada, address=CONSOLE)
    waiting(ada, "chat", chat_account_id=blocked, due_at=NIGHT, next_attempt_at=NIGHT)
    settle_off(bot_at(DISCORD), NIGHT)
    (told,) = deliveries(state="waiting")
    assert (told["chat_account_id"], "I can't write to you" in told["text"]) == (other, True)
    reminders.set_reminder(ada, "tea", "tea", NIGHT, blocked)
    reminders.fire_due(NIGHT)
    assert deliveries(text="tea")[0]["chat_account_id"] == other


def test_what_can_reach_nobody_is_held_until_the_person_writes() -> None:
    ada = user()
    home = chat(ada)
    waiting(ada, "chat", chat_account_id=home, due_at=NIGHT, next_attempt_at=NIGHT)
    settle_off(bot_at(DISCORD), NIGHT)
    reminders.set_reminder(ada, "tea", "tea", NIGHT)
    reminders.fire_due(NIGHT)
    assert [row["state"] for row in deliveries()] == ["held", "held"]
    unblock(home, MORNING)
    assert len(queue.claim([bot_at(DISCORD)], MORNING)) == 2
    row = select_one("chat_accounts", {"id": home})
    assert row is not None
    assert row["blocked_at"] is None


# The digest, retention


def test_a_digest_lists_the_day_on_the_users_clock() -> None:
    ada = user(time_zone="Europe/Berlin")
    channels(ada, topic="ada")
    reminders.set_reminder(ada, DIGEST, TITLE, MORNING, rule=DAILY)
    reminders.fire_due(MORNING)
    for hours, name in ((2, "call mum"), (5, "tea"), (30, "too far")):
        due = MORNING + timedelta(days=1, hours=hours)
        reminders.set_reminder(ada, name, f"Reminder: {name}", due)
    tomorrow = MORNING + timedelta(days=1)
    reminders.fire_due(tomorrow)
    texts = {row["due_at"]: row["text"] for row in deliveries()}
    assert texts == {MORNING: NOTHING, tomorrow: "Your day:\n• 09:00 call mum\n• 12:00 tea"}


def test_what_was_sent_long_ago_is_deleted_and_nothing_else() -> None:
    ada = user()
    for days, state in ((40, "sent"), (40, "dead"), (20, "sent"), (40, "sent")):
        moment = NIGHT - timedelta(days=days)
        waiting(ada, state=state, settled_at=moment)
    assert queue.forget_sent(NIGHT - timedelta(days=30), limit=1) == 2
    assert sorted(row["state"] for row in deliveries()) == ["dead", "sent"]


def test_what_was_missed_comes_once_for_each_that_repeats() -> None:
    ada = user()
    channels(ada, topic="ada")
    reminders.set_reminder(ada, "daily", "daily", NIGHT, rule="FREQ=DAILY")
    week_later = NIGHT + timedelta(days=7, hours=1)
    assert [reminders.fire_due(week_later) for _ in range(3)] == [1, 0, 0]
    assert claimed(week_later) == ["daily (late: it was due 7 days ago)"]
    assert reminders.next_reminder(week_later) == NIGHT + timedelta(days=8)
    assert reminders.fire_due(NIGHT) == 0  # a clock that is set back repeats nothing
