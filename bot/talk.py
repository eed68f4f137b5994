"""One order or log-in under way: a coroutine that may stop to ask its person something."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

from bot.fields import NO, YES
from bot.messages import Outlet

CANCEL_WORDS = frozenset({"cancel", "never mind", "nevermind", "forget it"})
DELETE_HINT = "Please delete your message now, so that {what} does not stay in this chat."


class Interrupted(Exception):
    """A question got no answer: the talk ends, with nothing more done."""


class Cancelled(Interrupted):
    """The person called it off."""


class Lapsed(Interrupted):
    """The person did not answer in time."""


def normalise(text: str) -> str:
    """Return words for comparison: lower case, single spaces, without final punctuation."""
    return " ".join(text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split()).rstrip(
        "?!. "
    )


class Talk:
    """Run one exchange with one person, over as many messages as it takes.

    `step` hands it a message, and returns when it has ended or waits for the next answer, so that
    nothing is held up meanwhile.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._task: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[str] | None = None
        self._pause: asyncio.Future[None] | None = None
        self._outlet: Outlet | None = None
        self.asked_secret = False

    @property
    def waiting(self) -> bool:
        """Say whether a question is open."""
        return self._answer is not None and not self._answer.done()

    async def start(self, run: Coroutine[None, None, None], outlet: Outlet) -> None:
        """Begin, and return at the first question or at the end."""
        self._task = asyncio.create_task(run)
        await self._go_on(self._task, outlet)

    async def step(self, text: str, outlet: Outlet) -> None:
        """Answer the open question, and return at the next one or at the end."""
        if self._task is None or self._answer is None:
            raise RuntimeError("this talk has no open question")
        self._answer.set_result(text)
        await self._go_on(self._task, outlet)

    async def _go_on(self, task: asyncio.Task[None], outlet: Outlet) -> None:
        self._outlet = outlet
        self._pause = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait({task, self._pause}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.close()
            raise
        if task.done():
            await task

    async def close(self) -> None:
        """End it where it stands."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def say(self, text: str) -> None:
        """Send a reply."""
        if self._outlet is None:
            raise RuntimeError("this talk has not started")
        await self._outlet.send(text)

    async def ask(self, question: str, *, secret: str | None = None) -> str:
        """Ask, and return the next message.

        `secret` says what the answer is ("your password") where nobody else may see it. Raises
        Cancelled or Lapsed where no answer comes.
        """
        if self._outlet is None or self._pause is None:
            raise RuntimeError("this talk has not started")
        hidden = self._outlet.expect_secret() if secret else True
        await self._outlet.send(question)
        loop = asyncio.get_running_loop()
        self.asked_secret = secret is not None
        answer: asyncio.Future[str] = loop.create_future()
        self._answer = answer
        timer = loop.call_later(self._patience, _lapse, answer)
        self._pause.set_result(None)
        try:
            text = await answer
        finally:
            timer.cancel()
        if not hidden and secret:
            await self._outlet.send(DELETE_HINT.format(what=secret))
        # A password may read "never mind"; none is as short as "cancel".
        if normalise(text) in ({"cancel"} if secret else CANCEL_WORDS):
            raise Cancelled
        return text

    async def confirm(self, question: str) -> bool:
        """Ask for a plain yes or no, until one is given."""
        words = normalise(await self.ask(f"{question} (yes or no)"))
        while words not in YES | NO:
            words = normalise(await self.ask("Please answer “yes” or “no”."))
        return words in YES


def _lapse(answer: asyncio.Future[str]) -> None:
    if not answer.done():
        answer.set_exception(Lapsed())
