"""The providers' clients: imported beside everything else, and optional."""

import asyncio
import subprocess
import sys
from contextlib import aclosing

import pytest

from ai.llm.chat import ChatOptions
from ai.llm.registry import PROVIDERS, Name, ProvidedChat, missing_package
from ai.llm.types import Answer, Said
from config.settings import ROOT, Settings
from tests.support.model_server import ModelServer


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("name", list(PROVIDERS))
def test_a_provider_has_its_settings(name: Name) -> None:
    assert {PROVIDERS[name].key, PROVIDERS[name].base_url} <= Settings.model_fields.keys()
    assert missing_package(name) is None


def test_a_package_that_is_not_there_is_named() -> None:
    told = run(
        "import sys\n"
        "sys.modules['anthropic'] = None  # as where it is not installed\n"
        "from ai.llm.registry import missing_package\n"
        "print(missing_package('anthropic'), missing_package('openai'), sep='\\n')"
    )
    assert told.splitlines() == [
        "the package anthropic is not installed; add it with `pip install anthropic`",
        "None",
    ]


def test_the_start_imports_no_client() -> None:
    told = run("import sys, bot.agents.llm; print({'openai', 'anthropic'} & {*sys.modules})")
    assert told == "set()"


def test_the_import_leaves_the_event_loop_free() -> None:
    late = run(
        "import asyncio, time\n"
        "from ai.llm.registry import ProvidedChat\n"
        "from ai.llm.chat import ChatOptions\n"
        "from ai.llm.types import Said\n"
        "async def main():\n"
        "    chat = ProvidedChat('openai', ChatOptions('m', 'k', 'http://127.0.0.1:9'))\n"
        "    asking = asyncio.ensure_future(anext(chat.stream('', [Said('user', 'x')])))\n"
        "    ticks = 0\n"
        "    while not asking.done():\n"
        "        await asyncio.sleep(0.01)\n"
        "        ticks += 1\n"
        "    asking.exception()\n"
        "    await chat.aclose()\n"
        "    print(ticks)\n"
        "asyncio.run(main())\n"
    )
    assert int(late) > 20


@pytest.mark.parametrize("name", list(PROVIDERS))
async def test_it_talks(name: Name, model_server: ModelServer) -> None:
    anthropic = name == "anthropic"
    url = model_server.anthropic_url if anthropic else model_server.base_url
    chat = ProvidedChat(name, ChatOptions("m", "key", url))
    model_server.script = lambda _: "Hello."

    async def ask() -> str:
        async with aclosing(chat.stream("", [Said("user", "hello")])) as items:
            return "".join([item.text async for item in items if isinstance(item, Answer)])

    assert await asyncio.gather(ask(), ask()) == ["Hello.", "Hello."]
    await chat.aclose()
    assert model_server.requests[0].is_anthropic == anthropic
