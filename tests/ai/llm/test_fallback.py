"""Several models as one, on a real server that answers for each by its name."""

import json
from collections.abc import AsyncIterator, Callable

import pytest

from ai.config import Price, load_ai_config
from ai.llm.clients.openai_completions import OpenAICompatible
from ai.llm.fallback import Fallbacks
from ai.llm.registry import model_of
from ai.llm.types import SENTENCES, ModelError, Problem, Usage
from config.settings import ROOT, Settings
from tests.ai.conftest import Connect
from tests.ai.llm.clients.test_openai_completions import HELLO, SCHEMA
from tests.support.model_server import Answer, ModelServer, Request

CONFIG = load_ai_config(ROOT / "ai" / "ai_config.json")

Chain = Callable[..., Fallbacks]


class Seconds:
    """A clock that stands still until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def chain(connect: Connect, seconds: Seconds) -> AsyncIterator[Chain]:
    made: list[Fallbacks] = []

    def make(*names: str, timeout: float = 10) -> Fallbacks:
        made.append(Fallbacks([connect(name, timeout=timeout) for name in names], seconds))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


def by_model(**answers: Answer) -> Callable[[Request], Answer]:
    return lambda request: answers[request.body["model"]]


def asked(server: ModelServer) -> list[str]:
    return [request.body["model"] for request in server.requests]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=401),
        Answer(status=402),
        Answer(status=404),
        Answer(status=429),
        Answer(status=429, headers={"Retry-After": "600"}),
        Answer(status=500),
        Answer(status=503),
        Answer(body=b"<html>", content_type="text/html"),
        Answer(None, message={"refusal": "no"}),
        Answer("", finish_reason="content_filter"),
        Answer(hangs=True),
    ],
)
async def test_where_the_first_gives_no_answer_the_next_is_asked(
    model_server: ModelServer, chain: Chain, answer: Answer
) -> None:
    model_server.script = by_model(one=answer, two=Answer("hello"))
    reply = await chain("one", "two", timeout=1).complete("", HELLO)
    assert (reply.text, reply.model) == ("hello", "two")
    assert asked(model_server)[-1] == "two"


async def test_the_next_is_not_asked_where_the_first_answers(
    model_server: ModelServer, chain: Chain
) -> None:
    model_server.script = by_model(one=Answer("hello"))
    assert (await chain("one", "two").complete("", HELLO)).model == "one"


async def test_who_asks_for_a_long_pause_is_passed_over_until_then(
    model_server: ModelServer, chain: Chain, seconds: Seconds
) -> None:
    rest = Answer(status=429, headers={"Retry-After": "60"})
    model_server.script = by_model(one=rest, two=Answer("hello"))
    models = chain("one", "two")
    await models.complete("", HELLO)
    await models.complete("", HELLO)
    assert asked(model_server) == ["one", "two", "two"]
    seconds.now += 61
    await models.complete("", HELLO)
    assert asked(model_server)[3:] == ["one", "two"]


async def test_where_all_rest_nobody_is_asked(model_server: ModelServer, chain: Chain) -> None:
    model_server.script = lambda _: Answer(status=429, headers={"Retry-After": "60"})
    models = chain("one", "two")
    for _ in range(2):
        with pytest.raises(ModelError) as caught:
            await models.complete("", HELLO)
        assert str(caught.value) == SENTENCES["busy"]
    assert asked(model_server) == ["one", "two"]


async def test_the_first_ones_problem_is_told(model_server: ModelServer, chain: Chain) -> None:
    model_server.script = by_model(one=Answer(status=402), two=Answer(status=404))
    with pytest.raises(ModelError) as caught:
        await chain("one", "two").complete("", HELLO)
    assert caught.value.problem == "credit"


async def test_a_refusals_cost_is_not_lost(model_server: ModelServer, chain: Chain) -> None:
    refusal = Answer("no no no", message={"refusal": "no"})
    model_server.script = by_model(one=refusal, two=Answer("hello"))
    reply = await chain("one", "two").complete("", HELLO)
    assert (reply.usage, reply.model) == (Usage(prompt=2, completion=1), "two")
    assert reply.before == ((Usage(prompt=2, completion=3), "one"),)
    with pytest.raises(ModelError) as caught:
        await chain("one").complete("", HELLO)
    assert caught.value.usage == Usage(prompt=2, completion=3)


def test_the_configuration_names_the_fallbacks() -> None:
    settings = Settings.model_validate({"openrouter_api_key": "sk-secret"})
    assert isinstance(model_of(settings, CONFIG), OpenAICompatible)
    config = CONFIG.model_copy(update={"models": ["b", CONFIG.model, "c"]})
    model = model_of(settings, config)
    assert isinstance(model, Fallbacks)
    assert len(model._models) == 3


def test_tokens_have_a_price() -> None:
    price = Price(prompt=0.1, completion=0.4)
    assert Usage(1_000_000, 500_000).cost(price) == pytest.approx(0.3)
    assert Usage(5, 5).cost(None) == 0


# Reasoning models


LIMIT_REFUSED = json.dumps(
    {
        "error": {
            "message": "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "type": "invalid_request_error",
            "param": "max_tokens",
            "code": "unsupported_parameter",
        }
    }
).encode()


async def test_a_model_that_refuses_max_tokens_gets_its_own_name_for_it_from_then_on(
    model_server: ModelServer, connect: Connect
) -> None:
    def script(request: Request) -> Answer:
        return (
            Answer(status=400, body=LIMIT_REFUSED) if "max_tokens" in request.body else Answer("hi")
        )

    model_server.script = script
    for _ in range(2):
        assert (await connect("thinker").complete("", HELLO, SCHEMA)).text == "hi"
    bodies = [request.body for request in model_server.requests]
    assert [body.get("max_tokens") for body in bodies] == [500, None, None]
    assert [body.get("max_completion_tokens") for body in bodies] == [None, 500, 500]
    assert all("response_format" in body for body in bodies)


async def test_a_model_that_thinks_all_its_tokens_away_gets_more(
    model_server: ModelServer, connect: Connect
) -> None:
    thought = Answer(None, finish_reason="length", message={"reasoning": "Hm, let me see."})
    model_server.replies(thought, thought, thought, "hi")
    model = connect("brooder")
    for _ in range(4):
        await model.complete("", HELLO)
    limits = [request.body["max_tokens"] for request in model_server.requests]
    assert limits == [500, 2000, 8000, 8000]


async def test_a_short_pause_is_kept_and_a_long_one_is_not(
    model_server: ModelServer, connect: Connect
) -> None:
    model_server.replies(Answer(status=429, headers={"Retry-After": "6"}))
    with pytest.raises(ModelError) as caught:
        await connect(timeout=30).complete("", HELLO)
    problem: Problem = "busy"
    assert (caught.value.problem, caught.value.retry_after) == (problem, 6)
    assert len(model_server.requests) == 1
