"""Lists, from what is said to the row and back."""

from core.postgres import count, select
from tests.support.chat import Person


async def test_making_a_list(chat: Person) -> None:
    assert await chat.say("make a list called Shopping") == "Made the list **Shopping**."
    assert await chat.say("make me a packing list") == "Made the list **packing**."
    assert "already" in await chat.say("create a new list named shopping")
    assert [row["name"] for row in select("task_lists", order_by="created_at")] == [
        "Shopping",
        "packing",
    ]


async def test_showing_the_lists(chat: Person) -> None:
    assert await chat.say("show my lists") == "You have no lists yet."
    await chat.say("add milk to my shopping list")
    await chat.say("add bread to my shopping list")
    await chat.say("complete milk")
    assert await chat.say("which lists do i have?") == (
        "Your lists:\n• **shopping**: 1 to do, 1 done"
    )


async def test_emptying_is_confirmed_and_keeps_the_list(chat: Person) -> None:
    await chat.say("add milk to my shopping list")
    await chat.say("remind me to buy bread tomorrow at 5pm")
    await chat.say("move buy bread to my shopping list")
    assert await chat.say("empty my shopping list") == (
        "Delete 2 tasks on **shopping**? (yes or no)"
    )
    assert await chat.say("no") == "All right, nothing was deleted."
    assert count("tasks") == 2
    await chat.say("clear the shopping list")
    assert await chat.say("yes") == "Deleted 2 tasks. **shopping** is empty now."
    assert (count("tasks"), count("reminders"), count("task_lists")) == (0, 0, 2)


async def test_deleting_is_confirmed_and_takes_the_tasks_along(chat: Person) -> None:
    await chat.say("add milk to my shopping list")
    assert await chat.say("delete my shopping list") == (
        "Delete the list **shopping** with 1 task? (yes or no)"
    )
    assert await chat.say("no") == "All right, it stays."
    await chat.say("remove the shopping list")
    assert await chat.say("yes") == "Deleted the list **shopping**."
    assert (count("tasks"), count("task_lists")) == (0, 0)


async def test_a_list_that_is_not_there(chat: Person) -> None:
    assert await chat.say("empty my shopping list") == "You have no list yet."
    await chat.say("make a list called groceries")
    assert await chat.say("delete my shopping list") == "You have no list called **shopping**."


async def test_everything_on_a_list_is_ticked_off_and_may_be_taken_back(chat: Person) -> None:
    for name in ("milk", "bread", "eggs"):
        await chat.say(f"add {name} to my shopping list")
    await chat.say("add call mum to my tasks")
    await chat.say("complete bread")
    answer = await chat.say("tick everything on my shopping list off")
    assert answer == "Done: 2 tasks on **shopping**."
    assert "milk" not in await chat.say("show my tasks")
    assert await chat.say("undo") == "**shopping** is as it was before."
    answer = await chat.say("show my shopping list")
    assert "milk" in answer
    assert "eggs" in answer
    assert "bread" not in answer


async def test_ticking_off_a_list_with_nothing_to_do(chat: Person) -> None:
    await chat.say("make a list called shopping")
    answer = await chat.say("complete everything on the shopping list")
    assert answer == "Done: no tasks on **shopping**."


async def test_an_empty_list_is_not_emptied(chat: Person) -> None:
    await chat.say("make a list called shopping")
    assert await chat.say("empty my shopping list") == "**shopping** is empty already."


async def test_renaming_a_list(chat: Person) -> None:
    await chat.say("add milk to my shopping list")
    await chat.say("make a list called work")
    assert await chat.say("rename my shopping list to groceries") == (
        "**shopping** is called **groceries** now."
    )
    assert "**milk**" in await chat.say("show groceries list")
    assert "already" in await chat.say("rename the groceries list to Work")
    assert "is called **Groceries**" in await chat.say("rename the groceries list to Groceries")
    assert "called **groceries** again" in await chat.say("undo")


async def test_a_list_may_be_called_as_one_s_tasks_are(chat: Person) -> None:
    assert "list's name" in await chat.say("make a new list")
    assert await chat.say("todos") == "Made the list **todos**."


async def test_what_is_nearly_said_of_a_list_is_offered_where_there_is_one(chat: Person) -> None:
    assert "did not understand" in await chat.say("what's on tv")
    assert "add “milk” to your “groceries” list" in await chat.say("add milk to groceries")
    await chat.say("yes")
    assert "did not understand" in await chat.say("add insult to injury")
    assert "did not understand" in await chat.say("share a taxi with bob")
    assert "share your “groceries” list with “bob”" in await chat.say("share groceries with bob")
    await chat.say("no")
    assert "Do you mean" in await chat.say("what's on groceries?")
    assert await chat.say("yes") == "**groceries**:\n• **milk**"
    assert await chat.say("erase the whiteboard"), "there is none"
    assert await chat.say("list my tasks") == "**groceries**:\n• **milk**"
