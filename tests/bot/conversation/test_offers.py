"""Orders that are near but not certain: offered, and carried out after a yes alone."""

import json
from typing import Any

import pytest

from bot.conversation.executor import REFUSED
from bot.conversation.handler import EXPIRED, TIMED_OUT
from bot.framework.context import Message
from bot.messages import Incoming, Session
from tests.support.chat import Person, World
from tests.support.model_server import ModelServer
from tests.support.shop import model, shop


@pytest.fixture
async def offered(world: World, chat: Person, model_server: ModelServer) -> Person:
    """Somebody who was offered to wait: no word of theirs says so."""
    await world.know(shop, model=model(model_server))
    model_server.replies({"command": "shop.wait"})
    assert await chat.say("hmm, sprockets!") == "Do you mean: wait? (yes or no)"
    assert chat.buttons == ["Yes", "No"]
    return chat


async def test_a_command_of_which_nothing_was_said_waits_for_a_yes(offered: Person) -> None:
    assert await offered.say("Yes!") == "Waiting …"
    assert "not waiting" in await offered.say("yes")


@pytest.mark.parametrize("word", ["no", "Nope.", "nein"])
async def test_a_no_does_nothing(offered: Person, word: str) -> None:
    assert await offered.say(word) == REFUSED
    assert "not waiting" in await offered.say("yes")


async def test_what_one_has_is_offered_and_what_one_has_not_is_not_understood(
    world: World, chat: Person
) -> None:
    assert "did not understand" in await chat.say("I ran the gauntlet")
    await chat.say("add walk the dog to my errands")
    assert "did not understand" in await chat.say("I ran the gauntlet")
    assert await chat.say("I ran the dog") == (
        "Do you mean: complete the errand “the dog”? (yes or no)"
    )
    assert await chat.say("yes") == "Done: **walk the dog**."
    async with world.api_away():
        assert "Do you mean" in await chat.say("I ran the gauntlet")  # nobody can tell


async def test_what_one_has_may_be_named_in_another_message(world: World, chat: Person) -> None:
    await chat.say("add walk the dog to my errands")
    for other, answer in (("walk the dog", "Do you mean"), ("a marathon", "did not understand")):
        await world.answer(Incoming(chat.address, "dm", "i ran this", quoted=other), chat)
        assert answer in chat.replies[-1]
        await chat.say("never mind")


async def test_a_sure_order_about_what_is_not_there_changes_nothing(chat: Person) -> None:
    await chat.say("add milk to my errands")
    assert (
        await chat.say("expunge the whiteboard")
        == "You have no open errand called **the whiteboard**."
    )
    assert "milk" in await chat.say("list my errands")


@pytest.mark.parametrize(
    ("has", "says", "answer"),
    [
        ("the cake", "no more need for the cake", "Deleted **the cake**."),
        # The offer did not name what is deleted:
        ("walk the dog", "no more need for the dog", "Delete **walk the dog**? (yes or no)"),
    ],
)
async def test_a_yes_to_an_offer_is_asked_for_once_where_it_named_what_is_lost(
    chat: Person, has: str, says: str, answer: str
) -> None:
    await chat.say(f"add {has} to my errands")
    assert "Do you mean: delete the errand" in await chat.say(says)
    assert await chat.say("yes") == answer


async def test_a_yes_to_an_offer_says_nothing_of_another_order(chat: Person) -> None:
    await chat.say("add the cake to my errands")
    assert "Do you mean" in await chat.say("no more need for the cake")
    assert await chat.say("no") == REFUSED
    assert await chat.say("expunge cake") == "Delete **the cake**? (yes or no)"


async def test_an_offer_can_be_called_off(offered: Person) -> None:
    assert await offered.say("never mind") == "All right, I've dropped that."


async def test_what_is_neither_yes_nor_no_takes_the_offers_place(
    offered: Person, model_server: ModelServer
) -> None:
    model_server.replies({"needs_clarification": "Pardon?"})
    assert await offered.say("what do bees dream of at night") == "Pardon?"
    assert "Waiting" not in await offered.say("yes")


async def test_an_order_takes_the_offers_place_and_ends_it(offered: Person) -> None:
    assert await offered.say("order 3 apples") == "3 small apples"
    assert "not waiting" in await offered.say("yes")


async def test_a_yes_about_another_message_is_not_taken(
    offered: Person, world: World, model_server: ModelServer
) -> None:
    model_server.replies({"needs_clarification": "Pardon?"})
    said = Incoming(offered.address, "dm", "yes", quoted="Shall we delete it all?")
    await world.answer(said, offered)
    assert "Waiting" not in offered.replies[-1]
    stale = Incoming(offered.address, "dm", "yes", answers="12345678")
    await world.answer(stale, offered)
    assert offered.replies[-1] == EXPIRED


async def test_a_yes_after_a_restart_does_nothing(offered: Person, world: World) -> None:
    await world.restart()
    await world.answer(Incoming(offered.address, "dm", "yes", answers="12345678"), offered)
    assert offered.replies[-1] == EXPIRED
    assert "not waiting" in await offered.say("yes")


async def test_an_offer_lapses(world: World, chat: Person, model_server: ModelServer) -> None:
    world.settings = world.settings.model_copy(update={"login_timeout_seconds": 0.05})
    await world.restart()
    await world.know(shop, model=model(model_server))
    model_server.replies({"command": "shop.wait"})
    assert "Do you mean" in await chat.say("hmm, sprockets!")
    await chat.leave_unanswered()
    answer = await chat.say("yes")
    assert TIMED_OUT in answer
    assert "Waiting" not in answer


async def test_what_somebody_else_says_answers_no_offer(
    offered: Person, world: World, stranger: Person
) -> None:
    await stranger.register("ben")
    assert "not waiting" in await stranger.say("yes")
    assert await offered.say("yes") == "Waiting …"


@pytest.mark.parametrize(
    "said", ["wait, will you", "would you mind waiting", "apples for the cellar"]
)
async def test_a_command_that_was_spoken_of_is_carried_out(
    world: World, chat: Person, model_server: ModelServer, said: str
) -> None:
    await world.know(shop, model=model(model_server))
    order = (
        {"command": "shop.order", "thing": "apples"}
        if "apples" in said
        else {"command": "shop.wait"}
    )
    model_server.replies(order)
    assert "Do you mean" not in await chat.say(said)


async def test_an_offer_of_several_orders_says_them_all(
    world: World, chat: Person, model_server: ModelServer
) -> None:
    await world.know(shop, model=model(model_server))
    model_server.replies(
        '{"commands": [{"command": "shop.order", "thing": "plums"}, {"command": "shop.leave"}]}'
    )
    answer = await chat.say("plums, then sprockets")
    assert answer == "Do you mean: order (“plums”), and leave the shop? (yes or no)"


async def test_an_offer_may_hold_the_order_of_a_raw_handler(
    world: World, chat: Person, model_server: ModelServer
) -> None:
    registry = await world.know(shop, model=model(model_server))

    async def handler(message: Message, session: Session, parsed: dict[str, Any]) -> str:
        return f"Logged {parsed['what']}."

    registry.register_module("habit", handler)
    habit = {"interaction_type": "habit", "action": "log", "what": "water"}
    model_server.replies(json.dumps({"commands": [habit, {"command": "shop.wait"}]}))
    asked = await chat.say("water, then sprockets")
    assert asked == "Do you mean: habit log, and wait? (yes or no)"
    assert await chat.say("yes") == "Logged water.\nWaiting …"
