"""Command modules as tools: as the logged-in user, asked and confirmed by the code."""

from itertools import count

import pytest

from ai.commands import Catalogue
from ai.config import get_ai_config
from ai.llm.chat import ChatOptions
from ai.llm.registry import ProvidedChat
from bot.agent import AgentConfig, Services
from bot.agents.llm.agent import (
    FIRST_LOG_IN,
    LOGGED_OUT,
    MAX_CALLS,
    MAX_ROUNDS,
    RETURNED,
    TOO_MANY_CALLS,
    TOO_MANY_ROUNDS,
    LlmAgent,
)
from bot.agents.llm.settings import LlmSettings
from bot.conversation.handler import LOG_IN_PRIVATELY
from bot.conversation.login import NAME
from bot.framework.context import Context
from bot.framework.registry import CommandModule, Registry
from bot.messages import Credentials
from bot.rules import Rules
from bot.runtime.inbox import UNREAD
from config.settings import Settings
from core.users import set_role
from tests.support.chat import AGENT, Person, World
from tests.support.llm import Llm, tell, tell_in_public
from tests.support.model_server import Answer, ModelServer, Request
from tests.support.people import PASSWORD

ADD_MILK = Answer(calls=[("errand_add", {"name": "milk"})])
DELETE_MILK = Answer(calls=[("errand_delete", {"name": "milk"})])
SHOW = Answer(calls=[("errand_show", {})])
SAME_TWICE = 2  # rounds with the same outcome, after which the model has to answer


@pytest.fixture
async def ada(llm: Llm, stranger: Person) -> Person:
    """A user who is logged in with an agent that has tools."""
    await llm(tools=["errand"])
    await stranger.register("ada")
    return stranger


def no_tools(request: Request) -> bool:
    """Say whether the model was offered none."""
    return "tools" not in request.body


def result(model_server: ModelServer, number: int = -1) -> str:
    """What the model was told of its latest call."""
    return str(model_server.requests[number].messages[-1]["content"])


async def test_a_tool_is_called_as_the_user(
    ada: Person, model_server: ModelServer, world: World
) -> None:
    model_server.replies(Answer("Sure.", calls=ADD_MILK.calls), "It is on your list.")
    assert await ada.say("add milk") == "Sure.\nAdded **milk**.\nIt is on your list."
    assert result(model_server) == "Added milk."
    model_server.replies(SHOW, "You have one errand: milk.")
    assert await ada.say("what is there to do?") == "You have one errand: milk."
    assert "milk" in result(model_server)
    ben = await world.user("ben")
    model_server.replies(SHOW, "Nothing.")
    await ben.say("what is there to do?")
    assert "milk" not in result(model_server)


async def test_anthropics_models_call_tools_too(
    llm: Llm, stranger: Person, model_server: ModelServer
) -> None:
    await llm(provider="anthropic", tools=["errand"])
    await stranger.register("ada")
    model_server.replies(Answer("Sure.", calls=ADD_MILK.calls, thinks="milk"), "It is there.")
    assert await stranger.say("add milk") == "Sure.\nAdded **milk**.\nIt is there."
    called, results = model_server.requests[-1].messages[-2:]
    assert [part["type"] for part in called["content"]] == ["thinking", "text", "tool_use"]
    assert results["content"][0]["content"] == "Added milk."
    assert results["content"][0]["tool_use_id"] == called["content"][2]["id"]


async def test_administrators_commands_are_offered_to_them_alone(
    stranger: Person, model_server: ModelServer, world: World
) -> None:
    shop = CommandModule("shop", "A shop")
    done = []

    @shop.command("close the shop", role="admin")
    async def close(ctx: Context) -> str:
        """Close the shop for everyone."""
        done.append(ctx.session.username)
        return "The shop is closed."

    known = Registry(Catalogue())
    known.add(shop)
    settings = LlmSettings(model="m", tools=("shop",))
    options = ChatOptions("m", "key", model_server.base_url)
    agent = LlmAgent(
        AgentConfig(AGENT, "llm", Rules(), settings),
        Services(world.api, world.settings, world.clock),
        chat=ProvidedChat("openai", options),
        trouble="",
        known=known,
        prices=get_ai_config().prices,
    )
    world.conversation = agent.conversation
    await stranger.register("ada")
    close_it = Answer(calls=[("shop_close", {})])
    model_server.replies(close_it, "I can't.", close_it, "Closed.")
    assert await stranger.say("close the shop") == "I can't."
    assert "tools" not in model_server.requests[0].body
    set_role("ada", "admin")
    world.clock.forward(minutes=56)  # tokens are renewed by then
    assert await stranger.say("close the shop") == "Closed."
    assert [tool["function"]["name"] for tool in model_server.requests[2].body["tools"]] == [
        "shop_close"
    ]
    assert done == ["ada"]
    await agent.close()


