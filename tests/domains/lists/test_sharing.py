"""Lists that people share, from what is said to the row and back."""

import pytest

from core.postgres import select
from core.users import delete_user, get_user_uuid
from tests.support.api import Caller
from tests.support.chat import Person, World


@pytest.fixture
async def bob(world: World) -> Person:
    return await world.user("bob")


async def shared(chat: Person, bob: Person, role: str = "editor") -> None:
    await chat.say("add milk to my shopping list")
    assert "can accept" in await chat.say(f"share my shopping list with bob as {role}")
    assert "share **shopping** with **ada**" in await bob.say("accept the shopping list")


async def test_two_people_see_one_list(chat: Person, bob: Person) -> None:
    await chat.say("add milk to my shopping list")
    told = await chat.say("share the shopping list with bob")
    assert told == (
        "**bob** can accept within a week, by saying to me “accept the shopping list”. "
        "Then **shopping** is for you both."
    )
    assert await bob.say("show my lists") == "You have no lists yet."
    assert (
        await bob.say("what am i invited to?") == "You are invited to:\n• **shopping**, by **ada**"
    )
    await bob.say("accept the invitation")
    assert await bob.say("show my lists") == "Your lists:\n• **shopping** (ada's): 1 to do, 0 done"
    assert await bob.say("add bread to my shopping list") == "Added **bread** to **shopping**."
    assert await bob.say("show the shopping list") == "**shopping**:\n• **milk** (ada)\n• **bread**"
    assert (
        await chat.say("show the shopping list") == "**shopping**:\n• **milk**\n• **bread** (bob)"
    )
    assert "Done: **bread**" in await chat.say("complete bread")
    assert "Done: **milk**" in await bob.say("i bought milk")
    assert (
        await chat.say("show my lists") == "Your lists:\n• **shopping** (shared): 0 to do, 2 done"
    )


async def test_who_is_on_it_and_how_it_ends(chat: Person, bob: Person) -> None:
    await shared(chat, bob)
    await chat.say("share my shopping list with carl")
    assert await bob.say("who is on the shopping list") == (
        "**shopping** is **ada**'s, and shared with:\n"
        "• **bob**\n• **carl**, who has not accepted yet"
    )
    assert "**carl** is not invited any more" in await chat.say("undo")
    await bob.say("add bread to my shopping list")
    assert "Leave the list shopping?" in await bob.say("leave the shopping list")
    assert await bob.say("yes") == "You have left **shopping** (ada's)."
    assert await bob.say("list my tasks") == "You have nothing to do."
    assert "**bread**" in await chat.say("show the shopping list")
    assert await chat.say("who is on my shopping list") == "**shopping** is yours alone."


async def test_an_owner_ends_it(chat: Person, bob: Person) -> None:
    await shared(chat, bob)
    assert await chat.say("stop sharing my shopping list with bob") == (
        "**bob** no longer shares **shopping**."
    )
    assert await bob.say("show my lists") == "You have no lists yet."
    assert "is your own list" in await chat.say("leave the shopping list") + await chat.say("yes")


async def test_a_viewer_only_looks(chat: Person, bob: Person) -> None:
    await shared(chat, bob, "viewer")
    assert "**milk**" in await bob.say("show the shopping list")
    assert "only editors" in await bob.say("add bread to my shopping list")
    assert "shared with you" in await bob.say("complete milk")
    assert await chat.say("show the shopping list") == "**shopping**:\n• **milk**"


async def test_an_invitation_is_declined(chat: Person, bob: Person) -> None:
    await chat.say("add milk to my shopping list")
    await chat.say("share my shopping list with bob")
    assert await bob.say("decline the shopping list") == "You declined **shopping**."
    assert await bob.say("accept the shopping list") == "Nobody has invited you to a list."


async def test_lists_of_one_name_are_told_apart(chat: Person, bob: Person) -> None:
    await bob.say("add soap to my shopping list")
    await shared(chat, bob)
    await bob.say("add bread to my shopping list")  # one's own comes first
    assert "**bread**" not in await chat.say("show the shopping list")
    assert "Which list do you mean?" in await bob.say("show the shopping list")
    assert "**milk** (ada)" in await bob.say("2")


async def test_reminders_go_to_who_set_them(chat: Person, bob: Person) -> None:
    await shared(chat, bob)
    await bob.say("remind me to buy bread tomorrow at 5pm")
    await bob.say("move buy bread to my shopping list")
    await chat.say("rename buy bread to buy rye bread")
    chat.world.clock.move_to("tomorrow 17:00")
    assert await bob.next_message() == "Reminder: buy rye bread"
    assert len(select("deliveries")) == 1


async def test_nothing_is_left_of_a_list_whose_owner_is_gone(chat: Person, bob: Person) -> None:
    await shared(chat, bob)
    await bob.say("add bread to my shopping list")
    delete_user(get_user_uuid("ada"))
    assert await bob.say("show my lists") == "You have no lists yet."
    assert await bob.say("list my tasks") == "You have nothing to do."


async def test_a_question_that_is_open_when_one_is_removed(chat: Person, bob: Person) -> None:
    await shared(chat, bob)
    assert "(yes or no)" in await bob.say("empty my shopping list")
    await chat.say("stop sharing my shopping list with bob")
    assert "no such" in (await bob.say("yes")).lower() or select("tasks")
    assert [row["name"] for row in select("tasks")] == ["milk"]


async def test_who_is_removed_undoes_nothing_any_more(chat: Person, bob: Person) -> None:
    await shared(chat, bob)
    await bob.say("add bread to my shopping list")
    await chat.say("stop sharing my shopping list with bob")
    told = await bob.say("undo")
    assert "Removed" not in told, told
    assert sorted(row["name"] for row in select("tasks")) == ["bread", "milk"]
    assert "**bread**" in await chat.say("show the shopping list")


def test_what_people_put_on_their_tasks_stays_theirs(ada: Caller, ben: Caller) -> None:
    list_id = ada.post("/api/tasks", {"name": "milk"}).json["list_id"]
    invited = ada.post(f"/api/lists/{list_id}/members", {"username": "ben"}).json["id"]
    assert ben.put(f"/api/lists/invitations/{invited}").status_code == 200
    ben.post("/api/tasks", {"name": "see a doctor"})
    ben.post("/api/tasks", {"name": "bread", "list": "ada's tasks"})
    assert [row["name"] for row in ada.get("/api/tasks").json] == ["milk", "bread"]
