"""The conversation in a terminal, or over pipes.

On a terminal lines are edited, passwords are not shown, and reminders appear above the prompt.
Piped lines are echoed, secrets excepted, so that the output reads as a conversation.
"""

import asyncio
import getpass
import io
import sys
import threading
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import timedelta
from typing import Any, TypeVar

from bot.agent import Agent, Services
from bot.agents.commands import make_agent
from bot.api.client import ApiClient, ApiError
from bot.conversation.handler import Conversation, is_help
from bot.markdown import escape, plain
from bot.messages import CONSOLE, Address, Button, Draft, Incoming, ReplyChannel, WholeDraft
from bot.runtime.assignments import name_of_process
from bot.runtime.deliveries import DeliveryLoop, Undeliverable
from bot.runtime.inbox import Inbox
from bot.runtime.process import until_signalled
from bot.runtime.reporting import telling
from bot.web import WebChat
from config.settings import Settings
from runtime.clock import Clock, utc_now

AGENT = "terminal"
PROMPT = "you> "
REPLY = "bot> "
HIDDEN = "********"
NOT_LOGGED_IN = (
    "You are not logged in here yet. Start the conversation without an order, and log in. "
    "“Help” says what you can do then."
)

Result = TypeVar("Result")


async def run_console(settings: Settings, text: str | None = None) -> int:
    """Hold the conversation, or answer one order; return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may not know every letter
        sys.stdout.reconfigure(errors="replace")
    api = ApiClient(settings.api_url, settings.service_key.get_secret_value())
    console = Console(make_agent(api, settings), api, settings)
    try:
        return await (console.run() if text is None else console.once(text))
    finally:
        await console.close()
        await api.close()


class Console:
    """One person at a terminal, and the reply channel to them."""

    def __init__(
        self,
        agent: Conversation,
        api: ApiClient,
        settings: Settings,
        clock: Clock = utc_now,
    ) -> None:
        self._agent = agent
        self._inbox = Inbox(agent, Services(api, settings, clock))
        self._api = api
        self._settings = settings
        self._clock = clock
        self._address = Address(CONSOLE, AGENT, account())
        self._secret = False
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Talk until the input ends or the program is told to stop; return 0."""
        async with telling(self._api):
            return await self._run()

    async def _run(self) -> int:
        interactive = sys.stdin.isatty()
        deliveries, web = self._deliveries(), self._web()
        beside = [asyncio.create_task(deliveries.run()), asyncio.create_task(web.run())]
        with until_signalled(self._stop):
            try:
                await (self._dialogue() if interactive else self._read())
            finally:
                await self._end(asyncio.gather(deliveries.finish(), web.finish(), *beside))
                for task in beside:
                    task.cancel()
                await web.close()
            if not interactive and not self._stop.is_set():
                wait = timedelta(seconds=self._settings.chat_wait_seconds)
                await self._unless_stopped(self._deliveries().run(until=self._clock() + wait))
        return 0

    async def once(self, text: str) -> int:
        """Answer one order; return 1 where a log-in is missing, or the answer is a question."""
        try:
            logged_in = await self._agent.is_logged_in(self._address)
        except ApiError as error:
            await self.send(escape(error.message))
            return 1
        if not (logged_in or is_help(text)):
            await self.send(NOT_LOGGED_IN)
            return 1
        await self._answer(text)
        return int(self._agent.is_waiting(self._address, CONSOLE))

    async def close(self) -> None:
        """Drop what is still open."""
        await self._agent.close()

    async def send(self, text: str, buttons: Sequence[Button] = (), question: str = "") -> None:
        """Print a reply; a terminal has no buttons."""
        first, *rest = plain(text).splitlines() or [""]
        _show(f"{REPLY}{first}", *(f"{'':{len(REPLY)}}{line}".rstrip() for line in rest))

    def draft(self) -> AbstractAsyncContextManager[Draft]:
        """Print a reply once it is complete."""
        return WholeDraft(self.send)

    def expect_secret(self) -> bool:
        """Don't show the next line."""
        self._secret = True
        return True

    def typing(self) -> AbstractAsyncContextManager[object]:
        """Do nothing: in a terminal the missing prompt says that the bot is at work."""
        return nullcontext()

    async def _dialogue(self) -> None:
        """Read from a terminal."""
        # Here: half a second of a start that pipes and single orders have no use for.
        from prompt_toolkit import PromptSession
        from prompt_toolkit.application import get_app_session
        from prompt_toolkit.history import DummyHistory
        from prompt_toolkit.patch_stdout import patch_stdout

        # Ctrl-C ends it as Ctrl-D does: a KeyboardInterrupt would tear down the loop.
        session: PromptSession[str] = PromptSession(
            history=DummyHistory(), interrupt_exception=EOFError
        )
        # Without an output of its own, a session shows on a dumb terminal all that is typed.
        hidden: PromptSession[str] = PromptSession(
            history=DummyHistory(),
            interrupt_exception=EOFError,
            output=get_app_session().output,
        )
        with patch_stdout():
            await self._answer("hello", starts_new=True)
            while not self._stop.is_set():
                secret = self._take_secret()
                prompt = (hidden if secret else session).prompt_async(
                    PROMPT, is_password=secret, handle_sigint=False
                )
                try:
                    line = await self._unless_stopped(prompt)
                except EOFError:
                    return
                if line and line.strip():
                    await self._answer(line)

    async def _read(self) -> None:
        """Read from a pipe to its end."""
        lines: asyncio.Queue[str | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        # A thread, since not every loop can wait for a file; a daemon, since it may hang in a read
        # when the program ends.
        threading.Thread(target=_pump, args=(loop, lines), name="stdin", daemon=True).start()
        while (line := await self._unless_stopped(lines.get())) is not None:
            if line.strip():
                _show(f"{PROMPT}{HIDDEN if self._take_secret() else line}")
                await self._answer(line)

    async def _answer(self, text: str, *, starts_new: bool = False) -> None:
        """Have one line answered; one that is under way at the end gets some time."""
        incoming = Incoming(self._address, CONSOLE, text, starts_new=starts_new)
        grace = self._settings.shutdown_timeout
        await self._unless_stopped(self._inbox.handle(incoming, self), grace)

    async def _unless_stopped(
        self, work: Coroutine[Any, Any, Result], grace: float = 0
    ) -> Result | None:
        """Return what comes out, or None where the program is to end `grace` seconds before."""
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not task.done():
            await asyncio.wait({task}, timeout=grace)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            return None
        return task.result()

    def _take_secret(self) -> bool:
        """Say whether the next line is a secret, and expect none after it."""
        secret, self._secret = self._secret, False
        return secret

    async def _end(self, ending: asyncio.Future[Any]) -> None:
        """Wait for what is being answered and sent; give up what takes too long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(ending, self._settings.shutdown_timeout)

    def _web(self) -> WebChat:
        """Return the same bot, for those who write to it over the API."""
        services = Services(self._api, self._settings, self._clock)
        return WebChat(services, name_of_process(), dict, self._here)

    async def _here(self) -> Agent:
        return _InOrder(self._agent, self._inbox)

    def _deliveries(self) -> DeliveryLoop:
        return DeliveryLoop(
            self._api,
            CONSOLE,
            lambda: {AGENT: self._deliver},
            wake_interval=self._settings.wake_interval,
            clock=self._clock,
        )

    async def _deliver(self, account_id: str, text: str, _subject: str) -> None:
        if account_id != self._address.account_id:
            raise Undeliverable("another account talks in this terminal", permanent=False)
        await self.send(text)


class _InOrder(Agent):
    """The terminal's agent behind its inbox, as whoever else writes to it meets it."""

    def __init__(self, agent: Agent, inbox: Inbox) -> None:
        self.registry = agent.registry
        self._inbox = inbox

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Answer one message."""
        await self._inbox.handle(incoming, reply_channel)


def _show(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)  # noqa: T201 - the terminal is where this belongs


def _pump(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str | None]) -> None:
    """Hand over what comes in, line by line, then None."""
    with suppress(RuntimeError):  # the loop may be closed by then
        for line in sys.stdin.buffer:
            loop.call_soon_threadsafe(
                lines.put_nowait, line.decode("utf-8", "replace").rstrip("\r\n")
            )
        loop.call_soon_threadsafe(lines.put_nowait, None)


def account() -> str:
    """Return the name of the operating system's user, where it has one."""
    try:
        return getpass.getuser()[:64]
    except (OSError, KeyError):  # a container may run under a number without a name
        return CONSOLE
