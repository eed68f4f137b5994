"""What agents remember: per agent and person, within limits, until they are told to forget."""

import asyncio

import pytest

from bot.agents.llm.history import INSTRUCTIONS
from bot.agents.llm.prompt import SUMMARY
from bot.api.memory import NOTHING, MemoryClient, Remembered
from bot.messages import Address
from core import agents
from core.postgres import count, execute, select
from core.users import delete_user
from tests.support.chat import AGENT, Person, World
from tests.support.llm import Llm, tell, tell_in_public
from tests.support.model_server import Answer, ModelServer, Request
from tests.support.waiting import until


def shown(request: Request) -> list[str]:
    """What the model was shown of the talk, without names and the prompt."""
    return [m["content"] for m in request.messages if m["role"] != "system"]


@pytest.fixture(autouse=True)
def echo(model_server: ModelServer) -> None:
    """The model says again what it was told last."""
    model_server.script = lambda request: f"re: {shown(request)[-1]}"


async def test_it_follows_the_person_across_channels_and_restarts(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    agent = await llm()
    await tell_in_public(agent, stranger, "one", channel_id="1")
    await tell(agent, stranger, "two", channel_id="2")
    again = await llm()
    await tell(again, stranger, "three", channel_id="3")
    assert shown(model_server.requests[-1]) == ["one", "re: Ada: one", "two", "re: two", "three"]


async def test_nobody_reads_anybody_elses(
    llm: Llm, model_server: ModelServer, world: World
) -> None:
    agent, other = await llm(), await llm("other-bot")
    ada, ben = world.person("ada"), world.person("ben")
    await tell_in_public(agent, ada, "my secret is 42")
    await tell_in_public(agent, ben, "what is her secret?", "Ben")
    await tell_in_public(other, ada, "what is my secret?", agent_name="other-bot")
    for request in model_server.requests[1:]:
        assert len(shown(request)) == 1
        assert "42" not in str(request.body)
    await tell_in_public(agent, ada, "what is my secret?")
    assert "42" in str(model_server.requests[-1].body)


async def test_the_same_number_on_another_platform_is_someone_else(world: World) -> None:
    memory = MemoryClient(world.api)
    await memory.add(Address("discord", AGENT, "7"), "hello", "hi", True, Remembered())
    assert (await memory.read(Address("console", AGENT, "7"), 10, 1000)).turns == ()


async def test_the_last_exchanges_are_shown(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    await llm(history=2)
    for number in range(4):
        await stranger.say(str(number))
    assert shown(model_server.requests[-1]) == ["1", "re: 1", "2", "re: 2", "3"]


async def test_what_is_shown_stays_within_the_tokens(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    await llm(history=50, history_tokens=100)
    for word in ("a", "b", "c", "d"):
        await stranger.say(word * 100)  # an exchange is some sixty tokens
    assert [text[0] for text in shown(model_server.requests[-1])] == ["c", "r", "d"]
    await llm(history=50, history_tokens=0)
    await stranger.say("e")
    assert shown(model_server.requests[-1]) == ["e"]


async def test_what_is_shown_begins_with_the_persons_own_words(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    await llm(history_tokens=40)
    model_server.replies("short")
    await stranger.say("x" * 400)
    await stranger.say("y")
    assert shown(model_server.requests[-1]) == ["y"]


async def test_without_a_history_nothing_is_kept(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    await llm(history=0)
    await stranger.say("one")
    await stranger.say("two")
    assert shown(model_server.requests[-1]) == ["two"]
    assert count("agent_turns") == 0


async def test_an_answer_that_failed_is_not_remembered(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    await llm()
    model_server.replies(Answer(status=401))
    await stranger.say("one")
    await stranger.say("two")
    assert shown(model_server.requests[-1]) == ["two"]


@pytest.mark.parametrize("words", ["forget me", "Forget me!", "please forget me"])
async def test_forgetting_erases_and_says_what(
    llm: Llm, model_server: ModelServer, stranger: Person, words: str
) -> None:
    await llm()
    await stranger.say("one")
    await stranger.say("two")
    asked = len(model_server.requests)
    assert await stranger.say(words) == "I have forgotten 4 messages of our talks."
    assert await stranger.say(words) == NOTHING
    assert count("agent_turns") == 0
    assert len(model_server.requests) == asked
    await stranger.say("three")
    assert shown(model_server.requests[-1]) == ["three"]


async def test_forgetting_one_leaves_the_others(
    llm: Llm, model_server: ModelServer, world: World
) -> None:
    agent, other = await llm(), await llm("other-bot")
    ada, ben = world.person("ada"), world.person("ben")
    await tell(agent, ada, "one")
    await tell(agent, ben, "two")
    await tell(other, ada, "three", agent_name="other-bot")
    await tell(agent, ada, "forget me")
    assert sorted(row["content"] for row in select("agent_turns", {"role": "user"})) == [
        "three",
        "two",
    ]


async def test_a_command_agent_forgets_what_it_was_told(chat: Person, world: World) -> None:
    await chat.say("add milk to my errands")
    await chat.say("add bread to my errands")
    assert await chat.say("forget me") == "I have forgotten 2 messages of our talks."
    assert "milk" in await chat.say("show my errands")  # rows are not memory
    assert await chat.say("forget me") == "I have forgotten 1 message of our talks."
    assert await chat.say("forget me") == NOTHING


async def test_a_stranger_is_forgotten_too(stranger: Person) -> None:
    assert await stranger.say("forget me") == NOTHING


async def test_rows_go_with_the_user(llm: Llm, stranger: Person) -> None:
    await llm(tools=["account"])
    await stranger.register("ada")
    await stranger.say("one")
    (row,) = select("users")
    assert {turn["user_uuid"] for turn in select("agent_turns")} == {row["id"]}
    delete_user(row["id"])
    assert count("agent_turns") == 0


async def test_memory_that_fails_does_not_stop_the_answer(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    await llm()
    execute("DROP TABLE agent_turns")
    assert await stranger.say("one") == "re: one"
    assert await stranger.say("two") == "re: two"
    assert shown(model_server.requests[-1]) == ["two"]


class Notebook:
    """A model that answers, and makes notes when it is asked to."""

    def __init__(self, server: ModelServer) -> None:
        self.asked: list[str] = []
        self.notes = Answer("Ada likes tea.")
        server.script = self.answer

    def answer(self, request: Request) -> Answer | str:
        if request.system != INSTRUCTIONS:
            return f"re: {shown(request)[-1]}"
        self.asked.append(shown(request)[-1])
        return self.notes


async def test_older_talks_become_a_summary(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    notebook = Notebook(model_server)
    await llm(history=1, summarise=True)
    for number in range(4):
        await stranger.say(f"message {number}")
    await until(lambda: count("agent_summaries") == 1)
    (told,) = notebook.asked
    assert "message 0" in told
    assert "re: message 2" in told
    assert "message 3" not in told
    await until(lambda: count("agent_turns") == 2)
    await stranger.say("message 4")
    assert SUMMARY + "Ada likes tea." in model_server.requests[-1].system
    assert shown(model_server.requests[-1]) == ["message 3", "re: message 3", "message 4"]
    told = await stranger.say("forget me")
    assert told == ("I have forgotten 4 messages of our talks and my summary of what came before.")


async def test_a_summary_builds_on_the_one_before(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    notebook = Notebook(model_server)
    await llm(history=1, summarise=True)
    for number in range(8):
        await stranger.say(f"message {number}")
        await until(lambda: count("agent_turns") <= 8)
        await asyncio.sleep(0.05)
    await until(lambda: len(notebook.asked) == 2)
    assert notebook.asked[1].startswith("Notes so far:\nAda likes tea.")
    assert "message 0" not in notebook.asked[1]


async def test_who_is_forgotten_meanwhile_stays_forgotten(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    notebook = Notebook(model_server)
    notebook.notes = Answer("Ada likes tea.", delay=0.5)
    agent = await llm(history=1, summarise=True)
    for number in range(4):
        await stranger.say(f"message {number}")
    await until(lambda: notebook.asked)
    await stranger.say("forget me")
    await until(lambda: not agent.is_summarising)
    assert (count("agent_summaries"), count("agent_turns")) == (0, 0)


async def test_a_summary_that_fails_loses_nothing(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    notebook = Notebook(model_server)
    notebook.notes = Answer(status=401)
    agent = await llm(history=1, summarise=True)
    for number in range(4):
        await stranger.say(f"message {number}")
    await until(lambda: notebook.asked and not agent.is_summarising)
    assert (count("agent_summaries"), count("agent_turns")) == (0, 8)


async def test_an_agent_that_is_removed_takes_its_memory_along(llm: Llm, stranger: Person) -> None:
    agents.add("chatty", "env:CHATTY_TOKEN", {"type": "llm", "settings": {"model": "m"}})
    agent, other = await llm("chatty"), await llm()
    await tell(agent, stranger, "one", agent_name="chatty")
    await tell(other, stranger, "two")
    agents.remove("chatty")
    assert [row["agent"] for row in select("agent_turns")] == [AGENT, AGENT]


async def test_what_a_tool_did_is_remembered_even_if_the_process_dies_next(
    llm: Llm, model_server: ModelServer, stranger: Person
) -> None:
    await llm(tools=["errand"])
    await stranger.register("ada")
    asked = len(model_server.requests)
    add = Answer(calls=[("errand_add", {"name": "milk"})])
    model_server.replies(add, Answer(hangs=True))
    dying = asyncio.create_task(stranger.say("add milk"))
    await until(lambda: len(model_server.requests) == asked + 2)
    assert [turn["content"] for turn in select("agent_turns")] == ["add milk", "Added milk."]

    dying.cancel()
    await asyncio.wait({dying})
    await llm(tools=["errand"])  # another process, which knows what the API knows
    model_server.replies(add, "Done.", "Milk.")
    assert await stranger.say("once more") == "Added **milk**.\nDone."
    assert await stranger.say("what is there to do?") == "Milk."
    assert shown(model_server.requests[-1]) == [
        "add milk",
        "Added milk.",
        "once more",
        "Added milk.\n\nDone.",
        "what is there to do?",
    ]
    for request in model_server.requests:  # no call is sent without its result
        called = [one["id"] for m in request.messages for one in m.get("tool_calls", ())]
        told = [m["tool_call_id"] for m in request.messages if m["role"] == "tool"]
        assert called == told
