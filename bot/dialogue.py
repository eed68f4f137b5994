"""One order or log-in under way: a coroutine that may stop to ask its person something."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

from ai.commands import NO, YES
from bot.api.open_secrets import OpenSecrets
from bot.messages import Button, Draft, Incoming, Place, ReplyChannel
from runtime.logs import holds_secret

CANCEL_WORDS = frozenset({"cancel", "never mind", "nevermind", "forget it"})
ASKING = frozenset({"what", "when", "where", "who", "whose", "which", "why", "how"})
ASKING_SHORT = frozenset({"whats", "whens", "wheres", "whos", "whys", "hows"})
# fmt: off
HELPING = frozenset({
    "is", "are", "was", "were", "do", "does", "did", "can", "could", "will", "would", "should",
    "shall", "have", "has", "had", "am", "may", "about", "many", "much", "long", "often",
})
# fmt: on
YES_OR_NO = (Button("Yes", "yes", "danger"), Button("No", "no"))
OFFERED = (Button("Yes", "yes", "go"), Button("No", "no"))
DELETE_HINT = "Please delete your message now, so that {what} does not stay in this chat."


ASK_PRIVATELY = (
    "For that I need a secret of yours, which nobody else may read. Please tell me again in a "
    "direct message."
)
MAX_QUESTIONS = 2  # times that one question is asked before it is given up


class Interrupted(Exception):
    """A question got no answer: the dialogue ends, with nothing more done."""


class Cancelled(Interrupted):
    """The person called it off."""


class GivenUp(Interrupted):
    """The person was asked often enough, and gave no answer that is one."""


class TimedOut(Interrupted):
    """The person did not answer in time."""


class Superseded(Interrupted):
    """The person gave another order instead of an answer."""


class InPublic(Interrupted):
    """A secret would have to be asked for where others read along."""

    def __init__(self) -> None:
        super().__init__(ASK_PRIVATELY)


def normalise(text: str) -> str:
    """Return words for comparison: lower case, single spaces, without final punctuation."""
    return " ".join(text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split()).rstrip(
        "?!. "
    )


def is_question(text: str) -> bool:
    """Say whether a text asks something, as far as its first words tell: "what's on my list"."""
    first, *others = normalise(text).replace("'", "").split() or [""]
    asks = text.rstrip().endswith("?")
    if first in ASKING:
        return bool(others) and (asks or others[0] in HELPING)
    return first in ASKING_SHORT or (first in HELPING and asks and bool(others))


class Dialogue:
    """One exchange with one person, over as many messages as it takes.

    `start` and `step` return when it has ended or waits for an answer, so that nothing is held up
    meanwhile.
    """

    def __init__(
        self,
        reply_channel: ReplyChannel,
        patience: float,
        place: Place,
        secrets: OpenSecrets,
        *,
        private: bool,
    ) -> None:
        """Wait `patience` seconds for each answer; `private` says that nobody else reads along."""
        self.question = ""  # the one that is open
        self.may_be_superseded = False  # by an order that is no answer
        self.is_offer = False  # and by whatever is neither yes nor no
        self.accepted: frozenset[str] = frozenset()  # the names in an offer that got a yes
        self._reply_channel = reply_channel
        self._patience = patience
        self._place = place
        self._secrets = secrets
        self._is_private = private
        self._asks_secret = False
        self._task: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[str] | None = None
        self._ephemeral = False
        self._paused = asyncio.Event()

    async def start(self, run: Coroutine[None, None, None]) -> None:
        """Begin, and return at the first question or at the end."""
        self._task = asyncio.create_task(run)
        self._task.add_done_callback(lambda _: self._paused.set())
        await self._go_on()

    async def step(self, incoming: Incoming, reply_channel: ReplyChannel) -> bool:
        """Answer the open question, and return at the next one or at the end.

        False where no question is open (any more): the message is no answer then.
        """
        if self._answer is None or self._answer.done():
            return False
        self._reply_channel, self._ephemeral = reply_channel, incoming.ephemeral
        self._is_private = incoming.private
        self._answer.set_result(incoming.text)
        await self._go_on()
        return True

    @property
    def waits_for_secret(self) -> bool:
        """Whether the next message is the secret that was asked for."""
        return self._asks_secret and self._answer is not None and not self._answer.done()

    async def supersede(self, reply_channel: ReplyChannel) -> None:
        """End it at its open question, since the person has said something else."""
        if self._answer is not None and not self._answer.done():
            self._reply_channel = reply_channel
            self._answer.set_exception(Superseded())
            await self._go_on()

    async def close(self) -> None:
        """End it where it stands."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def say(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Send a reply, with short cuts to what may be said next; a blank one is none."""
        if text.strip():
            await self._reply_channel.send(text, buttons)

    def draft(self) -> AbstractAsyncContextManager[Draft]:
        """Write a reply bit by bit."""
        return self._reply_channel.draft()

    async def ask(
        self,
        question: str,
        *,
        secret: str | None = None,
        buttons: Sequence[Button] = (),
        supersede: bool = False,
        is_offer: bool = False,
    ) -> str:
        """Ask, and return the next message.

        `secret` says what the answer is ("your password") where nobody else may see it; `buttons`
        are short cuts to answers; with `supersede` an order may be given instead, with `is_offer`
        anything but yes or no.

        Raises Interrupted where no answer comes, InPublic where others would read a secret, and
        ApiError where it could not be noted that one is asked for.
        """
        if secret:
            if not self._is_private:
                raise InPublic
            await self._secrets.expect(self._place)
            holds_secret.set(True)  # in this dialogue's own task
        hidden = self._reply_channel.expect_secret() if secret else True
        self.question = uuid4().hex[:8]
        await self._reply_channel.send(question, buttons, self.question)
        loop = asyncio.get_running_loop()
        self._asks_secret = secret is not None
        answer: asyncio.Future[str] = loop.create_future()
        self._answer = answer
        self.may_be_superseded = (supersede or is_offer) and secret is None
        self.is_offer = is_offer
        timer = loop.call_later(self._patience, _time_out, answer)
        self._paused.set()
        try:
            text = await answer
        finally:
            timer.cancel()
            self.question, self.may_be_superseded, self.is_offer = "", False, False
        if secret:
            await self._secrets.close(self._place)
        # A password may read "never mind"; none is as short as "cancel".
        if normalise(text) in ({"cancel"} if secret else CANCEL_WORDS):
            raise Cancelled
        if secret and not hidden and not self._ephemeral:
            await self._reply_channel.send(DELETE_HINT.format(what=secret))
        return text

    async def confirm(self, question: str, names: Collection[str] = ()) -> bool:
        """Ask for a plain yes or no; another order ends the question. Raises Interrupted.

        `names` are of all that is lost after a yes: who has just said it to an offer with just
        these names is not asked again.
        """
        if names and self.accepted.issuperset(map(normalise, names)):
            return True
        asked = f"{question} (yes or no)"
        for _ in range(MAX_QUESTIONS):
            words = normalise(await self.ask(asked, buttons=YES_OR_NO, supersede=True))
            if words in YES | NO:
                return words in YES
            asked = "Please answer “yes” or “no”, or say “cancel”."
        raise GivenUp

    async def offer(self, question: str, names: Iterable[str] = ()) -> bool:
        """Ask whether something near is meant; anything but yes ends it. Raises Interrupted.

        `names` are those in the question.
        """
        asked = f"{question} (yes or no)"
        is_meant = normalise(await self.ask(asked, buttons=OFFERED, is_offer=True)) in YES
        self.accepted = frozenset(map(normalise, names)) if is_meant else frozenset()
        return is_meant

    def is_superseded_by(self, incoming: Incoming) -> bool:
        """Say whether a message is no answer to the open offer, or is about another message."""
        is_answer = normalise(incoming.text) in YES | NO | CANCEL_WORDS
        return self.is_offer and (bool(incoming.quoted) or not is_answer)

    async def _go_on(self) -> None:
        """Wait for the next question or the end; raise what the reply channel raised."""
        self._paused.clear()
        try:
            await self._paused.wait()
        except asyncio.CancelledError:
            await self.close()
            raise
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()


def _time_out(answer: asyncio.Future[str]) -> None:
    if not answer.done():
        answer.set_exception(TimedOut())