async def test_tools_are_described_from_the_commands(
    ada: Person, model_server: ModelServer
) -> None:
    model_server.replies("Hello.")
    await ada.say("hello")
    tools = {tool["function"]["name"]: tool for tool in model_server.requests[0].body["tools"]}
    assert {"errand_add", "errand_delete", "errand_show"} <= tools.keys()
    assert not any(name.startswith("account_") for name in tools)
    add = tools["errand_add"]["function"]
    assert add["description"].startswith("Add an errand")
    assert add["parameters"]["required"] == ["name"]
    assert add["parameters"]["properties"]["name"]["type"] == "string"
    assert model_server.requests[0].system.endswith("only after the tool has said so.")


async def test_what_is_destructive_is_confirmed_by_the_person(
    ada: Person, model_server: ModelServer
) -> None:
    model_server.replies(ADD_MILK, "Added.")
    await ada.say("add milk")
    model_server.replies(DELETE_MILK, "It is gone.")
    asked = await ada.say("delete milk")
    assert asked.startswith("Delete **milk**")
    assert ada.buttons == ["Yes", "No"]
    assert len(model_server.requests) == 3  # the model learns nothing before the answer
    assert "It is gone." in await ada.say("yes")


async def test_no_means_no(ada: Person, model_server: ModelServer) -> None:
    model_server.replies(ADD_MILK, "Added.", DELETE_MILK, "All right.", SHOW, "You have milk.")
    await ada.say("add milk")
    await ada.say("delete milk")
    assert await ada.say("no") == "All right."
    await ada.say("what is there to do?")
    assert "milk" in result(model_server)


async def test_never_mind_ends_it_without_the_model(ada: Person, model_server: ModelServer) -> None:
    model_server.replies(ADD_MILK, "Added.", DELETE_MILK)
    await ada.say("add milk")
    await ada.say("delete milk")
    assert await ada.say("never mind") == "All right, I've dropped that."
    assert len(model_server.requests) == 3


async def test_what_is_missing_is_asked(ada: Person, model_server: ModelServer) -> None:
    model_server.replies(Answer(calls=[("errand_add", {})]), "Done.")
    assert "?" in await ada.say("add an errand")
    assert await ada.say("bread") == "Added **bread**.\nDone."


async def test_several_calls_at_once_are_all_made(ada: Person, model_server: ModelServer) -> None:
    names = ["milk", "eggs"]
    calls = [("errand_add", {"name": name}) for name in names]
    model_server.replies(Answer(calls=calls), "Both are added.")
    assert await ada.say("add milk and eggs") == "Added **milk**.\nAdded **eggs**.\nBoth are added."


async def test_the_calls_of_one_round_are_bounded(ada: Person, model_server: ModelServer) -> None:
    calls = [("errand_add", {"name": f"errand {number}"}) for number in range(MAX_CALLS + 2)]
    model_server.replies(Answer(calls=calls), "Done.")
    assert (await ada.say("add many")).count("Added") == MAX_CALLS
    told = [m["content"] for m in model_server.requests[-1].messages if m["role"] == "tool"]
    assert told.count(TOO_MANY_CALLS) == 2


async def test_rounds_are_bounded(ada: Person, model_server: ModelServer) -> None:
    model_server.script = lambda _: SHOW
    assert await ada.say("loop") == TOO_MANY_ROUNDS
    assert len(model_server.requests) == SAME_TWICE + 1
    model_server.requests.clear()
    numbers = count()
    model_server.script = lambda _: Answer(calls=[(f"no_tool_{next(numbers)}", {})])
    assert await ada.say("and on") == TOO_MANY_ROUNDS
    assert len(model_server.requests) == MAX_ROUNDS


async def test_who_calls_the_same_again_answers_without_tools_in_the_end(
    ada: Person, model_server: ModelServer
) -> None:
    model_server.script = lambda request: "You have no errands." if no_tools(request) else SHOW
    assert await ada.say("what is there?") == "You have no errands."
    *rounds, last = model_server.requests
    assert len(rounds) == SAME_TWICE
    assert [message["role"] for message in last.messages] == ["system", "user"]
    assert last.messages[1]["content"].startswith(f"what is there?\n\n{RETURNED}\n\n> ")
    model_server.replies("Hello.")
    await ada.say("hello")
    assert "tools" in model_server.requests[-1].body
    assert RETURNED not in str(model_server.requests[-1].messages)


