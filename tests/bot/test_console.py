"""The conversation in a terminal, and over pipes."""

import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from ai.llm.clients.openai_completions import OpenAICompatible
from bot import console
from bot.console import Console, run_console
from bot.framework.registry import CommandModule
from bot.runtime.deliveries import Undeliverable
from config.settings import Settings, get_settings
from core.reminders import fire_due
from tests.support.chat import World
from tests.support.model_server import Answer, ModelServer
from tests.support.people import PASSWORD
from tests.support.waiting import until

Pipe = Callable[..., None]


@pytest.fixture
def settings() -> Settings:
    return get_settings().model_copy(
        update={"chat_wait_seconds": 5, "wake_interval": 0.05, "shutdown_timeout": 0.2}
    )


@pytest.fixture
def terminal(world: World) -> Console:
    return Console(world.conversation, world.api, world.settings, world.clock)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    """Write to what the program reads; `end=True` closes it."""
    reading, writing = os.pipe()
    source, sink = os.fdopen(reading), os.fdopen(writing, "w")
    monkeypatch.setattr(sys, "stdin", source)

    def write(*lines: str, end: bool = False) -> None:
        sink.write("".join(f"{line}\n" for line in lines))
        sink.flush()
        if end:
            sink.close()

    yield write
    sink.close()
    source.close()


