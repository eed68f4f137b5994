"""What an llm agent says, and what its model is told."""

from tests.support.chat import Person
from tests.support.llm import Llm
from tests.support.model_server import Answer, ModelServer


async def test_the_model_answers(llm: Llm, model_server: ModelServer, stranger: Person) -> None:
    await llm()
    model_server.replies("Hello there!")
    assert await stranger.say("hello") == "Hello there!"


async def test_it_remembers(llm: Llm, model_server: ModelServer, stranger: Person) -> None:
    await llm()
    model_server.replies("Hello there!", "Ada")
    await stranger.say("hello, I am Ada")
    await stranger.say("who am I?")
    assert [m["content"] for m in model_server.requests[-1].messages[1:]] == [
        "hello, I am Ada",
        "Hello there!",
        "who am I?",
    ]
    assert await stranger.say("forget me") == "I have forgotten 4 messages of our talks."
    assert await stranger.say("forget me") == "I remembered nothing of you."


async def test_a_tool(llm: Llm, model_server: ModelServer, stranger: Person) -> None:
    await llm(tools=["task"])
    await stranger.register("ada")
    model_server.replies(Answer(calls=[("task_add", {"name": "milk"})]), "It is done.")
    assert await stranger.say("add milk") == "Added **milk**.\nIt is done."
