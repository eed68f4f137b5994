"""What a command gets beside its fields, and what raw handlers get as `message` and `session`."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from ai.languages import language_of
from bot.api.client import ApiError
from bot.api.sessions import UNDO_KEPT, Person, Sessions, Undo, UserApi
from bot.dialogue import Dialogue
from bot.framework.reminder_buttons import OCCURRENCE
from bot.messages import Incoming, Session
from bot.phrasing import countdown, on_the_clock, on_the_day
from runtime.clock import Clock

DASH = "\N{EN DASH}"


class Declined(Exception):
    """The order can't be carried out; the message is the reply, in Markdown."""


@dataclass(frozen=True)
class Author:
    """Who wrote a message: on Discord their number, elsewhere their name."""

    id: int | str


@dataclass(frozen=True)
class Channel:
    """Where a message was written."""

    id: str
    send: Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Message:
    """A message as handlers see it."""

    content: str
    author: Author
    channel: Channel
    context: "Context"


class Context:
    """One order: who gave it, and how to reach the API and the person."""

    def __init__(
        self,
        *,
        incoming: Incoming,
        person: Person,
        sessions: Sessions,
        api: UserApi,
        dialogue: Dialogue,
        clock: Clock,
        default_zone: str,
    ) -> None:
        account_id = incoming.address.account_id
        self.api = api
        self.session: Session = person.session
        self.message = Message(
            incoming.text,
            Author(int(account_id) if account_id.isdecimal() else account_id),
            Channel(incoming.channel_id, dialogue.say),
            self,
        )
        self.say = dialogue.say
        self.confirm = dialogue.confirm
        self.draft = dialogue.draft
        # The due time of the reminder under which a button was pressed, in the API's text form.
        self.occurrence: str | None = (incoming.order or {}).get(OCCURRENCE)
        # A text file, a message replied to or forwarded: data, never orders.
        self.quoted = incoming.quoted
        self.language = language_of(incoming.text)  # in which the bot's own questions are asked
        self.is_private = incoming.private  # nobody else reads along
        self.named_a_time = False
        self.shown: Sequence[str] | None = None
        self.found: dict[str, str] = {}  # what was said, and the name of what was meant
        self.in_full: dict[str, str] = {}  # what an order leaves out that is short for another
        self.undo: Undo | None = None
        self._memory = person.memory(incoming.channel_id)
        self._dialogue = dialogue
        self._address = incoming.address
        self._sessions = sessions
        self._clock = clock
        self._default_zone = default_zone

    @property
    def now(self) -> datetime:
        """The current time in the user's zone."""
        return self._clock().astimezone(self.zone)

    @property
    def zone(self) -> ZoneInfo:
        """The user's time zone, or the default one."""
        return ZoneInfo(self.session.time_zone or self._default_zone)

    def when(self, moment: datetime | str | None) -> str:
        """Say when a moment is, to stand behind a name: a dash and "tomorrow at 17:00".

        Takes the API's text form too; None gives "". Users whose zone is unknown are told which one
        is meant.
        """
        if moment is None:
            return ""
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        if soon := countdown(moment, self._clock()):
            return f" {DASH} {soon}"
        self.named_a_time = True
        zone = "" if self.session.time_zone else f" ({self.zone.key})"
        return f" {DASH} {on_the_clock(moment, self._clock(), self.zone)}{zone}"

    def day(self, day: date | str | None) -> str:
        """Say which day it is, seen from today: "yesterday", "on 3 March"; "" for None.

        Takes the API's text form too.
        """
        if day is None:
            return ""
        return on_the_day(date.fromisoformat(day) if isinstance(day, str) else day, self.now.date())

    async def ask(self, question: str, *, secret: str | None = None) -> str:
        """Ask the person something, and return their answer; another order ends this one.

        `secret` says what the answer is ("your password") where nobody else may see it.
        """
        return await self._dialogue.ask(question, secret=secret, supersede=True)

    def show(self, names: Sequence[str]) -> None:
        """Note the names in a list, as the person sees it: "the second one" is among them."""
        self.shown = names

    def short_for(self, action: str, **fields: str) -> None:
        """Note that the order is short for another of its module: "it" is what that names."""
        self.in_full = {"action": action, **fields}

    def undoable(self, told: str, steps: Callable[[], Awaitable[Any]]) -> None:
        """Let the person take the change back for some time; `told` is the reply when they do."""
        key = f"undo-{uuid4().hex}"  # the same each time that the steps are tried

        async def take_back() -> None:
            self.api.begin(key)
            await steps()

        self.undo = Undo(told, take_back, self._clock() + UNDO_KEPT)

    async def take_back(self) -> str:
        """Take the last change back, and return what is told. Raises Declined."""
        undo, self._memory.undo = self._memory.undo, None
        if undo is None or undo.until < self._clock():
            raise Declined("There is nothing to undo: I can take back the last change only.")
        try:
            await undo.steps()
        except ApiError:
            self._memory.undo = undo  # the API may only be away
            raise
        return undo.told

    async def log_out(self) -> None:
        """End this log-in."""
        await self._sessions.close(self._address)

    def forget(self) -> None:
        """Drop what the bot remembers of a user who is gone."""
        self._sessions.forget(self._address)