class Screen:
    """What the program prints, and what it draws on a terminal."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.drawn = io.StringIO()
        self._capsys = capsys
        self._printed = ""

    @property
    def text(self) -> str:
        self._printed += self._capsys.readouterr().out
        return self._printed + self.drawn.getvalue()


@pytest.fixture
def screen(capsys: pytest.CaptureFixture[str]) -> Screen:
    """What the program shows."""
    return Screen(capsys)


@asynccontextmanager
async def started(terminal: Console) -> AsyncIterator[asyncio.Task[int]]:
    """Run the conversation beside the test; it ends by itself."""
    task = asyncio.create_task(terminal.run())
    try:
        yield task
        async with asyncio.timeout(10):
            assert await task == 0
    finally:
        task.cancel()


async def test_piped_lines_are_echoed_and_answered(
    terminal: Console, pipe: Pipe, screen: Screen
) -> None:
    pipe("register", "ada", PASSWORD, "", "add *milk* to my errands", "list my errands", end=True)
    assert await terminal.run() == 0
    output = screen.text
    assert PASSWORD not in output
    assert output.startswith(
        "you> register\nbot> Let's make you an account. What should your user name be?\n"
        "you> ada\nbot> Choose a password of 8 to 72 characters.\n"
        "you> ********\nbot> Hello, ada! You are logged in."
    )
    assert output.endswith(
        "you> add *milk* to my errands\nbot> Added *milk*.\n"
        "you> list my errands\nbot> Your errands:\n     • *milk*\n"
    )


async def test_at_the_end_of_input_reminders_are_waited_for(
    terminal: Console, world: World, pipe: Pipe, screen: Screen
) -> None:
    pipe(
        "register",
        "ada",
        PASSWORD,
        "remind me of the errand plants in 3 seconds",
        end=True,
    )
    async with started(terminal) as running:
        await until(lambda: "Added" in screen.text)
        await asyncio.sleep(0.3)
        assert not running.done()
        world.clock.forward(seconds=3)
        await asyncio.to_thread(fire_due, world.clock())
    assert screen.text.endswith("bot> Reminder: plants\n")


async def test_reminders_of_another_day_are_not_waited_for(
    terminal: Console, pipe: Pipe, screen: Screen
) -> None:
    pipe("register", "ada", PASSWORD, "remind me of the errand call mum tomorrow", end=True)
    async with started(terminal):
        pass
    assert "Added call mum" in screen.text


async def test_a_reminder_comes_between_two_lines(
    terminal: Console, world: World, pipe: Pipe, screen: Screen
) -> None:
    pipe("register", "ada", PASSWORD, "remind me of the errand plants in 3 seconds")
    async with started(terminal):
        await until(lambda: "Added" in screen.text)
        world.clock.forward(seconds=3)
        await asyncio.to_thread(fire_due, world.clock())
        await until(lambda: "bot> Reminder: plants" in screen.text)
        pipe("thanks", end=True)
    assert screen.text.endswith("you> thanks\nbot> You're welcome, ada.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_in_order(
    terminal: Console, pipe: Pipe, screen: Screen, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    pipe("register")
    async with started(terminal):
        await until(lambda: "user name" in screen.text)
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


async def test_a_signal_cuts_a_long_answer_short(
    model_server: ModelServer, world: World, terminal: Console, pipe: Pipe, screen: Screen
) -> None:
    model = OpenAICompatible(model_server.base_url, "key", "test-model")
    await world.know(CommandModule("shop", "A shop"), model=model)
    model_server.replies(Answer(hangs=True))
    terminal = Console(world.conversation, world.api, world.settings, world.clock)
    pipe("register", "ada", PASSWORD, "a cup of tea, if you would be so kind")
    async with started(terminal):
        await until(lambda: model_server.requests)
        os.kill(os.getpid(), signal.SIGTERM)


class Terminal(io.StringIO):
    """An input that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> Iterator[PipeInput]:
    """A keyboard, whose terminal is the screen."""
    monkeypatch.setattr(sys, "stdin", Terminal())
    output = Vt100_Output(screen.drawn, lambda: Size(rows=40, columns=200), term="dumb")
    with create_pipe_input() as keys, create_app_session(input=keys, output=output):
        yield keys


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
async def test_on_a_terminal_the_bot_speaks_first(
    terminal: Console,
    keys: PipeInput,
    screen: Screen,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    monkeypatch.setenv("TERM", kind)
    async with started(terminal):
        await until(lambda: "What is your user name?" in screen.text)
        keys.send_text("register\r")
        await until(lambda: "What should your user name be?" in screen.text)
        keys.send_text("adx\x7fa\r")  # a typing error, corrected
        await until(lambda: "Choose a password" in screen.text)
        keys.send_text(f"{PASSWORD}\r")
        await until(lambda: "Hello, ada!" in screen.text)
        keys.send_text(" \rlist my errands\r")
        await until(lambda: "You have no errands." in screen.text)
        keys.send_text("\x04")  # Ctrl-D
    assert PASSWORD not in screen.text
    assert "*" * len(PASSWORD) in screen.text


async def test_on_a_terminal_a_reminder_comes_above_the_prompt(
    terminal: Console, world: World, keys: PipeInput, screen: Screen
) -> None:
    async with started(terminal):
        for text in (
            "register",
            "ada",
            PASSWORD,
            "remind me of the errand plants in 3 seconds",
        ):
            keys.send_text(f"{text}\r")
        await until(lambda: "Added" in screen.text)
        world.clock.forward(seconds=3)
        await asyncio.to_thread(fire_due, world.clock())
        await until(lambda: "bot> Reminder: plants" in screen.text)
        keys.send_text("\x03")  # Ctrl-C


async def test_a_signal_ends_a_prompt(terminal: Console, keys: PipeInput, screen: Screen) -> None:
    async with started(terminal):
        await until(lambda: "user name" in screen.text)
        os.kill(os.getpid(), signal.SIGTERM)


async def test_one_order_needs_a_log_in(
    world: World, settings: Settings, pipe: Pipe, screen: Screen
) -> None:
    settings = world.settings
    assert await run_console(settings, "list my errands") == 1
    assert screen.text == (
        "bot> You are not logged in here yet. "
        "Start the conversation without an order, and log in. “Help” says what you can do then.\n"
    )
    assert await run_console(settings, "Help!") == 0
    assert "• remind me of the errand " in screen.text
    assert screen.text.endswith(
        "“Log in”, or “register” for an account, comes before all of these.\n"
    )
    pipe("register", "ada", PASSWORD, "add milk to my errands", end=True)
    assert await run_console(settings) == 0
    assert await run_console(settings, "list my errands") == 0
    assert screen.text.endswith("bot> Your errands:\n     • milk\n")
    assert await run_console(settings, "delete the errand milk") == 1  # nobody can answer
    assert screen.text.endswith("bot> Delete milk? (yes or no)\n")


async def test_a_terminal_that_does_not_know_every_letter(
    world: World, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(drawn, "ascii"))
    pipe("register", "ada", PASSWORD, "add crème brûlée to my errands", end=True)
    assert await run_console(world.settings) == 0
    assert b"bot> Added cr?me br?l?e." in drawn.getvalue()


async def test_one_order_without_the_api(world: World, screen: Screen) -> None:
    async with world.api_away():
        assert await run_console(world.settings, "list my errands") == 1
    assert "can't reach the service" in screen.text


async def test_only_the_persons_own_messages_are_shown(terminal: Console, screen: Screen) -> None:
    await terminal._deliver(console.account(), "for me", "")
    with pytest.raises(Undeliverable):
        await terminal._deliver("somebody else", "for them", "")
    assert screen.text == "bot> for me\n"


def test_a_system_without_user_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert console.account() == "console"
