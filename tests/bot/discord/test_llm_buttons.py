"""An llm agent with tools on Discord: log-in by a form, confirmation by a button, /forget."""

import pytest

from config.settings import Settings
from tests.support.databases import on_sqlite
from tests.support.llm import Llm, llm, talking
from tests.support.model_server import Answer, ModelServer
from tests.support.people import PASSWORD
from tests.support.stage import Member, Stage

__all__ = ["llm"]

pytestmark = on_sqlite

ADD = Answer(calls=[("errand_add", {"name": "milk"})])
DELETE = Answer(calls=[("errand_delete", {"name": "milk"})])


@pytest.fixture
def settings(model_server: ModelServer) -> Settings:
    """Settings with keys for the scripted model."""
    return talking(model_server)


@pytest.fixture
async def ada(stage: Stage, llm: Llm) -> Member:
    """Somebody whom the agent does not know yet."""
    await llm(tools=["errand"])
    return stage.person("ada")


async def test_a_form_goes_on_with_what_was_wanted(ada: Member, model_server: ModelServer) -> None:
    model_server.replies(ADD, ADD, "Anything else?")
    assert "What is your user name?" in await ada.say("add milk")
    assert ada.buttons == ["Log in", "Register"]
    told = await ada.fill_in("Register", username="ada", password=PASSWORD)
    assert told.endswith("Added **milk**.\nAnything else?")
    assert PASSWORD not in str([request.body for request in model_server.requests])


async def test_what_is_destructive_has_buttons(ada: Member, model_server: ModelServer) -> None:
    await ada.register("ada")
    model_server.replies(ADD, "Added.", DELETE, "It is gone.", "You have no errands.")
    await ada.say("add milk")
    assert "Delete **milk**" in await ada.say("delete it")
    assert ada.buttons == ["Yes", "No"]
    assert await ada.press("Yes") == "Deleted **milk**.\nIt is gone."


async def test_forget_is_a_slash_command(
    ada: Member, stage: Stage, model_server: ModelServer
) -> None:
    await stage.restart(forget=False)
    model_server.replies("Hello.", "Hello again.")
    await ada.say("hello")
    await ada.slash("forget")
    assert ada.answers[-1].content == "I have forgotten 2 messages of our talks."
    await ada.say("hello")
    assert len(model_server.requests[-1].messages) == 2
