"""The whole way on Discord: log-in, orders in plain language, replies, reminders."""

import asyncio
import json

import pytest
from pydantic import SecretStr

from config.settings import Settings, get_settings
from core.postgres import select
from tests.support.model_server import Answer, ModelServer, Request, Script
from tests.support.stage import Stage


@pytest.fixture
def settings(model_server: ModelServer) -> Settings:
    """With a model, which the scripted server plays."""
    return get_settings().model_copy(
        update={
            "openrouter_base_url": model_server.base_url,
            "openrouter_api_key": SecretStr("test-key"),
        }
    )


async def test_from_a_stranger_to_a_reminder(stage: Stage, model_server: ModelServer) -> None:
    ada = stage.person("ada")
    assert "register" in await ada.say("hello")
    await ada.say("cancel")
    assert "ada" in await ada.register("ada")
    model_server.replies(
        {
            "interaction_type": "errand",
            "action": "add",
            "name": "ring my mother",
            "due": "tomorrow at 5pm",
        }
    )
    answer = await ada.say("my mother is to hear from me tomorrow at 5pm: ring my mother")
    assert "ring my mother" in answer
    assert "tomorrow at 17:00" in answer
    assert len(model_server.requests) == 1
    stage.world.clock.move_to("tomorrow 17:00")
    async with stage.pushing():
        assert await ada.receives("Reminder") == "Reminder: ring my mother"
        await asyncio.sleep(0.2)
    assert ada.replies.count("Reminder: ring my mother") == 1
    assert [row["state"] for row in select("deliveries")] == ["sent"]


def play(delays: dict[str, float]) -> Script:
    """Understand "note down X" as an order to add X, each as slowly as told."""

    def answer(request: Request) -> Answer:
        # The prompt tells earlier turns too, before the one that is meant.
        name = max(delays, key=lambda name: request.user.rfind(f"note down {name}"))
        command = {"interaction_type": "errand", "action": "add", "name": name}
        return Answer(json.dumps(command), delay=delays[name])

    return answer


async def test_a_slow_model_for_one_user_does_not_delay_another(
    stage: Stage, model_server: ModelServer
) -> None:
    ada, bob = stage.person("ada"), stage.person("bob")
    await ada.register("ada")
    await bob.register("bob")
    model_server.script = play({"apples": 5, "bananas": 0})
    await ada.write("would you kindly note down apples for me")
    await bob.write("would you kindly note down bananas for me")
    assert "bananas" in await bob.receives("Added")
    assert not any("apples" in reply for reply in ada.replies)
    assert len(model_server.requests) == 2
    assert "apples" in await ada.receives("Added")


async def test_the_orders_of_one_user_are_answered_in_order(
    stage: Stage, model_server: ModelServer
) -> None:
    ada = stage.person("ada")
    await ada.register("ada")
    model_server.script = play({"apples": 0.5, "bananas": 0})
    before = len(ada.replies)
    await ada.write("would you kindly note down apples for me")
    await ada.write("would you kindly note down bananas for me")
    await stage.settle()
    first, second = ada.replies[before:]
    assert "apples" in first
    assert "bananas" in second


async def test_a_log_in_survives_a_restart_of_the_bot(stage: Stage) -> None:
    ada = stage.person("ada")
    await ada.register("ada")
    await ada.say("add milk to my errands")
    await stage.world.restart()
    await stage.env.restart_bot()
    assert "milk" in await ada.say("show my errands")
