"""Phrases that a yes teaches: for one person alone, bounded, listed and forgotten."""

import pytest

from api.routes.phrases import FULL, MAX_PHRASES
from bot.commands.phrases import phrases
from core import postgres
from tests.support.api import Caller
from tests.support.chat import Person, World
from tests.support.model_server import ModelServer, model_server
from tests.support.shop import model, shop

__all__ = ["model_server"]

PATH = "/api/phrases"
ORDER = {"interaction_type": "shop", "action": "wait"}
SAID = "Hmm, sprockets!"


async def teach(world: World, chat: Person, server: ModelServer) -> None:
    """Say yes to an offer, as the shop's only customer."""
    await world.know(shop, phrases, model=model(server))
    server.replies({"command": "shop.wait"})
    assert "Do you mean: wait?" in await chat.say(SAID)
    assert await chat.say("yes") == "Waiting …"


async def test_a_yes_teaches_the_phrase_for_that_person_alone(
    world: World, chat: Person, model_server: ModelServer
) -> None:
    await teach(world, chat, model_server)
    assert await chat.say("hmm,  SPROCKETS") == "Waiting …"
    assert len(model_server.requests) == 1, "no model is asked again"
    ben = await world.user("ben")
    model_server.replies({"needs_clarification": "Pardon?"})
    assert await ben.say(SAID) == "Pardon?"


async def test_a_no_teaches_nothing(world: World, chat: Person, model_server: ModelServer) -> None:
    await world.know(shop, phrases, model=model(model_server))
    model_server.replies({"command": "shop.wait"})
    await chat.say(SAID)
    await chat.say("no")
    assert postgres.count("phrases") == 0


async def test_what_points_at_something_is_not_taught(
    world: World, chat: Person, model_server: ModelServer
) -> None:
    await world.know(shop, phrases, model=model(model_server))
    model_server.replies({"command": "shop.wait"})
    await chat.say("sprockets for that one")
    assert await chat.say("yes") == "Waiting …"
    assert postgres.count("phrases") == 0


async def test_forget_me_erases_phrases(
    world: World, chat: Person, model_server: ModelServer
) -> None:
    await teach(world, chat, model_server)
    assert "1 phrase of yours" in await chat.say("forget me")
    assert postgres.count("phrases") == 0


async def test_phrases_are_listed_and_forgotten(
    world: World, chat: Person, model_server: ModelServer
) -> None:
    await teach(world, chat, model_server)
    shown = await chat.say("show my phrases")
    assert "**hmm, sprockets**: " in shown
    assert "no phrase" in await chat.say("forget the phrase apples")
    assert await chat.say("forget the phrase HMM, sprockets") == (
        "I have forgotten **hmm, sprockets**."
    )
    assert "taught me no phrases" in await chat.say("show my phrases")
    await chat.say("forget my phrases")
    assert await chat.say("yes") == "I have forgotten 0 phrases."


async def test_a_phrase_of_a_command_that_is_gone_means_nothing(
    world: World, chat: Person, model_server: ModelServer
) -> None:
    await teach(world, chat, model_server)
    postgres.update(
        "phrases",
        {"orders": '[{"interaction_type": "x", "action": "y"}]'},
        {"phrase": "hmm, sprockets"},
    )
    model_server.replies({"needs_clarification": "Pardon?"})
    assert await chat.say(SAID) == "Pardon?"
    assert "no longer know" in await chat.say("show my phrases")


@pytest.mark.every_database
def test_a_phrase_has_one_meaning_and_is_its_owners(ada: Caller, ben: Caller) -> None:
    first = ada.post(PATH, {"phrase": "hm", "orders": [ORDER]})
    assert first.status_code == 201
    again = ada.post(PATH, {"phrase": "hm", "orders": [ORDER | {"action": "leave"}]})
    assert again.status_code == 201
    assert [row["orders"] for row in ada.get(PATH).json] == [[ORDER | {"action": "leave"}]]
    assert ben.get(PATH).json == []
    one = f"{PATH}/{again.json['id']}"
    assert ben.delete(one).status_code == 404
    assert ada.put(one, {"phrase": "hm", "orders": [ORDER]}).json["orders"] == [ORDER]
    assert ben.delete(PATH).json == {"forgotten": 0}
    assert ada.delete(PATH).json == {"forgotten": 1}


@pytest.mark.parametrize(
    "body",
    [
        {"phrase": "", "orders": [ORDER]},
        {"phrase": "x" * 256, "orders": [ORDER]},
        {"phrase": "x", "orders": []},
        {"phrase": "x", "orders": [ORDER] * 6},
        {"phrase": "x", "orders": "rm"},
        {"phrase": "x", "orders": [ORDER | {"thing": "x" * 4000}]},
        {"phrase": "x\0", "orders": [ORDER]},
    ],
)
def test_what_is_no_phrase_is_refused(ada: Caller, body: dict[str, object]) -> None:
    assert ada.post(PATH, body).status_code in (400, 422)


def test_nobody_teaches_too_many(ada: Caller) -> None:
    orders = '[{"interaction_type": "shop", "action": "wait"}]'
    rows = [
        {"phrase": f"p{n}", "orders": orders, "user_uuid": ada.uuid} for n in range(MAX_PHRASES)
    ]
    postgres.insert_many("phrases", rows)
    refused = ada.post(PATH, {"phrase": "one more", "orders": [ORDER]})
    assert (refused.status_code, refused.json["error"]) == (400, FULL)
    assert ada.post(PATH, {"phrase": "p7", "orders": [ORDER]}).status_code == 201
