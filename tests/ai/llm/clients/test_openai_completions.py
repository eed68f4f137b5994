"""The real client against a real server that behaves well, badly and strangely."""

import asyncio
import json
import time

import pytest

from ai.llm.clients.openai_completions import OpenAICompatible
from ai.llm.types import SENTENCES, ModelError, Problem, Said, Usage
from tests.ai.conftest import Connect
from tests.support.model_server import Answer, ModelServer

HELLO = [Said("user", "hello there")]
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False, "required": []}


async def test_an_answer_comes_with_its_cost(model_server: ModelServer, connect: Connect) -> None:
    model_server.replies("hello yourself, my friend")
    reply = await connect().complete("", HELLO)
    assert reply.text == "hello yourself, my friend"
    assert reply.usage == Usage(prompt=2, completion=4)
    assert not reply.is_cut_off
    (request,) = model_server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert request.headers["x-title"]
    assert request.body["model"] == "some/model"
    assert request.body["max_tokens"] == 500
    assert "response_format" not in request.body


def test_costs_add_up() -> None:
    assert Usage(1, 2, 3) + Usage(10, 20, 30) == Usage(11, 22, 33)


async def test_a_server_without_a_key_is_sent_a_stand_in(model_server: ModelServer) -> None:
    model_server.replies("hi")
    model = OpenAICompatible(model_server.base_url, None, "local")
    await model.complete("", HELLO)
    await model.aclose()
    await model.aclose()  # twice is no error
    assert model_server.requests[0].headers["authorization"] == "Bearer none"


async def test_a_closed_model_opens_again(model_server: ModelServer, connect: Connect) -> None:
    model_server.replies("one", "two")
    model = connect()
    await model.complete("", HELLO)
    await model.aclose()
    assert (await model.complete("", HELLO)).text == "two"


# Structured output


async def test_the_schema_goes_to_a_server_that_takes_it(
    model_server: ModelServer, connect: Connect
) -> None:
    model_server.replies("{}", "{}")
    model = connect()
    await model.complete("", HELLO, SCHEMA)
    await model.complete("", HELLO, SCHEMA)
    for request in model_server.requests:
        assert request.body["response_format"] == {
            "type": "json_schema",
            "json_schema": {"name": "command", "strict": False, "schema": SCHEMA},
        }


async def test_a_status_that_may_mean_anything_has_to_come_three_times(
    model_server: ModelServer, connect: Connect
) -> None:
    model_server.refuses_schema_with = 500
    model_server.script = lambda _: Answer("{}")
    for _ in range(4):
        await connect("may be broken").complete("", HELLO, SCHEMA)
    sent = ["response_format" in request.body for request in model_server.requests]
    assert sent == [True, False] * 3 + [False]


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_server_that_refuses_the_schema_is_asked_without_it_from_then_on(
    model_server: ModelServer, connect: Connect, status: int
) -> None:
    model_server.refuses_schema_with = status
    model_server.replies("one", "two", "three")
    assert (await connect(f"refusing with {status}").complete("", HELLO, SCHEMA)).text == "one"
    assert (await connect(f"refusing with {status}").complete("", HELLO, SCHEMA)).text == "two"
    assert ["response_format" in r.body for r in model_server.requests] == [True, False, False]
    assert (await connect(f"another with {status}").complete("", HELLO, SCHEMA)).text == "three"
    assert ["response_format" in r.body for r in model_server.requests[3:]] == [True, False]


async def test_a_server_that_is_broken_altogether_is_not_taken_for_a_refusal(
    model_server: ModelServer, connect: Connect
) -> None:
    model_server.replies(*[Answer(status=500)] * 4, "better")
    model = connect()
    with pytest.raises(ModelError) as caught:
        await model.complete("", HELLO, SCHEMA)
    assert caught.value.problem == "broken"
    await model.complete("", HELLO, SCHEMA)
    assert "response_format" in model_server.requests[-1].body


async def test_a_server_that_took_the_schema_once_is_retried_with_it(
    model_server: ModelServer, connect: Connect
) -> None:
    model_server.replies("{}", Answer(status=500), "{}")
    model = connect()
    await model.complete("", HELLO, SCHEMA)
    await model.complete("", HELLO, SCHEMA)
    assert all("response_format" in request.body for request in model_server.requests)


# Failures


@pytest.mark.parametrize(
    ("status", "problem", "requests"),
    [
        (400, "rejected", 1),
        (401, "key", 1),
        (402, "credit", 1),
        (403, "key", 1),
        (404, "unknown", 1),
        (413, "rejected", 1),
        (429, "busy", 3),
        (500, "broken", 3),
        (503, "broken", 3),
    ],
)
async def test_an_error_becomes_one_plain_sentence(
    model_server: ModelServer, connect: Connect, status: int, problem: Problem, requests: int
) -> None:
    model_server.script = lambda _: Answer(status=status)
    with pytest.raises(ModelError) as caught:
        await connect().complete("", HELLO)
    assert caught.value.problem == problem
    assert str(caught.value) == SENTENCES[problem]
    assert "sk-secret" not in repr(caught.value)
    assert len(model_server.requests) == requests


def test_every_sentence_is_one_a_person_can_read() -> None:
    for sentence in SENTENCES.values():
        assert sentence.startswith("The language model")
        assert sentence.endswith(".")


async def test_what_passes_is_tried_again(model_server: ModelServer, connect: Connect) -> None:
    model_server.replies(Answer(status=503), Answer(status=429), "at last")
    assert (await connect().complete("", HELLO)).text == "at last"


