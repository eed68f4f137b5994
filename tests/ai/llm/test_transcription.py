"""Speech to text, against a server that behaves well, badly and strangely."""

import logging
from collections.abc import AsyncIterator, Callable

import pytest

from ai.llm.transcription import EXTENSIONS, MAX_ANSWER, Transcriber
from ai.llm.types import ModelError, Problem, Usage
from tests.support.speech_server import KEY, KINDS, Speech, SpeechServer, speech_server

__all__ = ["speech_server"]

Listen = Callable[..., Transcriber]
PAGE = b"<!DOCTYPE html><html><body>Welcome to nginx!</body></html>"


@pytest.fixture
async def listen(speech_server: SpeechServer) -> AsyncIterator[Listen]:
    """Make clients of the server."""
    made: list[Transcriber] = []

    def make(base_url: str = "", key: str | None = KEY, timeout: float = 10) -> Transcriber:
        made.append(Transcriber(base_url or speech_server.base_url, key, "some-model", timeout))
        return made[-1]

    yield make
    for transcriber in made:
        await transcriber.aclose()


async def problem(transcriber: Transcriber) -> ModelError:
    with pytest.raises(ModelError) as raised:
        await transcriber.transcribe(b"sound", "audio/ogg", 3)
    return raised.value


async def test_a_recording_is_sent_as_documented(
    speech_server: SpeechServer, listen: Listen
) -> None:
    speech_server.says("Buy milk.")
    answer = await listen().transcribe(b"\0sound\r\n--x", "audio/ogg", 3)
    assert (answer.text, answer.model) == ("Buy milk.", "some-model")
    (upload,) = speech_server.uploads
    assert upload.model == "some-model"
    assert (upload.filename, upload.media_type) == ("speech.ogg", "audio/ogg")
    assert upload.data == b"\0sound\r\n--x"
    assert {*EXTENSIONS.values()} <= {*KINDS}


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"type": "tokens", "input_tokens": 14, "output_tokens": 45}, Usage(14, 45)),
        ({"type": "duration", "seconds": 9}, Usage(90, 0)),
        ({"type": "duration", "seconds": "nine"}, Usage(30, 3)),
        (None, Usage(30, 3)),
    ],
)
async def test_what_it_cost_is_told_or_estimated(
    speech_server: SpeechServer, listen: Listen, told: dict[str, object] | None, usage: Usage
) -> None:
    speech_server.says(Speech("Buy milk.", usage=told))
    assert (await listen().transcribe(b"sound", "audio/ogg", 3)).usage == usage


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (" And so my fellow Americans\n ask not\n", "And so my fellow Americans ask not"),
        ("milk\0eggs", "milk eggs"),
        ("half \ud83d", "half \ufffd"),
        (" \n", ""),
    ],
)
async def test_the_text_is_one_clean_line(
    speech_server: SpeechServer, listen: Listen, said: str, text: str
) -> None:
    speech_server.says(said)
    assert (await listen().transcribe(b"sound", "audio/ogg", 3)).text == text


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Speech(status=400), "rejected"),
        (Speech(status=404), "unknown"),
        (Speech(status=429), "busy"),
        (Speech(status=500), "broken"),
        (Speech(status=302), "broken"),
        (Speech(body=PAGE), "broken"),
        (Speech(body=b"[" * 100_000), "broken"),
        (Speech(body=b'{"text": null}'), "broken"),
        (Speech(body=b'{"text": ["no"]}'), "broken"),
        (Speech(body=b"\xff\xfe"), "broken"),
        (Speech("word " * MAX_ANSWER), "broken"),
    ],
)
async def test_what_can_not_be_used_is_a_problem(
    speech_server: SpeechServer, listen: Listen, answer: Speech, kind: Problem
) -> None:
    speech_server.says(answer)
    assert (await problem(listen())).problem == kind


async def test_a_server_that_drips_is_given_up(speech_server: SpeechServer, listen: Listen) -> None:
    speech_server.says(Speech(drips=True))
    error = await problem(listen(timeout=0.2))
    assert (error.problem, error.usage) == ("timeout", Usage(30))


async def test_nobody_there_and_a_wrong_key(
    listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    away = listen("http://127.0.0.1:9/v1")
    assert (await problem(away)).problem == "unreachable"
    refused = await problem(listen(key="sk-wrong"))
    assert refused.problem == "key"
    assert (await problem(listen(key=None))).problem == "key"
    assert "sk-wrong" not in caplog.text + refused.told