@pytest.mark.parametrize(
    "written",
    [
        '{"name": "errand_show", "arguments": {}}',
        '```json\n{"name": "errand_show", "arguments": {}}\n```',
        '<tool_call>\n{"name": "errand_show", "arguments": {}}\n</tool_call>',
    ],
)
async def test_a_call_written_where_none_may_be_made_is_not_shown(
    ada: Person, model_server: ModelServer, written: str
) -> None:
    model_server.script = lambda request: written if no_tools(request) else SHOW
    assert await ada.say("what is there?") == TOO_MANY_ROUNDS
    assert len(model_server.requests) == SAME_TWICE + 1


async def test_what_is_wrong_with_a_call_is_told_to_the_model(
    ada: Person, model_server: ModelServer
) -> None:
    calls = [
        ("shop_buy", {}),
        ("errand_add", '{"name": '),
        ("errand_add", {"name": {"user": "ben"}}),
        ("errand_delete", {"name": "no such errand"}),
    ]
    model_server.replies(Answer(calls=calls), "I could not do that.")
    assert await ada.say("do it") == "I could not do that."
    told = [m["content"] for m in model_server.requests[-1].messages if m["role"] == "tool"]
    assert told[0] == "There is no tool 'shop_buy'."
    assert told[1].startswith("The arguments were no JSON object.")
    assert told[2] == "name: one plain value each, please."
    assert told[3] == "You have no open errand yet."


async def test_a_stranger_may_talk_and_logs_in_for_a_tool(
    llm: Llm, stranger: Person, world: World, model_server: ModelServer
) -> None:
    await world.user("ada")
    await llm(tools=["errand"])
    model_server.replies("Hello!", ADD_MILK, "Anything else?")
    assert await stranger.say("hello") == "Hello!"
    assert await stranger.say("add milk") == f"{FIRST_LOG_IN}\n{NAME}"
    await stranger.say("ada")
    told = await stranger.say(PASSWORD)
    assert "Added **milk**.\nAnything else?" in told
    assert PASSWORD not in str([request.body for request in model_server.requests])


async def test_a_form_goes_on_with_what_was_wanted(
    llm: Llm, stranger: Person, world: World, model_server: ModelServer
) -> None:
    await world.user("ada")
    agent = await llm(tools=["errand"])
    model_server.replies(ADD_MILK, ADD_MILK, "Anything else?")
    await stranger.say("add milk")
    assert "Log in" in stranger.buttons
    given = Credentials("ada", PASSWORD)
    told = await tell(agent, stranger, "log in", credentials=given, starts_new=True)
    assert told == "Hello, **ada**! You are logged in.\nAdded **milk**.\nAnything else?"


async def test_in_public_nobody_is_asked_for_a_password(
    llm: Llm, stranger: Person, model_server: ModelServer
) -> None:
    agent = await llm(tools=["errand"])
    model_server.replies(ADD_MILK)
    assert await tell_in_public(agent, stranger, "add milk") == LOG_IN_PRIVATELY
    assert await tell_in_public(agent, stranger, "log in") == LOG_IN_PRIVATELY
    model_server.replies("Hello.")
    assert await tell_in_public(agent, stranger, "ada") == "Hello."


async def test_a_password_that_comes_too_late_is_not_shown_to_the_model(
    llm: Llm, stranger: Person, model_server: ModelServer, world: World
) -> None:
    world.settings = world.settings.model_copy(update={"login_timeout_seconds": 0.2})
    await llm(tools=["errand"])
    await stranger.say("log in")
    await stranger.say("ada")
    await stranger.leave_unanswered()
    assert await stranger.say(PASSWORD) == UNREAD
    assert not model_server.requests


async def test_logging_out(ada: Person, model_server: ModelServer) -> None:
    assert await ada.say("log out") == LOGGED_OUT
    model_server.replies(ADD_MILK)
    assert FIRST_LOG_IN in await ada.say("add milk")


async def test_a_slash_command_needs_no_model(
    llm: Llm, ada: Person, world: World, model_server: ModelServer
) -> None:
    order = {"interaction_type": "errand", "action": "add", "name": "milk"}
    told = await tell(world.conversation, ada, "/errand add", order=order, starts_new=True)
    assert told == "Added **milk**."
    assert not model_server.requests


async def test_each_request_counts_for_the_user(
    llm: Llm, stranger: Person, world: World, model_server: ModelServer, settings: Settings
) -> None:
    await llm(tools=["errand", "usage"])
    await stranger.register("ada")
    model_server.replies(
        ADD_MILK, "Done.", Answer(calls=[("usage_show", {})]), "That is what you used."
    )
    await stranger.say("add milk")
    await stranger.say("what have I used?")
    used = sum(request.words for request in model_server.requests[:3])
    assert f"asked the language model 3 of {settings.model_requests_per_user_day}" in result(
        model_server
    )
    assert used > 0
