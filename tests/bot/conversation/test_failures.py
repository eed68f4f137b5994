"""The conversation when things go wrong, and with many people at once."""

import asyncio
import gc
import json
import logging

import pytest

from tests.support.chat import Person, World
from tests.support.model_server import Answer, ModelServer, Request
from tests.support.people import PASSWORD
from tests.support.shop import model, shop
from tests.support.waiting import until


async def test_a_crash_is_told_in_plain_words_and_logged_without_text(
    customer: Person, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await customer.say("break grandmother's vase")
    assert answer.startswith("Something went wrong on my side")
    assert caplog.text.index("KeyError\n") < caplog.text.rindex("ValueError\n")
    assert "in smash" in caplog.text
    assert "vase" not in caplog.text
    assert await customer.say("order 2 pears") == "2 small pears"


async def test_no_log_line_holds_what_was_said(
    world: World, stranger: Person, caplog: pytest.LogCaptureFixture
) -> None:
    for room in ("ai", "api", "bot", "core"):
        caplog.set_level(logging.DEBUG, room)
    await stranger.register("ada")
    await stranger.say("remind me of the errand call mum tomorrow at 5pm")
    await stranger.say("this is not understood, mum")
    await stranger.say("show my mum list")
    await stranger.say("change my password")
    await stranger.say("wrong current password")
    await stranger.say("new mum password")
    async with world.api_away():
        await stranger.say("add call mum to my errands")
    assert caplog.records
    for said in ("mum", "ada", PASSWORD, "wrong current"):
        assert said not in caplog.text


async def test_what_the_api_refuses_is_told_in_its_words(customer: Person) -> None:
    assert await customer.say("fetch bananas") == "There is nothing at this address."


async def test_the_api_away_loses_nothing(world: World, chat: Person) -> None:
    await chat.say("add buy milk to my errands")
    async with world.api_away():
        assert "can't reach the service right now" in await chat.say("list my errands")
    assert "buy milk" in await chat.say("list my errands")


async def test_the_api_away_at_log_in_is_waited_for(world: World, stranger: Person) -> None:
    await stranger.say("register")
    await stranger.say("ada")
    async with world.api_away():
        assert "Send me any message and I'll try again." in await stranger.say(PASSWORD)
        assert "Send me any message and I'll try again." in await stranger.say("hello?")
    assert "Hello, **ada**!" in await stranger.say("there?")


async def test_the_api_away_before_the_first_word(world: World, stranger: Person) -> None:
    async with world.api_away():
        assert "can't reach the service right now" in await stranger.say("hello")
    assert "user name" in await stranger.say("hello")


# Many people at once


async def test_a_slow_model_delays_nobody_else(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    other = await world.user("ben")
    await world.know(shop, model=model(model_server))

    def script(request: Request) -> Answer:
        fields = {"interaction_type": "shop", "action": "order", "thing": "tea"}
        return Answer(json.dumps(fields), delay=2 if "slowly" in request.user else 0)

    model_server.script = script
    slow = asyncio.create_task(chat.say("I would slowly like a cup of tea now"))
    await until(lambda: model_server.requests)  # before the other one begins
    assert await other.say("I would quickly like a cup of tea now") == "1 small tea"
    assert not slow.done()
    assert await slow == "1 small tea"


async def test_messages_of_one_person_are_answered_in_order(customer: Person) -> None:
    await asyncio.gather(*(customer.say(f"order {number} pears") for number in range(20)))
    assert customer.replies[-20:] == [f"{number} small pears" for number in range(20)]


async def test_an_answer_is_not_taken_from_another_channel(customer: Person, world: World) -> None:
    elsewhere = world.person(customer.address.account_id, "another channel")
    await customer.say("close the door")
    assert "Closed" not in await elsewhere.say("yes")
    assert await customer.say("yes") == "Closed the door."


async def test_nothing_is_kept_of_strangers(world: World, stranger: Person) -> None:
    await stranger.say("hello")
    await stranger.say("cancel")
    await stranger.say("log in")
    await stranger.say("nobody")
    await stranger.say("wrong password")
    gc.collect()
    assert not vars(world.conversation)["_dialogues"]
    assert not vars(world.inboxes[world.conversation])["_turns"]


async def test_stopping_drops_open_questions(customer: Person, world: World) -> None:
    await customer.say("close the door")
    assert world.conversation.is_waiting(customer.address, "dm")
    await world.conversation.close()
    assert not world.conversation.is_waiting(customer.address, "dm")


async def test_stopping_in_the_middle_of_an_answer(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    await world.know(shop, model=model(model_server))
    model_server.replies(Answer(hangs=True))
    task = asyncio.create_task(chat.say("I would like a cup of tea now"))
    await until(lambda: model_server.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not world.conversation.is_waiting(chat.address, "dm")
