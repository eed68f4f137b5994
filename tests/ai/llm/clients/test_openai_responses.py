"""OpenAI's Responses API, by a server that answers as OpenAI's API reference says.

OpenAI's own has not been asked: nothing here is shown of it.
"""

import json
from typing import Any

import pytest

from ai.llm.chat import ChatOptions
from ai.llm.clients.openai import OpenAIChat
from ai.llm.clients.openai_responses import SEALED_THOUGHTS, OpenAIResponses, is_openais
from ai.llm.registry import ProvidedChat
from ai.llm.types import Answer as Whole
from ai.llm.types import Called, Image, ModelError, Results, Said, Tool, ToolCall, Turn, Usage
from tests.support.model_server import Answer, ModelServer, streamed
from tests.support.model_streams import event

HELLO: list[Turn] = [Said("user", "hello there")]
TOOL = Tool("add", "Add.", {"type": "object", "properties": {"name": {"type": "string"}}})
REFUSED = '{{"error": {{"message": "{}", "type": "invalid_request_error", "param": {}}}}}'


async def ask(server: ModelServer, turns: list[Turn] = HELLO, **options: Any) -> tuple[str, Whole]:  # noqa: ANN401
    """Ask; return what was shown, and the whole answer."""
    model = options.pop("model", "m")
    url = server.base_url
    chat = OpenAIResponses(ChatOptions(model, base_url=url, pause_seconds=0.01, **options))
    return await streamed(chat, "Be kind.", turns, [TOOL])


async def test_a_talk_is_streamed_with_its_usage(model_server: ModelServer) -> None:
    model_server.replies("Hello to you.")
    shown, whole = await ask(model_server, temperature=0.5, max_tokens=99)
    assert shown == whole.text == "Hello to you."
    assert whole.usage == Usage(2, 3)
    (asked,) = model_server.requests
    assert asked.path == "/v1/responses"
    assert asked.body["instructions"] == "Be kind."
    assert asked.body["input"] == [{"role": "user", "content": "hello there"}]
    assert asked.body["store"] is False
    assert asked.body["max_output_tokens"] == 99
    assert asked.body["temperature"] == 0.5
    (tool,) = asked.body["tools"]
    assert tool == {
        "type": "function",
        "name": "add",
        "description": "Add.",
        "parameters": TOOL.schema,
        "strict": False,
    }


async def test_thoughts_and_calls_go_back_with_the_results(model_server: ModelServer) -> None:
    calls: list[Any] = [("add", {"name": "milk"}), ("add", "no JSON")]
    model_server.replies(Answer("Sure.", calls=calls, thinks="Hm."), "Done.")
    shown, whole = await ask(model_server)
    assert shown == "Sure."
    assert whole.calls == (
        ToolCall("call_0", "add", {"name": "milk"}),
        ToolCall("call_1", "add", None),
    )
    called = Called(whole.text, whole.calls, whole.thoughts)
    results = Results({"call_0": "Added.", "call_1": "No."})
    shown, _ = await ask(model_server, [*HELLO, called, results])
    assert shown == "Done."
    sent = model_server.requests[-1].body["input"]
    assert [item.get("type") for item in sent] == [
        None,
        "reasoning",
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
    ]
    assert sent[1]["encrypted_content"] == "sealed"
    assert sent[-2] == {"type": "function_call_output", "call_id": "call_0", "output": "Added."}


async def test_pictures_are_shown(model_server: ModelServer) -> None:
    model_server.replies("A cat.")
    await ask(model_server, [Said("user", "what?", (Image("image/png", b"png"),))])
    text, picture = model_server.requests[0].body["input"][0]["content"]
    assert text == {"type": "input_text", "text": "what?"}
    assert picture["image_url"] == "data:image/png;base64,cG5n"


@pytest.mark.parametrize(
    ("message", "param", "name"),
    [
        ("Unsupported parameter: 'temperature'", '"temperature"', "temperature"),
        ("Encrypted content is not supported with this model.", "null", "include"),
    ],
)
async def test_what_a_model_refuses_is_left_out(
    model_server: ModelServer, message: str, param: str, name: str
) -> None:
    body = REFUSED.format(message, param).encode()
    model_server.replies(Answer(status=400, body=body), "Hi.", "Hi.")
    for _ in range(2):
        shown, _ = await ask(model_server, temperature=0.5, model=name)
        assert shown == "Hi."
    assert [name in request.body for request in model_server.requests] == [True, False, False]
    assert model_server.requests[0].body["include"] == [SEALED_THOUGHTS]


async def test_an_answer_that_is_cut_off_says_so_and_thinking_gets_more_room(
    model_server: ModelServer,
) -> None:
    model_server.replies(Answer("Once upon", finish_reason="length"))
    _, whole = await ask(model_server, model="cut")
    assert whole.is_cut_off
    model_server.replies(Answer("", finish_reason="length"), "Now.")
    shown, _ = await ask(model_server, model="cut", max_tokens=100)
    assert shown == "Now.", "it is asked again"
    assert model_server.requests[-1].body["max_output_tokens"] == 400


def stream(*events: str) -> Answer:
    return Answer(body="".join(events).encode(), content_type="text/event-stream")


def failed(code: str) -> str:
    response = {"id": "r", "object": "response", "error": {"code": code, "message": "no"}}
    return event("response.failed", sequence_number=1, response={**response, "output": []})


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (stream(failed("server_error")), "broken"),
        (stream(failed("rate_limit_exceeded")), "busy"),
        (stream(failed("invalid_prompt")), "rejected"),
        (stream(event("error", code="server_error", message="no", param=None)), "broken"),
        (stream(event("response.refusal.delta", delta="I can't"), failed("x")), "rejected"),
        (Answer("I", finish_reason="content_filter"), "refused"),
        (stream(event("response.in_progress", response={})), "broken"),
        (Answer(status=401), "key"),
        (Answer(body=b"<html>", content_type="text/html"), "broken"),
        (stream("data: {\n\n"), "broken"),
        (stream(event("response.completed", response=None)), "broken"),
        (stream(event("response.output_item.done", item=json.loads("7"))), "broken"),
    ],
)
async def test_what_goes_wrong_is_told(
    model_server: ModelServer, answer: Answer, problem: str
) -> None:
    model_server.script = lambda _: answer
    with pytest.raises(ModelError) as told:
        await ask(model_server)
    assert told.value.problem == problem


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://api.openai.com.example.org/v1", False),
        ("https://openrouter.ai/api/v1", False),
        ("http://127.0.0.1:11434/v1", False),
    ],
)
def test_it_is_used_at_openais_own_addresses_alone(url: str, own: bool) -> None:
    assert is_openais(url) is own
    chat = ProvidedChat("openai", ChatOptions("m", base_url=url))
    assert chat._import() is (OpenAIResponses if own else OpenAIChat)
