"""Answers as models' servers really send them, and what they refuse: nobody gets an apology."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from ai.llm.chat import ChatOptions
from ai.llm.clients.openai import OpenAIChat
from ai.llm.clients.openai_completions import OpenAICompatible
from ai.llm.traits import traits
from ai.llm.types import Answer as Whole
from ai.llm.types import Called, Image, ModelError, Results, Said, Tool, ToolCall
from ai.wire import reason
from tests.support.model_server import Answer, ModelServer, Request, streamed

HELLO = [Said("user", "hello")]
TOOL = Tool("add", "Add.", {"type": "object", "properties": {}})
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def events(*deltas: object, **last: object) -> Answer:
    """Return a stream of these pieces."""
    told = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    told.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **last})
    body = "".join(f"data: {json.dumps(one)}\n\n" for one in told) + "data: [DONE]\n\n"
    return Answer(body=body.encode(), content_type="text/event-stream")


async def ask(server: ModelServer, **options: Any) -> tuple[str, Whole]:  # noqa: ANN401
    """Ask; return what was shown, and the whole answer."""
    turns = options.pop("turns", HELLO)
    chat = OpenAIChat(ChatOptions("m", base_url=server.base_url, pause_seconds=0.01, **options))
    return await streamed(chat, "", turns, [TOOL])


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (events({"content": [{"type": "text", "text": "Hi"}]}), "Hi"),
        (
            events(
                {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]},
                {"content": "Hi"},
            ),
            "Hi",
        ),
        (events({"content": "\ud83d"}, {"content": "\ude00!"}), "\U0001f600!"),
        (events({"content": "Hi \ud83d"}), "Hi "),
        (Answer("Hi", body=b'{"choices": [{"message": {"content": "Hi"}}]}'), "Hi"),
        (
            events({"content": "Hi"}, usage={"prompt_tokens": "7", "completion_tokens": "2"}),
            "Hi",
        ),
    ],
    ids=["parts", "thinking", "halves", "half", "no stream", "counts"],
)
async def test_what_servers_send_is_read(
    model_server: ModelServer, answer: Answer, text: str
) -> None:
    model_server.replies(answer)
    shown, whole = await ask(model_server)
    assert shown == whole.text == text
    whole.text.encode()
    assert isinstance(whole.usage.total, int)


@pytest.mark.parametrize("number", [(0, 0), (0, 1), (None, None)])
async def test_two_calls_with_one_id_or_number_are_two(
    model_server: ModelServer, number: tuple[int | None, int | None]
) -> None:
    same = number[0] is not None and number != (0, 0)
    ids = ("x", "x") if same else ("x", "y")
    calls = [
        {"index": one, "id": own, "function": {"name": "add", "arguments": f'{{"n": {n}}}'}}
        for n, (one, own) in enumerate(zip(number, ids, strict=True))
    ]
    model_server.replies(events(*({"tool_calls": [call]} for call in calls)))
    _, whole = await ask(model_server)
    assert [call.arguments for call in whole.calls] == [{"n": 0}, {"n": 1}]
    assert len({call.id for call in whole.calls}) == 2


async def test_a_name_that_is_said_in_every_piece_is_one(model_server: ModelServer) -> None:
    pieces = [
        {"index": 0, "id": "x", "function": {"name": "add", "arguments": piece}}
        for piece in ('{"n"', ": 1", "}")
    ]
    model_server.replies(events(*({"tool_calls": [piece]} for piece in pieces)))
    _, whole = await ask(model_server)
    assert [(call.name, call.arguments) for call in whole.calls] == [("add", {"n": 1})]


async def test_an_answer_that_was_shown_is_not_begun_again_without_pictures(
    model_server: ModelServer,
) -> None:
    broken = [{"choices": [{"index": 0, "delta": {"content": "Hello wor"}}]}]
    broken.append({"error": {"message": "no pictures", "code": 400}})  # type: ignore[dict-item]
    body = "".join(f"data: {json.dumps(one)}\n\n" for one in broken).encode()
    model_server.replies(Answer(body=body, content_type="text/event-stream"), "Hello world")
    pictured = [Said("user", "look", (Image("image/png", b"x"),))]
    with pytest.raises(ModelError):
        await ask(model_server, turns=pictured)
    assert len(model_server.requests) == 1


def refusing(*names: str, seconds: float = 0.2) -> Any:  # noqa: ANN401
    """Return a server that takes none of these parameters, one after the other."""

    def script(request: Request) -> Answer:
        for name in names:
            if name in request.body:
                error = {"message": f"{name} is not supported", "param": name, "code": "no"}
                return Answer(status=400, body=json.dumps({"error": error}).encode(), delay=seconds)
        return Answer('{"a": "b"}')

    return script


async def test_a_parameter_that_is_refused_costs_none_of_those_under_way(
    model_server: ModelServer,
) -> None:
    model_server.script = refusing("temperature", "max_tokens", "stream_options")
    answers = await asyncio.gather(*(ask(model_server, temperature=0.5) for _ in range(5)))
    assert {shown for shown, _ in answers} == {'{"a": "b"}'}
    before = len(model_server.requests)
    await ask(model_server, temperature=0.5)
    assert len(model_server.requests) == before + 1, "it is remembered, by every client"


async def test_nor_does_a_schema(model_server: ModelServer) -> None:
    model_server.script = refusing("max_tokens", "response_format")
    models = [OpenAICompatible(model_server.base_url, None, "n") for _ in range(5)]
    replies = await asyncio.gather(*(one.complete("", HELLO, SCHEMA) for one in models))
    assert {reply.text for reply in replies} == {'{"a": "b"}'}
    for model in models:
        await model.aclose()


async def test_one_error_does_not_end_schemas_and_a_new_refusal_is_heard(
    model_server: ModelServer,
) -> None:
    model = OpenAICompatible(model_server.base_url, None, "o", pause_seconds=0.01)
    model_server.replies(Answer(status=500), '{"a": "b"}')
    await model.complete("", HELLO, SCHEMA)
    model_server.replies('{"a": "b"}')
    await model.complete("", HELLO, SCHEMA)
    assert "response_format" in model_server.requests[-1].body
    model_server.script = refusing("response_format", seconds=0)  # the server was replaced
    assert (await model.complete("", HELLO, SCHEMA)).text == '{"a": "b"}'
    await model.aclose()


async def test_the_servers_reason_is_told_without_the_users_words(
    model_server: ModelServer,
) -> None:
    told = {"message": "unsupported content: my Password is hunter2", "code": "bad_content"}
    model_server.replies(Answer(status=400, body=json.dumps({"error": told}).encode()))
    with pytest.raises(ModelError) as refused:
        await ask(model_server, turns=[Said("user", "My password is hunter2")])
    assert "bad_content unsupported content" in refused.value.told
    assert "hunter2" not in refused.value.told
    assert "assword" not in refused.value.told
    assert reason(b"<html>", ["x"]) == "" == reason({}, [])


ADD = '{"name": "add", "arguments": {"n": 1}}'


@pytest.mark.parametrize(
    "written",
    [
        ADD,
        f"```json\n{ADD}\n```",
        f"```\n{ADD}```",
        f"<tool_call>\n{ADD}\n</tool_call>",
        f"[{ADD}]",
        '{"function": {"name": "add", "arguments": "{\\"n\\": 1}"}}',
        '{"name": "add", "parameters": {"n": 1}}',
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_call_that_is_written_as_text_is_made(
    model_server: ModelServer, written: str, size: int
) -> None:
    pieces = [written[at : at + size] for at in range(0, len(written), size)]
    model_server.replies(events(*({"content": piece} for piece in pieces)))
    shown, whole = await ask(model_server)
    assert (shown, whole.text) == ("", "")
    assert [(call.name, call.arguments) for call in whole.calls] == [("add", {"n": 1})]


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_call_may_have_its_braces_doubled(model_server: ModelServer, size: int) -> None:
    call = '{"name": "add", "arguments": {"n": 1}}'
    for written in (
        f"{{{call}",
        f"{{{call}}}",
        f"{{{call}}}}}",
        f"<tool_call>\n{{{call}}}\n</tool_call>",
    ):
        pieces = [written[at : at + size] for at in range(0, len(written), size)]
        model_server.replies(events(*({"content": piece} for piece in pieces)))
        shown, whole = await ask(model_server)
        assert (shown, whole.text) == ("", "")
        assert [(one.name, one.arguments) for one in whole.calls] == [("add", {"n": 1})]


async def test_a_call_may_be_written_behind_a_sentence(model_server: ModelServer) -> None:
    tag = f"<tool_call>{ADD}</tool_call>"
    text = f"I'll add it. <b>Now</b> {tag}\n{tag}"
    model_server.replies(events(*({"content": one} for one in text)))
    shown, whole = await ask(model_server)
    assert shown == whole.text == "I'll add it. <b>Now</b> "
    assert len({call.id for call in whole.calls}) == 2


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "delete_all", "arguments": {}}',
        f"{ADD} is how a call looks",
        '{"name": "add", "arguments": [1]}',
        '{"name": "add", "arguments": {"n": 1}',
        "```python\nprint(1)\n```",
        '{"a": 1}',
        "`<tool_call>`",
        "[" * 5000,
        '{"name": ' * 2000,
    ],
)
async def test_what_is_no_call_of_a_known_tool_is_text(
    model_server: ModelServer, text: str
) -> None:
    model_server.replies(events(*({"content": text[at : at + 3]} for at in range(0, len(text), 3))))
    shown, whole = await ask(model_server)
    assert (shown, whole.text, whole.calls) == (text, text, ())


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_what_a_model_writes_around_its_text_is_not_shown(
    model_server: ModelServer, size: int
) -> None:
    text = f"<|im_start|>assistant\n<tool_response>\n{ADD}\n</tool_response>\nIt is `<tool_call>`."
    model_server.replies(
        events(*({"content": text[at : at + size]} for at in range(0, len(text), size)))
    )
    shown, whole = await ask(model_server)
    assert (shown, whole.text, whole.calls) == ("It is `<tool_call>`.",) * 2 + ((),)


async def test_nothing_but_a_call_that_can_not_be_read_is_asked_for_again(
    model_server: ModelServer,
) -> None:
    broken = '<tool_call>\n{"name": "delete_all", "arguments": {}}\n</tool_call>'
    model_server.replies(events({"content": broken}), events({"content": "Hello."}))
    shown, whole = await ask(model_server)
    assert (shown, whole.text) == ("Hello.", "Hello.")


async def test_a_server_that_takes_tools_only_without_reasoning_is_told_so(
    model_server: ModelServer,
) -> None:
    def script(request: Request) -> Answer:
        if request.body.get("reasoning_effort") == "none":
            return Answer("fine")
        told = "Function tools with reasoning_effort are not supported; use none."
        return Answer(status=400, body=json.dumps({"error": {"message": told}}).encode())

    model_server.script = script
    assert (await ask(model_server))[0] == (await ask(model_server))[0] == "fine"
    assert len(model_server.requests) == 3, "it is remembered"


CALL: dict[str, Any] = {"index": 0, "id": "call_1", "function": {"name": "add", "arguments": "{}"}}


async def sent_back(server: ModelServer, whole: Whole) -> list[dict[str, Any]]:
    """Tell what came of the calls; return the messages that were sent with it."""
    came = Results({call.id: "done" for call in whole.calls})
    await ask(server, turns=[*HELLO, Called(whole.text, whole.calls, whole.thoughts), came])
    messages: list[dict[str, Any]] = server.requests[-1].body["messages"]
    return messages


async def test_reasoning_and_signatures_go_back_with_the_results(model_server: ModelServer) -> None:
    signed = {"google": {"thought_signature": "c2ln"}}
    model_server.replies(
        events(
            {"reasoning_content": "It wants "},
            {"reasoning_content": "an addition."},
            {"tool_calls": [{**CALL, "extra_content": signed}]},
        ),
        "fine",
    )
    _, whole = await ask(model_server)
    *_, called, _ = await sent_back(model_server, whole)
    assert called["reasoning_content"] == "It wants an addition."
    assert called["tool_calls"][0]["extra_content"] == signed


async def test_what_was_not_sent_does_not_go_back(model_server: ModelServer) -> None:
    model_server.replies(events({"tool_calls": [CALL]}), "fine")
    _, whole = await ask(model_server)
    *_, called, _ = await sent_back(model_server, whole)
    assert called.keys() == {"role", "content", "tool_calls"}
    assert called["tool_calls"][0].keys() == {"id", "type", "function"}


async def test_a_server_that_wants_short_ids_gets_them(model_server: ModelServer) -> None:
    def script(request: Request) -> Answer:
        ids = [one["tool_call_id"] for one in request.body["messages"] if "tool_call_id" in one]
        if not ids:
            return events({"tool_calls": [CALL, {**CALL, "index": 1, "id": "call_2"}]})
        if all(one.isalnum() and len(one) == 9 for one in ids):
            return Answer("fine")
        told = f"Tool call id was {ids[0]} but must be a-z, A-Z, 0-9, with a length of 9."
        return Answer(status=400, body=json.dumps({"error": {"message": told}}).encode())

    model_server.script = script
    _, whole = await ask(model_server)
    *_, called, one, other = await sent_back(model_server, whole)
    ids = [call["id"] for call in called["tool_calls"]]
    assert ids == [one["tool_call_id"], other["tool_call_id"]]
    assert len({*ids}) == 2
    assert len(model_server.requests) == 3


async def test_an_error_of_a_server_that_wants_short_ids_ends(model_server: ModelServer) -> None:
    told = {"error": {"message": "must be a-z, A-Z, 0-9, with a length of 9."}}
    model_server.script = lambda _: Answer(status=400, body=json.dumps(told).encode())
    call = ToolCall("call_1", "add", {})
    with pytest.raises(ModelError):
        await ask(model_server, turns=[*HELLO, Called("", (call,)), Results({"call_1": "done"})])
    assert len(model_server.requests) == 2


async def test_an_overload_in_the_stream_is_tried_again_before_the_first_word_only(
    model_server: ModelServer,
) -> None:
    overloaded = 'data: {"error": {"type": "overloaded_error", "code": 529, "message": "busy"}}\n\n'
    begun = f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': 'He'}}]})}\n\n"
    stream = "text/event-stream"
    model_server.replies(Answer(body=overloaded.encode(), content_type=stream), "Hello")
    assert (await ask(model_server))[0] == "Hello"
    assert len(model_server.requests) == 2
    model_server.replies(Answer(body=f"{begun}{overloaded}".encode(), content_type=stream), "no")
    with pytest.raises(ModelError) as caught:
        await ask(model_server)
    assert caught.value.problem == "busy"
    assert len(model_server.requests) == 3


async def test_thoughts_that_are_marked_only_at_their_end_are_left_out(
    model_server: ModelServer,
) -> None:
    model_server.replies(events({"content": "They greet me."}, {"content": "</think>\n\nHi!"}))
    assert (await ask(model_server))[1].text == "Hi!"
    text = "Write <think> and </think> around it."
    model_server.replies(events({"content": text}))
    assert (await ask(model_server))[1].text == text


@pytest.mark.parametrize(
    ("window", "words", "is_cut"),
    [
        (4096, 6000, True),
        (None, 6000, False),
        (4096, 3000, False),
        (60, 6000, False),  # the rest was in the server's cache
    ],
)
async def test_a_context_window_that_is_too_small_is_noticed(
    model_server: ModelServer, window: int | None, words: int, is_cut: bool
) -> None:
    model_server.window = window
    model_server.script = lambda _: "Hi"
    url = model_server.base_url
    chat = OpenAIChat(ChatOptions("m", base_url=url))
    asked = OpenAICompatible(url, None, "other")
    said = "word " * words
    async with aclosing(chat.stream("", [Said("user", said)])) as items:
        said_back = [item async for item in items]
        assert said_back[0] == "Hi"
    await asked.complete("", [Said("user", said)])
    assert ("only 4096 tokens" in chat.warning) is is_cut
    assert bool(traits(url, "other").cut_to) is is_cut
    model_server.window = None
    async with aclosing(chat.stream("", [Said("user", said)])) as items:
        said_back = [item async for item in items]
        assert said_back[0] == "Hi"
    assert chat.warning == ""
    await chat.aclose()
    await asked.aclose()
