"""Talking with OpenAI's and with Anthropic's models: what comes out of what servers send."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from ai.llm.chat import IMAGE_LEFT_OUT, ChatOptions, Streaming, tokens
from ai.llm.clients.anthropic import AnthropicChat
from ai.llm.clients.openai import OpenAIChat
from ai.llm.types import (
    SENTENCES,
    Answer,
    Called,
    Image,
    ModelError,
    Problem,
    Results,
    Said,
    Tool,
    ToolCall,
    Turn,
    Usage,
)
from tests.support import model_server as servers
from tests.support.model_server import ModelServer, Request
from tests.support.waiting import until

HELLO: list[Turn] = [Said("user", "Hello!")]
ADD = Tool("task_add", "Add a task.", {"type": "object", "properties": {"name": {}}})
PICTURE = Image("image/png", b"\x89PNG")


class Talker:
    """A model of one of the providers, and what it has said."""

    def __init__(self, kind: type[Streaming], base_url: str, **options: float) -> None:
        self.options = ChatOptions("some-model", "the-key", base_url, **options)  # type: ignore[arg-type]
        self.is_anthropic = kind is AnthropicChat
        self.chat = kind(self.options)
        self.chat.prepare()
        self.pieces: list[str] = []

    async def ask(self, turns: list[Turn] | None = None, *tools: Tool) -> Answer:
        """Return the whole answer; the pieces of text before it are kept."""
        self.pieces = []
        async with aclosing(self.chat.stream("Be kind.", turns or HELLO, tools)) as items:
            async for item in items:
                if isinstance(item, Answer):
                    return item
                self.pieces.append(item)
        raise AssertionError("the stream ended without an answer")

    async def fails(self, turns: list[Turn] | None = None) -> ModelError:
        with pytest.raises(ModelError) as caught:
            await self.ask(turns)
        return caught.value


@pytest.fixture(params=[OpenAIChat, AnthropicChat])
async def talker(
    request: pytest.FixtureRequest, model_server: ModelServer
) -> AsyncIterator[Talker]:
    """A model of each provider."""
    anthropic = request.param is AnthropicChat
    url = model_server.anthropic_url if anthropic else model_server.base_url
    made = Talker(
        request.param, url, timeout_seconds=1.5, pause_seconds=0.01, temperature=0.5, max_tokens=300
    )
    yield made
    await made.chat.aclose()


async def test_the_text_comes_as_it_is_written(talker: Talker, model_server: ModelServer) -> None:
    model_server.replies(servers.Answer("Hello to you,\n\nmy friend."))
    answer = await talker.ask()
    assert talker.pieces == ["Hello", " to", " you,", "\n\nmy", " friend."]
    assert answer.text == "Hello to you,\n\nmy friend."
    assert answer.usage == Usage(model_server.requests[0].words, 5)
    assert (answer.model, answer.is_cut_off, answer.calls) == ("some-model", False, ())


async def test_a_piece_is_there_before_the_next_is_written(
    talker: Talker, model_server: ModelServer
) -> None:
    model_server.replies(servers.Answer("one two three four", piece_delay=0.1))
    began, first = time.monotonic(), 0.0
    async with aclosing(talker.chat.stream("", HELLO)) as items:
        async for _ in items:
            first = first or time.monotonic() - began
    assert first < (time.monotonic() - began) / 2


async def test_the_request_says_what_was_set(talker: Talker, model_server: ModelServer) -> None:
    model_server.replies("Hello.")
    await talker.ask([*HELLO, Said("assistant", "Yes?"), Said("user", "How are you?")], ADD)
    request = model_server.requests[0]
    body = request.body
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("some-model", 300, 0.5)
    assert request.headers["authorization"] == "Bearer the-key"
    assert request.system == "Be kind."
    said = [(m["role"], m["content"]) for m in request.messages if m["role"] != "system"]
    if talker.is_anthropic:
        assert body["tools"] == [
            {"name": "task_add", "description": "Add a task.", "input_schema": ADD.schema}
        ]
        assert [(role, content[0]["text"]) for role, content in said] == [
            ("user", "Hello!"),
            ("assistant", "Yes?"),
            ("user", "How are you?"),
        ]
    else:
        assert body["tools"][0]["function"]["parameters"] == ADD.schema
        assert said == [("user", "Hello!"), ("assistant", "Yes?"), ("user", "How are you?")]


async def test_calls_come_whole_and_their_results_go_back(
    talker: Talker, model_server: ModelServer
) -> None:
    calls = [("task_add", {"name": "buy milk, please"}), ("task_add", {})]
    model_server.replies(servers.Answer("I'll add that.", calls=calls), "Done.")
    first = await talker.ask(HELLO, ADD)
    assert [(call.name, call.arguments) for call in first.calls] == calls
    results = {call.id: f"added {number}" for number, call in enumerate(first.calls)}
    called = Called(first.text, first.calls, first.thoughts)
    assert (await talker.ask([*HELLO, called, Results(results)], ADD)).text == "Done."
    sent = model_server.requests[1].messages[-3:]
    if talker.is_anthropic:
        assert [part["type"] for part in sent[1]["content"]] == ["text", "tool_use", "tool_use"]
        assert [part["tool_use_id"] for part in sent[2]["content"]] == [*results]
    else:
        assert [call["id"] for call in sent[0]["tool_calls"]] == [*results]
        assert [(m["role"], m["tool_call_id"], m["content"]) for m in sent[1:]] == [
            ("tool", call, text) for call, text in results.items()
        ]


async def test_arguments_that_are_no_object_are_none(
    talker: Talker, model_server: ModelServer
) -> None:
    calls = [("task_add", '{"name": "mil'), ("task_add", "[1]")]
    model_server.replies(servers.Answer(calls=calls))
    assert [call.arguments for call in (await talker.ask(HELLO, ADD)).calls] == [None, None]


async def test_pictures_are_sent(talker: Talker, model_server: ModelServer) -> None:
    model_server.replies("A dog.")
    await talker.ask([Said("user", "What is this?", (PICTURE,))])
    parts = model_server.requests[0].messages[-1]["content"]
    if talker.is_anthropic:
        assert parts[0]["source"] == {
            "type": "base64",
            "media_type": "image/png",
            "data": "iVBORw==",
        }
        assert parts[1] == {"type": "text", "text": "What is this?"}
    else:
        assert parts == [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        ]


async def test_a_model_that_takes_no_pictures_is_asked_without(
    talker: Talker, model_server: ModelServer
) -> None:
    model_server.replies(servers.Answer("no images, please", status=400), "I see nothing.")
    answer = await talker.ask([Said("user", "What is this?", (PICTURE,))])
    assert answer.text == "I see nothing."
    assert IMAGE_LEFT_OUT in str(model_server.requests[1].messages[-1]["content"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<think>They greet me.\n\nSo do I.</think>\n\nHello.", "Hello."),
        ("<THINKING>hm</THINKING>Hello.", "Hello."),
        ("  <reasoning> < think < </reasoning> Hello.", "Hello."),
        ("<b>Hello.</b>", "<b>Hello.</b>"),
        ("Hello. <think> is a word.", "Hello. <think> is a word."),
        ("<", "<"),
    ],
)
async def test_thoughts_in_the_text_are_not_shown(
    talker: Talker, model_server: ModelServer, text: str, shown: str
) -> None:
    model_server.replies(text)
    assert (await talker.ask()).text == shown == "".join(talker.pieces)


async def test_thoughts_in_a_field_of_their_own_are_not_shown(
    talker: Talker, model_server: ModelServer
) -> None:
    model_server.replies(servers.Answer("Hello.", thinks="They greet me."), "Bye.")
    answer = await talker.ask()
    assert answer.text == "Hello." == "".join(talker.pieces)
    if talker.is_anthropic:  # it wants them back, signed, where tools were called
        call = ToolCall("toolu_0", "task_add", {})
        called = Called("", (call,), answer.thoughts)
        await talker.ask([*HELLO, called, Results({"toolu_0": "ok"})], ADD)
        assert model_server.requests[1].messages[1]["content"][0] == {
            "type": "thinking",
            "thinking": "They greet me.",
            "signature": "signed",
        }


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (servers.Answer(status=401), "key"),
        (servers.Answer(status=402), "credit"),
        (servers.Answer(status=404), "unknown"),
        (servers.Answer(status=400), "rejected"),
        (servers.Answer(status=413), "rejected"),
        (servers.Answer(status=429, headers={"Retry-After": "60"}), "busy"),
        (servers.Answer("I won't.", finish_reason="content_filter"), "refused"),
        (servers.Answer(body=b"<html>", content_type="text/html"), "broken"),
        (servers.Answer(body=b"", content_type="text/event-stream"), "broken"),
        (servers.Answer(body=b"data: {no\n\n", content_type="text/event-stream"), "broken"),
        (servers.Answer(hangs=True), "timeout"),
        (servers.Answer("Hello to you", stalls_after=4), "timeout"),
        (servers.Answer("Hello to you", breaks_after=5), "unreachable"),
    ],
)
async def test_what_goes_wrong_is_one_sentence(
    talker: Talker, model_server: ModelServer, answer: servers.Answer, problem: Problem
) -> None:
    model_server.script = lambda _: answer
    error = await talker.fails()
    assert error.problem in ({problem, "empty"} if problem == "broken" else {problem})
    assert str(error) == SENTENCES[error.problem]


async def test_an_error_in_the_stream_is_told(talker: Talker, model_server: ModelServer) -> None:
    model_server.replies(servers.Answer("Hello to you", fails_after=5))
    error = await talker.fails()
    assert error.problem == ("busy" if talker.is_anthropic else "broken")
    assert talker.pieces
    assert error.usage == Usage(tokens("Be kind.") + 4 + 2, tokens("".join(talker.pieces)))


@pytest.mark.parametrize(
    "answer",
    [
        servers.Answer(status=429, headers={"Retry-After": "0"}),
        servers.Answer(status=500),
        servers.Answer(status=503),
        servers.Answer(status=529),
        servers.Answer(""),
        servers.Answer("Hello", breaks_after=0),
    ],
)
async def test_what_may_pass_is_tried_again(
    talker: Talker, model_server: ModelServer, answer: servers.Answer
) -> None:
    model_server.replies(answer, "Hello.")
    assert (await talker.ask()).text == "Hello."
    assert len(model_server.requests) == 2


async def test_tries_end_and_are_all_counted(talker: Talker, model_server: ModelServer) -> None:
    model_server.script = lambda _: servers.Answer("<think>hm hm</think>")
    error = await talker.fails()
    assert (error.problem, error.model) == ("empty", "some-model")
    assert len(model_server.requests) == 3
    assert error.usage == Usage(3 * model_server.requests[0].words, 3 * 2)


async def test_what_was_begun_is_not_begun_again(talker: Talker, model_server: ModelServer) -> None:
    model_server.replies(servers.Answer("Hello to you", breaks_after=5), "Hello again.")
    await talker.fails()
    assert len(model_server.requests) == 1


async def test_an_answer_that_is_cut_off_says_so(talker: Talker, model_server: ModelServer) -> None:
    model_server.replies(servers.Answer("Once upon a", finish_reason="length"))
    answer = await talker.ask()
    assert (answer.text, answer.is_cut_off) == ("Once upon a", True)


async def test_a_model_that_takes_no_temperature_is_asked_without(
    talker: Talker, model_server: ModelServer
) -> None:
    def refuse(request: Request) -> servers.Answer | str:
        if "temperature" in request.body:
            return servers.Answer("temperature is not supported", status=400)
        return "Hello."

    model_server.script = refuse
    assert (await talker.ask()).text == "Hello."
    assert (await talker.ask()).text == "Hello."
    assert len(model_server.requests) == 3


async def test_closing_the_stream_ends_the_request(
    talker: Talker, model_server: ModelServer
) -> None:
    model_server.replies(servers.Answer("one two three", stalls_after=4), "Hello.")
    async with aclosing(talker.chat.stream("", HELLO)) as items:
        assert await anext(items)
    assert (await talker.ask()).text == "Hello."


async def test_a_stream_that_is_cancelled_leaves_the_model_usable(
    talker: Talker, model_server: ModelServer
) -> None:
    model_server.replies(servers.Answer(hangs=True), "Hello.")
    asking = asyncio.create_task(talker.ask())
    await until(lambda: model_server.requests)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await talker.ask()).text == "Hello."


async def test_a_closed_model_can_be_asked_again(talker: Talker, model_server: ModelServer) -> None:
    model_server.replies("Hello.", "Hello again.")
    await talker.ask()
    await talker.chat.aclose()
    assert (await talker.ask()).text == "Hello again."


async def test_a_key_in_the_environment_is_sent_to_nobody_else(
    talker: Talker, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, "secret")
    model_server.replies("Hello.")
    local = type(talker.chat)(ChatOptions("m", base_url=talker.options.base_url))
    async with aclosing(local.stream("", HELLO)) as items:
        assert await anext(items) == "Hello."
    await local.aclose()
    assert model_server.requests[0].headers["authorization"] == "Bearer none"
    assert "secret" not in str(model_server.requests[0].headers)


async def test_a_model_that_spends_all_on_thinking_gets_more_room(
    model_server: ModelServer,
) -> None:
    talker = Talker(OpenAIChat, model_server.base_url, pause_seconds=0.01, max_tokens=300)
    model_server.replies(servers.Answer("", thinks="hm", finish_reason="length"), "Hello.")
    assert (await talker.ask()).text == "Hello."
    assert [request.body["max_tokens"] for request in model_server.requests] == [300, 1200]
    await talker.chat.aclose()


async def test_a_model_that_wants_another_name_for_the_limit_gets_it(
    model_server: ModelServer,
) -> None:
    talker = Talker(OpenAIChat, model_server.base_url, pause_seconds=0.01, max_tokens=300)
    told = "Use max_completion_tokens instead of max_tokens."
    model_server.replies(servers.Answer(told, status=400), "Hello.", "Hello.")
    await talker.ask()
    await talker.ask()
    limits = [request.body.get("max_completion_tokens") for request in model_server.requests]
    assert limits == [None, 300, 300]
    await talker.chat.aclose()