async def test_the_pause_that_a_server_asks_for_is_kept(
    model_server: ModelServer, connect: Connect
) -> None:
    model_server.replies(Answer(status=429, headers={"Retry-After": "0.3"}), "now")
    started = time.monotonic()
    assert (await connect().complete("", HELLO)).text == "now"
    assert time.monotonic() - started >= 0.3


async def test_a_pause_longer_than_there_is_time_for_is_told_at_once(
    model_server: ModelServer, connect: Connect
) -> None:
    model_server.replies(Answer(status=429, headers={"Retry-After": "3600"}))
    started = time.monotonic()
    with pytest.raises(ModelError) as caught:
        await connect().complete("", HELLO)
    assert (caught.value.problem, caught.value.retry_after) == ("busy", 3600)
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("when", ["Wed, 21 Oct 2099 07:28:00 GMT", "soon", "-5", "nan"])
async def test_a_pause_that_is_no_number_of_seconds_is_no_reason_to_fail(
    model_server: ModelServer, connect: Connect, when: str
) -> None:
    model_server.replies(Answer(status=429, headers={"Retry-After": when}), "fine")
    assert (await connect().complete("", HELLO)).text == "fine"


@pytest.mark.parametrize("answer", [Answer(hangs=True), Answer("x" * 500, trickles=True)])
async def test_a_server_that_hangs_or_trickles_is_left_in_time(
    model_server: ModelServer, connect: Connect, answer: Answer
) -> None:
    model_server.replies(answer)
    started = time.monotonic()
    with pytest.raises(ModelError) as caught:
        await connect(timeout=0.3).complete("", HELLO)
    assert caught.value.problem == "timeout"
    assert time.monotonic() - started < 10


async def test_a_server_that_is_not_there_is_told(connect: Connect) -> None:
    with pytest.raises(ModelError) as caught:
        await connect(base_url="http://127.0.0.1:9/v1").complete("", HELLO)
    assert caught.value.problem == "unreachable"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<html>Bad gateway</html>", content_type="text/html"),
        Answer(body=b"{", content_type="application/json"),
        Answer(body=b"", content_type="application/json"),
        Answer(body=b"null"),
        Answer(body=b"[]"),
        Answer(body=b"{}"),
        Answer(body=b'{"choices": []}'),
        Answer(body=b'{"choices": null}'),
        Answer(body=b'{"choices": [{}]}'),
        Answer(body=b'{"choices": [{"message": null}]}'),
        Answer(body=b'{"choices": "none"}'),
        Answer(body=b'{"error": "no"}'),
    ],
)
async def test_nonsense_from_the_server_is_told(
    model_server: ModelServer, connect: Connect, answer: Answer
) -> None:
    model_server.replies(answer)
    with pytest.raises(ModelError) as caught:
        await connect().complete("", HELLO)
    assert caught.value.problem == "broken"


async def test_an_error_in_a_good_answer_is_read(
    model_server: ModelServer, connect: Connect
) -> None:
    body = json.dumps({"error": {"code": 402, "message": "Insufficient credits"}}).encode()
    model_server.replies(Answer(body=body))
    with pytest.raises(ModelError) as caught:
        await connect().complete("", HELLO)
    assert caught.value.problem == "credit"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(None, message={"refusal": "I can't help with that."}),
        Answer("", finish_reason="content_filter"),
    ],
)
async def test_a_refusal_is_told(
    model_server: ModelServer, connect: Connect, answer: Answer
) -> None:
    model_server.replies(answer)
    with pytest.raises(ModelError) as caught:
        await connect().complete("", HELLO)
    assert caught.value.problem == "refused"


# Odd but good answers


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_the_fields_for_reasoning_are_read(
    model_server: ModelServer, connect: Connect, field: str
) -> None:
    model_server.replies(Answer(None, message={field: "{}"}))
    reply = await connect().complete("", HELLO)
    assert (reply.text, reply.reasoning) == ("", "{}")


async def test_reasoning_of_another_shape_is_left_alone(
    model_server: ModelServer, connect: Connect
) -> None:
    model_server.replies(Answer("hi", message={"reasoning": [{"text": "x"}]}))
    assert (await connect().complete("", HELLO)).reasoning == ""


async def test_an_answer_that_was_cut_off_says_so(
    model_server: ModelServer, connect: Connect
) -> None:
    model_server.replies(Answer("{", finish_reason="length"))
    assert (await connect().complete("", HELLO)).is_cut_off


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage()),
        ({}, Usage()),
        ({"prompt_tokens": None, "completion_tokens": 3}, Usage(0, 3)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 8},
            },
            Usage(9, 1, 8),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {}}, Usage(9, 1)),
    ],
)
async def test_a_cost_that_is_left_out_is_nothing(
    model_server: ModelServer, connect: Connect, usage: object, expected: Usage
) -> None:
    body = {"choices": [{"message": {"role": "assistant", "content": "hi"}}], "usage": usage}
    model_server.replies(Answer(body=json.dumps(body).encode()))
    assert (await connect().complete("", HELLO)).usage == expected


async def test_a_slow_answer_holds_up_no_other(model_server: ModelServer, connect: Connect) -> None:
    model_server.script = lambda request: (
        Answer("slow", delay=3) if "slow" in request.user else Answer("fast")
    )
    model = connect()
    slow = asyncio.create_task(model.complete("", [Said("user", "slow")]))
    await asyncio.sleep(0)
    assert (await model.complete("", HELLO)).text == "fast"
    assert not slow.done()
    assert (await slow).text == "slow"
