"""Schemas for servers that know no `anyOf`, and which of them a server is sent."""

import json
from collections.abc import AsyncIterator

import pytest

from ai.extraction.checks import find_spec
from ai.extraction.prompt import schema
from ai.llm import traits
from ai.llm.clients.openai_completions import OpenAICompatible
from ai.llm.schemas import flattened
from ai.llm.types import Said
from tests.ai.commands import COMMANDS
from tests.support.model_server import Answer, ModelServer, Request

HELLO = [Said("user", "hi")]
SCHEMA = schema(COMMANDS)


@pytest.fixture
async def model(
    model_server: ModelServer, request: pytest.FixtureRequest
) -> AsyncIterator[OpenAICompatible]:
    """A model that nothing is remembered of, by the test's own name."""
    made = OpenAICompatible(model_server.base_url, None, request.node.name, pause_seconds=0.01)
    yield made
    await made.aclose()


def kinds(server: ModelServer) -> list[str]:
    """Return what each request asked for: a choice, a flat schema or none."""
    bodies = [json.dumps(request.body.get("response_format")) for request in server.requests]
    return ["none" if b == "null" else "choice" if "anyOf" in b else "flat" for b in bodies]


def test_a_flat_schema_has_the_fields_of_every_command() -> None:
    flat = flattened(SCHEMA)
    assert "anyOf" not in json.dumps(flat)
    assert "const" not in json.dumps(flat)
    one = flat["properties"]["commands"]["items"]
    names = one["properties"]["command"]["enum"]
    assert names[-1] == "none"
    assert all(find_spec({"command": name}, COMMANDS) for name in names[:-1])
    assert one["required"] == ["command"]
    assert one["properties"].keys() >= {"name", "due", "percent", "colour", "reply"}


def test_a_schema_without_a_choice_is_flat() -> None:
    assert flattened(plain := {"type": "object", "properties": {"a": {"type": "string"}}}) is plain


def test_fields_that_differ_are_texts() -> None:
    def variant(kind: str) -> dict[str, object]:
        return {"type": "object", "properties": {"a": {"type": kind}}, "required": ["a"]}

    joined = flattened({"anyOf": [variant("string"), variant("array"), variant("integer")]})
    assert joined["properties"] == {"a": {"type": "string"}}
    assert joined["required"] == ["a"]


def refusing(word: str, status: int = 400) -> Answer | str:
    return Answer(status=status, body=json.dumps({"error": {"message": f"no {word}"}}).encode())


@pytest.mark.parametrize("told", ["anyOf is not supported", "the request is not valid"])
async def test_a_server_that_refuses_a_choice_gets_a_flat_schema(
    model_server: ModelServer,
    model: OpenAICompatible,
    monkeypatch: pytest.MonkeyPatch,
    told: str,
) -> None:
    def script(request: Request) -> Answer | str:
        return refusing(told) if "anyOf" in json.dumps(request.body["response_format"]) else "{}"

    model_server.script = script
    for _ in range(2):
        await model.complete("", HELLO, SCHEMA)
    assert kinds(model_server) == ["choice", "flat", "flat"]
    later = traits.time.monotonic() + traits.REMEMBERED + 1
    monkeypatch.setattr(traits.time, "monotonic", lambda: later)
    model_server.requests.clear()
    await model.complete("", HELLO, SCHEMA)
    assert kinds(model_server) == ["choice", "flat"], "the server may have been replaced"


async def test_a_server_that_refuses_both_gets_none(
    model_server: ModelServer, model: OpenAICompatible
) -> None:
    model_server.refuses_schema_with = 400
    model_server.script = lambda _: "{}"
    for _ in range(2):
        await model.complete("", HELLO, SCHEMA)
    assert kinds(model_server) == ["choice", "flat", "none", "none"]


async def test_a_broken_server_is_not_taken_for_one_that_refuses(
    model_server: ModelServer, model: OpenAICompatible
) -> None:
    model_server.replies(Answer(status=500), Answer(status=500), "{}", "{}")
    await model.complete("", HELLO, SCHEMA)
    await model.complete("", HELLO, SCHEMA)
    assert kinds(model_server) == ["choice", "flat", "none", "choice"]
