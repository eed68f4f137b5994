"""Messages of agents that were removed go another way to their user, or end with a reason."""

from uuid import UUID

import pytest

from core import agents, reminders
from core.deliveries import dead_letters, queue
from core.deliveries.rerouting import PATIENCE, end_stranded
from core.deliveries.routing import SCHEDULER, bot_at
from core.postgres import insert, update
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

LATER = NOW + PATIENCE
HELPER = ("discord", "helper")
OTHER = ("discord", "other")
WHY = "the agent helper, which was to send it, is not there any more"

pytestmark = pytest.mark.usefixtures("database")


def agent(name: str, **columns: object) -> None:
    row = {"name": name, "type": "commands", "token_ref": f"env:{name}", "answers": {}}
    insert("agents", {**row, "settings": {}, **columns})


def at_helper(owner: UUID, **columns: object) -> UUID:
    """Have a message wait for the agent, and return the id."""
    home = chat(owner, address=HELPER)
    return waiting(owner, "chat", chat_account_id=home, **columns)


def expansions(owner: UUID) -> list[tuple[str, str, str]]:
    return [(row["channel"], row["sender"], row["state"]) for row in deliveries(user_uuid=owner)]


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("state", ["waiting", "held"])
def test_without_another_way_a_message_ends_with_a_plain_reason(state: str, others: bool) -> None:
    agent("helper")
    if others:
        agent("other")
    letter = at_helper(user(), state=state)
    assert end_stranded(LATER) == 0
    agents.remove("helper")
    assert end_stranded(later(PATIENCE.total_seconds() - 1)) == 0
    assert end_stranded(LATER) == 1
    (row,) = dead_letters.find("dead", 10)
    assert (row["id"], row["last_error"], row["settled_at"]) == (letter, WHY, LATER)
    assert end_stranded(LATER) == 0


def test_it_goes_to_the_chat_with_another_agent() -> None:
    agent("other")
    ada = user()
    letter = at_helper(ada, attempts=3)
    home = chat(ada, address=OTHER)
    channels(ada, topic="ada")
    assert end_stranded(LATER) == 1
    (row,) = queue.claim([bot_at(OTHER)], LATER)
    assert (row["id"], row["target"], row["attempts"]) == (letter, "100", 0)
    assert deliveries()[0]["chat_account_id"] == home
    assert end_stranded(LATER + PATIENCE) == 0


def test_it_goes_from_a_chat_over_the_api_whose_agent_was_removed() -> None:
    agent("shop")
    ada, ben, eve = user(), user(), user()
    for owner, name in ((ada, "shop"), (ben, "default"), (eve, f"trial:{eve.hex}")):
        home = chat(owner, owner.hex, ("web", name))
        waiting(owner, "chat", chat_account_id=home)
    chat(ada, ada.hex, ("web", "default"))
    assert end_stranded(LATER) == 0
    agents.remove("shop")
    assert end_stranded(LATER) == 1
    assert expansions(ada) == [("chat", "web/default", "waiting")]
    reminders.set_reminder(ada, "tea", "tea", NOW)
    assert reminders.fire_due(NOW) == 1
    assert expansions(ada)[-1] == ("chat", "web/default", "waiting")


def test_it_goes_to_a_channel_unless_it_went_there_already() -> None:
    ada, ben = user(), user()
    for owner in (ada, ben):
        channels(owner, topic="both")
        at_helper(owner, subject="tasks:1")
    waiting(ben, "ntfy", subject="tasks:1", state="sent")
    assert end_stranded(LATER) == 2
    assert expansions(ada) == [("ntfy", SCHEDULER, "waiting")]
    assert expansions(ben) == [("chat", bot_at(HELPER), "dead"), ("ntfy", SCHEDULER, "sent")]


def test_it_is_held_for_a_chat_that_the_person_has_blocked() -> None:
    ada = user()
    at_helper(ada)
    home = chat(ada)
    update("chat_accounts", {"blocked_at": NOW}, {"id": home})
    assert end_stranded(LATER) == 1
    assert expansions(ada) == [("chat", bot_at(DISCORD), "held")]
    assert deliveries()[0]["chat_account_id"] == home


def test_it_does_not_go_from_one_removed_agent_to_another() -> None:
    ada = user()
    at_helper(ada)
    chat(ada, address=OTHER)
    assert end_stranded(LATER) == 1
    assert expansions(ada) == [("chat", bot_at(HELPER), "dead")]


def test_portions_end_all() -> None:
    for _ in range(5):
        at_helper(user())
    assert end_stranded(LATER, limit=2) == 5
    assert {row["state"] for row in deliveries()} == {"dead"}


def test_what_is_being_sent_is_left_alone() -> None:
    at_helper(user())
    (row,) = queue.claim([bot_at(HELPER)], LATER, lease_seconds=60)
    assert end_stranded(LATER) == 0
    assert queue.settle(row["id"], row["lease_id"], "sent", now=LATER)


def stays(address: tuple[str, str]) -> bool:
    ada = user()
    waiting(ada, "chat", chat_account_id=chat(ada, address=address))
    return end_stranded(LATER) == 0


def test_agents_that_come_again_are_waited_for() -> None:
    assert stays(CONSOLE), "consoles are opened when somebody wants one"
    assert stays(DISCORD), "the one of the environment has no row"


def test_agents_that_do_not_run_now_are_waited_for() -> None:
    agent("disabled", enabled=False)
    assert stays(("discord", "disabled"))
    insert("bot_processes", {"process": "first", "beat": UUID(int=1), "capacity": 1})
    insert("agent_leases", {"agent": "helper", "holder": "first"})
    assert stays(HELPER), "it is still being stopped"


def test_the_environments_agent_is_gone_where_there_are_others() -> None:
    agent("other")
    assert not stays(DISCORD)


# What falls due afterwards


def test_a_reminder_goes_to_no_removed_agent_not_even_where_it_came_from() -> None:
    agent("other")
    ada, ben = user(), user()
    origin = chat(ada, address=HELPER, last_used_at=later(9))
    chat(ada, address=OTHER)
    chat(ben, address=HELPER)
    for owner in (ada, ben):
        reminders.set_reminder(owner, "tea", "tea", NOW, origin if owner == ada else None)
    assert reminders.fire_due(NOW) == 2
    assert expansions(ada) == [("chat", bot_at(OTHER), "waiting")]
    (row,) = dead_letters.find("dead", 10)
    assert row["last_error"] == reminders.NO_CHANNEL


def test_a_program_that_brings_its_own_bot_gets_what_falls_due() -> None:
    ada = user()
    chat(ada, address=HELPER)
    reminders.set_reminder(ada, "tea", "tea", NOW)
    assert reminders.fire_due(NOW) == 1
    assert len(queue.claim([bot_at(HELPER)], NOW)) == 1
