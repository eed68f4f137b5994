"""What the conversation makes of what the parser says: handlers, the model, the history."""

from typing import Any

import pytest
from pydantic import SecretStr

from bot.framework.context import Message
from bot.messages import Session
from tests.support.chat import Person, World
from tests.support.model_server import ModelServer
from tests.support.people import PASSWORD
from tests.support.shop import Always, Listening, model, shop


async def test_a_raw_handler_gets_message_session_and_command(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    seen: list[tuple[Message, Session, dict[str, Any]]] = []

    async def handler(message: Message, session: Session, parsed: dict[str, Any]) -> None:
        seen.append((message, session, parsed))
        await message.channel.send("Water is good for you.")

    registry = await world.know(shop, model=model(model_server))
    registry.register_module("habit", handler)
    command = {"interaction_type": "habit", "action": "log", "what": "water"}
    model_server.replies(command)
    assert await chat.say("I drank a glass of water") == "Water is good for you."
    message, session, parsed = seen[0]
    assert message.content == "I drank a glass of water"
    assert message.author.id == chat.address.account_id
    assert parsed == command
    assert session.username == "ada"
    assert session.user_uuid
    assert session.token


async def test_a_model_is_asked_where_a_key_is_set(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    world.settings = world.settings.model_copy(
        update={
            "openrouter_api_key": SecretStr("key"),
            "openrouter_base_url": model_server.base_url,
        }
    )
    await world.restart()
    command = {"interaction_type": "errand", "action": "add", "name": "call mum"}
    model_server.replies(command | {"due": "tomorrow at 5pm"})
    answer = await chat.say("I really should call my mum tomorrow at 5pm")
    assert answer.startswith("Added **call mum** \N{EN DASH} tomorrow at 17:00 (UTC).")
    assert "errand.show(" in model_server.requests[0].messages[0]["content"]


async def test_discord_accounts_are_numbers(world: World, stranger: Person) -> None:
    parser = Always({"interaction_type": "raw", "action": "note"})
    registry = await world.know(shop, parser=parser)
    ids: list[object] = []

    async def note(message: Message, session: Session, parsed: dict[str, Any]) -> str:
        ids.append(message.author.id)
        return "Noted."

    registry.register_module("raw", note)
    await stranger.register("ada")
    assert await stranger.say("note") == "Noted."
    assert ids == [4711]


@pytest.mark.parametrize(
    ("parsed", "answer"),
    [
        (
            {"interaction_type": "weather", "action": "show"},
            "I can't do that. I know about **shop**.",
        ),
        (
            {"interaction_type": "shop", "action": "rob"},
            "I can't do that. Say **help** to see what I can do.",
        ),
        ({"needs_clarification": "Which *one*?"}, r"Which \*one\*?"),
        ({"error": "I am *lost*."}, r"I am \*lost\*."),
        ({"interaction_type": "shop", "action": "order", "thing": None}, "What is the thing?"),
        ({"interaction_type": "shop", "action": "pay", "amount": 1, "pin": "9"}, "What is PIN?"),
        (
            {"interaction_type": "shop", "action": "order", "thing": "x", "size": "huge"},
            "Please choose small or large.",
        ),
    ],
)
async def test_what_the_parser_says_is_checked_by_code(
    world: World, chat: Person, parsed: dict[str, Any], answer: str
) -> None:
    await world.know(shop, parser=Always(parsed))
    assert await chat.say("whatever") == answer


async def test_the_parser_gets_the_last_five_turns(world: World, chat: Person) -> None:
    parsed = {"interaction_type": "shop", "action": "wait"}
    await world.know(shop, parser=(parser := Always(parsed)))
    for number in range(7):
        await chat.say(f"message {number}")
    assert [len(history) for history in parser.histories] == [0, 1, 2, 3, 4, 5, 5]
    assert parser.histories[-1] == tuple((f"message {number}", parsed) for number in range(1, 6))


async def test_the_history_ends_with_the_session(customer: Person, listening: Listening) -> None:
    await customer.say("wait")
    await customer.say("leave the shop")
    for text in ("log in", "ada", PASSWORD):
        await customer.say(text)
    await customer.say("wait")
    assert [len(history) for history in listening.histories] == [0, 1, 0]


async def test_yes_answers_what_the_model_has_asked(
    model_server: ModelServer, world: World, chat: Person
) -> None:
    await world.know(shop, model=model(model_server))
    model_server.replies({"needs_clarification": "Do you want apples?"})
    assert await chat.say("something red would be nice") == "Do you want apples?"
    model_server.replies({"interaction_type": "shop", "action": "order", "thing": "apples"})
    answer = await chat.say("yes")
    assert "apples" in answer
    assert "not waiting" not in answer
    assert len(model_server.requests) == 2
