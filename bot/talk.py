"""One order or log-in under way: a coroutine that may stop to ask its person something."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

from bot.fields import NO, YES
from bot.messages import Button, Draft, Outlet

CANCEL_WORDS = frozenset({"cancel", "never mind", "nevermind", "forget it"})
YES_OR_NO = (Button("Yes", "yes", "danger"), Button("No", "no"))
DELETE_HINT = "Please delete your message now, so that {what} does not stay in this chat."


class Interrupted(Exception):
    """A question got no answer: the talk ends, with nothing more done."""


class Cancelled(Interrupted):
    """The person called it off."""


class Lapsed(Interrupted):
    """The person did not answer in time."""


class Overtaken(Interrupted):
    """The person gave another order instead of an answer."""


def normalise(text: str) -> str:
    """Return words for comparison: lower case, single spaces, without final punctuation."""
    return " ".join(text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split()).rstrip(
        "?!. "
    )


class Talk:
    """One exchange with one person, over as many messages as it takes.

    `start` and `step` return when it has ended or waits for an answer, so that nothing is held up
    meanwhile.
    """

    def __init__(self, outlet: Outlet, patience: float) -> None:
        self.asked_secret = False
        self.question = ""  # the one that is open
        self.may_be_overtaken = False  # by an order that is no answer
        self._outlet = outlet
        self._patience = patience
        self._task: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[str] | None = None
        self._unseen = False
        self._paused = asyncio.Event()

    async def start(self, run: Coroutine[None, None, None]) -> None:
        """Begin, and return at the first question or at the end."""
        self._task = asyncio.create_task(run)
        self._task.add_done_callback(lambda _: self._paused.set())
        await self._go_on()

    async def step(self, text: str, outlet: Outlet, *, unseen: bool = False) -> bool:
        """Answer the open question, and return at the next one or at the end.

        `unseen` says that the text leaves no trace in the chat. False where no question is open
        (any more): the text is no answer then.
        """
        if self._answer is None or self._answer.done():
            return False
        self._outlet, self._unseen = outlet, unseen
        self._answer.set_result(text)
        await self._go_on()
        return True

    async def overtake(self, outlet: Outlet) -> None:
        """End it at its open question, since the person has said something else."""
        if self._answer is not None and not self._answer.done():
            self._outlet = outlet
            self._answer.set_exception(Overtaken())
            await self._go_on()

    async def close(self) -> None:
        """End it where it stands."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def say(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Send a reply, with short cuts to what may be said next."""
        await self._outlet.send(text, buttons)

    def draft(self) -> AbstractAsyncContextManager[Draft]:
        """Write a reply bit by bit."""
        return self._outlet.draft()

    async def ask(
        self,
        question: str,
        *,
        secret: str | None = None,
        buttons: Sequence[Button] = (),
        overtake: bool = False,
    ) -> str:
        """Ask, and return the next message.

        `secret` says what the answer is ("your password") where nobody else may see it; `buttons`
        are short cuts to answers; with `overtake` an order may be given instead. Raises Interrupted
        where no answer comes.
        """
        hidden = self._outlet.expect_secret() if secret else True
        self.question = uuid4().hex[:8]
        await self._outlet.send(question, buttons, self.question)
        loop = asyncio.get_running_loop()
        self.asked_secret = secret is not None
        answer: asyncio.Future[str] = loop.create_future()
        self._answer = answer
        self.may_be_overtaken = overtake and secret is None
        timer = loop.call_later(self._patience, _lapse, answer)
        self._paused.set()
        try:
            text = await answer
        finally:
            timer.cancel()
            self.question, self.may_be_overtaken = "", False
        # A password may read "never mind"; none is as short as "cancel".
        if normalise(text) in ({"cancel"} if secret else CANCEL_WORDS):
            raise Cancelled
        if secret and not hidden and not self._unseen:
            await self._outlet.send(DELETE_HINT.format(what=secret))
        return text

    async def confirm(self, question: str) -> bool:
        """Ask for a plain yes or no, until one is given."""
        words = normalise(await self.ask(f"{question} (yes or no)", buttons=YES_OR_NO))
        while words not in YES | NO:
            again = await self.ask("Please answer “yes” or “no”.", buttons=YES_OR_NO)
            words = normalise(again)
        return words in YES

    async def _go_on(self) -> None:
        """Wait for the next question or the end; raise what the outlet raised."""
        self._paused.clear()
        try:
            await self._paused.wait()
        except asyncio.CancelledError:
            await self.close()
            raise
        if self._task is not None and self._task.done():
            self._task.result()


def _lapse(answer: asyncio.Future[str]) -> None:
    if not answer.done():
        answer.set_exception(Lapsed())
