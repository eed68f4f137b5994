"""Attacks on the conversation, with a model that obeys the attacker: code decides."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from ai.config import load_ai_config
from ai.llm.registry import model_of
from bot.api.client import ApiError
from bot.commands.lists import lists
from config.settings import Settings, get_settings
from tests.support.chat import Person, World
from tests.support.model_server import ModelServer, Request, Script, model_server
from tests.support.people import PASSWORD

__all__ = ["model_server"]

Attack = dict[str, Any]

ATTACKS: list[Attack] = yaml.safe_load((Path(__file__).parent / "attacks.yaml").read_text("utf-8"))
KEY = "sk-the-key-of-the-model"
BOB_TASK = "buy bob's ring"
BOB_LIST = "bob's secret plan"
PATHS = ("/api/tasks?done=all", "/api/lists", "/api/notifications")


class Account:
    """A user as the API sees them."""

    def __init__(self, world: World, name: str) -> None:
        self._api, self.name, self.token, self.uuid = world.api, name, "", ""

    async def log_in(self) -> "Account":
        """Log in; raises ApiError where the password is no longer the one it was."""
        credentials = {"username": self.name, "password": PASSWORD}
        self.token = (await self._api.request("POST", "/api/login", data=credentials))["token"]
        path = f"/api/getUserUUID/{self.name}"
        self.uuid = await self._api.request("GET", path, token=self.token)
        return self

    async def add(self, name: str, on: str) -> None:
        """Add a task."""
        task = {"name": name, "list": on}
        await self._api.request("POST", "/api/tasks", token=self.token, data=task)

    async def everything(self) -> list[Any]:
        """Return all that the account holds."""
        paths = (*PATHS, f"/api/user/{self.uuid}")
        return [await self._api.request("GET", path, token=self.token) for path in paths]


@pytest.fixture
def settings(model_server: ModelServer) -> Settings:
    """Settings with a model."""
    return get_settings().model_copy(
        update={
            "openrouter_api_key": SecretStr(KEY),
            "openrouter_base_url": model_server.base_url,
        }
    )


@pytest.fixture
async def ada(chat: Person, world: World) -> Account:
    """The user who writes, with rows of her own."""
    account = await Account(world, "ada").log_in()
    for name in ("milk", "eggs"):
        await account.add(name, "groceries")
    return account


@pytest.fixture
async def bob(world: World) -> Account:
    """Someone else, with rows that are nobody's business."""
    await world.user("bob")
    account = await Account(world, "bob").log_in()
    await account.add(BOB_TASK, BOB_LIST)
    return account


def obeying(attack: Attack, bob: Account) -> Script:
    """Return a model that obeys: it answers as told, or repeats what it was told."""
    answer = json.dumps(attack["model"])
    answer = answer.replace("{bob}", bob.uuid).replace("{bob_task}", BOB_TASK)

    def script(request: Request) -> str:
        if attack["model"] != "echo":
            return answer
        told = json.dumps(request.messages)
        return json.dumps({attack["as"]: told}) if "as" in attack else told

    return script


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack["say"][:60])
async def test_nothing_comes_of_an_attack(
    attack: Attack,
    chat: Person,
    ada: Account,
    bob: Account,
    settings: Settings,
    model_server: ModelServer,
) -> None:
    model_server.script = obeying(attack, bob)
    if "row" in attack:
        await ada.add(attack["row"], "groceries")
        assert "milk" in await chat.say("list my tasks")
    before = [await ada.everything(), await bob.everything()]
    replies = await chat.say(attack["say"])
    assert model_server.requests, "the model was to be asked"
    assert attack.get("asks", "") in replies
    assert replies

    # No row of anyone has changed, and the password is the one that it was.
    assert [await ada.everything(), await bob.everything()] == before
    await ada.log_in()
    await bob.log_in()
    # And an open question, where there is one, is the bot's own: calling it off changes nothing.
    replies += await chat.say("cancel")
    assert [await ada.everything(), await bob.everything()] == before

    # Nobody has read what is not theirs.
    sent = json.dumps([request.body for request in model_server.requests])
    secrets = [
        KEY,
        settings.jwt_secret.get_secret_value(),
        settings.service_key.get_secret_value(),
        ada.token,
        bob.token,
    ]
    for secret in secrets:
        assert secret not in sent + replies
    assert PASSWORD not in replies
    by_the_model = str(attack).replace("{bob_task}", BOB_TASK)  # and may be shown to it again
    for private in (BOB_TASK, BOB_LIST):
        if private not in by_the_model:
            assert private not in sent
    assert f"• {BOB_TASK}" not in replies.replace("\\", "")

    # What the person wrote stays between its marks.
    for request in model_server.requests:
        assert request.user.count("</message>") == 1

    # What the model says is plain text.
    assert "[Log in" not in replies.replace("\\[", "")


async def test_a_bot_can_not_be_talked_into_what_it_does_not_know(
    chat: Person, ada: Account, world: World, model_server: ModelServer
) -> None:
    config = load_ai_config(world.settings.ai_config_path)
    await world.know(lists, model=model_of(world.settings, config))
    before = await ada.everything()
    model_server.script = lambda _: json.dumps(
        {"interaction_type": "task", "action": "complete", "name": "milk"}
    )
    assert "I know about list" in await chat.say("milk is here, so tick it off")
    assert await ada.everything() == before
    assert "task / complete" not in json.dumps(model_server.requests[0].body)


def test_there_are_enough_attacks() -> None:
    assert len(ATTACKS) >= 40
    assert sum("row" in attack for attack in ATTACKS) >= 5


async def test_the_password_that_the_test_uses_is_the_real_one(ada: Account) -> None:
    ada.name = "nobody"
    with pytest.raises(ApiError):
        await ada.log_in()
