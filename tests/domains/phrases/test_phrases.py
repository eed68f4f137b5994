"""Phrases that a yes teaches: for one person alone, bounded, listed and forgotten."""

import asyncio
import json
from typing import Any

import pytest
from apiflask import APIFlask

from api.http.rate_limit import Limits
from api.routes.phrases import FULL, MAX_PHRASES
from bot.api.client import ApiError
from bot.api.phrases import PhraseLookup, phrase_of
from bot.commands.phrases import phrases
from core import postgres, users
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


ASK = "/api/service/phrases"


def teach_directly(*callers: Caller, phrase: str = "hm") -> None:
    for caller in callers:
        order = ORDER | {"for": caller.username}
        assert caller.post(PATH, {"phrase": phrase, "orders": [order]}).status_code == 201


def asked(bot: Caller, *items: tuple[str, str]) -> list[dict[str, Any]]:
    body = {"asked": [{"token": token, "phrase": phrase} for token, phrase in items]}
    answer = bot.post(ASK, body)
    assert answer.status_code == 200, answer.json
    found: list[dict[str, Any]] = answer.json["answers"]
    return found


@pytest.mark.every_database
def test_many_are_asked_for_at_once_each_by_their_token(
    bot: Caller, ada: Caller, ben: Caller
) -> None:
    teach_directly(ada, ben)
    teach_directly(ben, phrase="only ben")
    odd = [(ada.token, "x\0"), (ada.token, "x" * 256), (ada.token, ""), ("nonsense", "hm")]
    there = [(ben.token, "hm"), (ada.token, "hm"), (ada.token, "only ben"), (ada.token, "hm")]
    answers = asked(bot, *odd, *there)
    assert [one["status"] for one in answers] == [200, 200, 200, 401, 200, 200, 200, 200]
    of = [[order["for"] for order in one["orders"]] for one in answers]
    assert of == [[], [], [], [], ["ben"], ["ada"], [], ["ada"]]
    assert asked(bot) == []


def test_a_revoked_token_and_a_deleted_user_are_refused_among_others(
    bot: Caller, ada: Caller, ben: Caller
) -> None:
    teach_directly(ada, ben)
    both = [(ada.token, "hm"), (ben.token, "hm")]
    assert [one["status"] for one in asked(bot, *both)] == [200, 200]
    assert users.end_tokens(ada.uuid)
    revoked, fine = asked(bot, *both)
    assert (revoked["status"], revoked["orders"], fine["status"]) == (401, [], 200)
    assert users.delete_user(ben.uuid)
    assert [one["status"] for one in asked(bot, *both)] == [401, 401]


def test_only_the_bot_asks_for_many(ada: Caller, nobody: Caller) -> None:
    for caller in (ada, nobody):
        assert caller.post(ASK, {"asked": []}).status_code == 401


def test_what_the_bot_asks_counts_for_each_user(
    app: APIFlask, bot: Caller, ada: Caller, ben: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = app.extensions["settings"].model_copy(update={"rate_limit": "3 per hour"})
    monkeypatch.setattr(app.extensions["limits"], "_usual", Limits(few)._usual)
    answers = asked(bot, *[(ada.token, "hm")] * 5, (ben.token, "hm"))
    assert [one["status"] for one in answers] == [200, 200, 200, 429, 429, 200]
    assert ada.get(PATH).status_code == 429
    assert ben.get(PATH).status_code == 200


async def test_a_phrase_that_no_request_can_hold_stops_nobody_elses() -> None:
    assert [phrase_of(text) for text in ("a\ud800", "a\0b", "x" * 201)] == ["", "", ""]
    sizes: list[int] = []

    class Api:
        async def service(self, _path: str, data: dict[str, Any]) -> dict[str, Any]:
            sizes.append(len(json.dumps(data)))
            refused = {"status": 401, "error": "No.", "orders": []}
            fine = {"status": 200, "error": None}
            return {
                "answers": [
                    refused if one["token"] == "old" else fine | {"orders": [one["phrase"]]}
                    for one in data["asked"]
                ]
            }

    lookup = PhraseLookup(Api())  # type: ignore[arg-type]
    longest = "\U0001f600" * 200
    wanted = [lookup.orders(f"{n}", "old" if n == 3 else "t") for n in range(40)]
    large = [lookup.orders(longest, "t" * 4500) for _ in range(20)]
    answers = await asyncio.gather(*wanted, *large, return_exceptions=True)
    assert isinstance(answers[3], ApiError)
    assert answers[3].status == 401
    assert answers[:3] + answers[4:] == [
        *([f"{n}"] for n in range(40) if n != 3),
        *([longest] for _ in range(20)),
    ]
    assert max(sizes) <= 64 * 1024


async def test_somebody_whose_token_was_revoked_gets_a_new_one(
    world: World, chat: Person, model_server: ModelServer
) -> None:
    await teach(world, chat, model_server)
    (user,) = postgres.select("users", {"username": "ada"})
    assert users.end_tokens(user["id"])
    assert await chat.say(SAID) == "Waiting …"
    assert len(model_server.requests) == 1
