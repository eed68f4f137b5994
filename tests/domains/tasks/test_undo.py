"""Taking back the last change."""

from typing import Any

import pytest

from bot.api.client import ApiAway, ApiClient
from core.postgres import count, select
from tests.domains.tasks.test_tasks import stored
from tests.support.chat import Person, World
from tests.support.waiting import Clock

TASK = ("tasks", "milk", "2030-03-05T17:00")


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (["complete milk"], "**milk** is still to do."),
        (["rename milk to oat milk"], "**milk** has its old name again."),
        (["move milk to my shopping list"], "**milk** is on **tasks** again."),
        (["set milk due friday at 9am"], "**milk** is as it was before."),
        (["forget the due time of milk"], "**milk** is due again."),
        (["delete the task milk", "yes"], "**milk** is back."),
    ],
)
async def test_a_change_of_a_task_is_taken_back(chat: Person, order: list[str], told: str) -> None:
    await chat.say("remind me to milk tomorrow at 5pm")
    for said in order:
        await chat.say(said)
    assert await chat.say("undo that") == told
    assert stored() == [TASK]
    assert count("tasks", {"done": False}) == 1
    assert count("reminders", {"fired_at": None}) == 1


async def test_what_was_added_is_taken_off(chat: Person) -> None:
    await chat.say("add milk to my shopping list")
    assert await chat.say("undo") == "**milk** is off your tasks again."
    assert count("tasks") == 0


async def test_a_list_is_unmade_only_while_it_is_empty(chat: Person) -> None:
    await chat.say("make a list called shopping")
    assert await chat.say("undo") == "**shopping** is gone again."
    assert count("task_lists") == 0


async def test_a_done_task_comes_back_done(chat: Person) -> None:
    await chat.say("add milk to my tasks")
    await chat.say("complete milk")
    await chat.say("delete the task milk")
    await chat.say("yes")
    assert await chat.say("undo") == "**milk** is back."
    assert [row["done"] for row in select("tasks")] == [True]


async def test_an_old_reminder_is_not_sent_again(chat: Person, clock: Clock) -> None:
    await chat.say("remind me to milk tomorrow at 5pm")
    clock.move_to("wednesday 9:00")
    await chat.next_message()
    await chat.say("delete the task milk")
    await chat.say("yes")
    await chat.say("undo")
    assert stored() == [("tasks", "milk", None)]


NOTHING = "There is nothing to undo: I can take back the last change only."


async def test_only_the_last_change_is_taken_back_and_once(chat: Person) -> None:
    assert await chat.say("undo") == NOTHING
    await chat.say("add milk to my tasks")
    await chat.say("add eggs to my tasks")
    await chat.say("list my tasks")
    assert await chat.say("undo") == "**eggs** is off your tasks again."
    assert await chat.say("undo") == NOTHING
    assert [row["name"] for row in select("tasks")] == ["milk"]


async def test_a_change_that_can_not_be_undone_hides_the_one_before(chat: Person) -> None:
    await chat.say("add milk to my tasks")
    await chat.say("my time zone is Europe/Berlin")
    assert await chat.say("undo") == NOTHING
    assert len(stored()) == 1


async def test_an_undo_expires(chat: Person, clock: Clock) -> None:
    await chat.say("add milk to my tasks")
    clock.forward(minutes=16)
    assert await chat.say("undo") == NOTHING


async def test_an_undo_waits_for_the_api(world, chat: Person) -> None:  # noqa: ANN001
    await chat.say("add milk to my tasks")
    async with world.api_away():
        assert "can't reach" in await chat.say("undo")
    assert await chat.say("undo") == "**milk** is off your tasks again."


async def test_an_undo_that_is_tried_again_makes_its_row_once(
    world: World, chat: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await chat.say("add milk to my tasks")
    await chat.say("delete milk")
    await chat.say("yes")
    request, lost = ApiClient.request, []

    async def losing(api: ApiClient, method: str, path: str, **more: Any) -> Any:  # noqa: ANN401
        answer = await request(api, method, path, **more)
        if method == "POST" and path == "/api/tasks" and not lost:
            lost.append(answer)
            raise ApiAway
        return answer

    monkeypatch.setattr(ApiClient, "request", losing)
    assert "can't reach" in await chat.say("undo")
    assert await chat.say("undo") == "**milk** is back."
    assert len(stored()) == 1


async def test_ticking_off_a_list_with_a_task_that_repeats_is_undone(chat: Person) -> None:
    await chat.say("add stretch to my sport list")
    await chat.say("set stretch due every day at 9")
    (before,) = select("reminders")
    await chat.say("complete everything on my sport list")
    assert select("reminders")[0]["due_at"] > before["due_at"]
    await chat.say("undo")
    assert select("reminders")[0]["due_at"] == before["due_at"]


async def test_what_one_order_added_is_taken_off_together(chat: Person) -> None:
    await chat.say("add tea to my tasks")
    await chat.say("add milk, eggs and bread to the shopping list")
    assert len(stored()) == 4
    answer = await chat.say("undo")
    assert [name in answer for name in ("milk", "eggs", "bread", "tea")] == [True] * 3 + [False]
    assert len(stored()) == 1
    assert "nothing to undo" in await chat.say("undo")


async def test_what_is_left_of_an_undo_is_done_when_it_is_tried_again(
    chat: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await chat.say("add milk, eggs and bread to the shopping list")
    request, calls = ApiClient.request, []

    async def failing(api: ApiClient, method: str, path: str, **more: Any) -> Any:  # noqa: ANN401
        if method == "DELETE":
            calls.append(path)
            if len(calls) == 2:
                raise ApiAway
        return await request(api, method, path, **more)

    monkeypatch.setattr(ApiClient, "request", failing)
    assert "can't reach" in await chat.say("undo")
    assert len(stored()) == 2
    await chat.say("undo")
    assert stored() == []
