"""What passes between a transport and the conversation. Knows no Discord."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self

from ai.commands import Role

CONSOLE = "console"  # the platform of the terminal
WEB = "web"  # that of those who write over the API
MAX_QUOTED = 20_000  # characters of what a message is about


@dataclass(frozen=True)
class Address:
    """Where a person is reached: the platform, the bot they talk to, and their account there."""

    platform: str  # "discord", "console" or "web"
    agent: str  # the name of the agent (bot) that received the message
    account_id: str  # the person's id on the platform


Place = tuple[Address, str]
"""A person in a channel, by its id: messages there are answered in order."""


@dataclass(frozen=True)
class Credentials:
    """A user name and a password that were given in a form, which leaves no trace in the chat."""

    username: str
    password: str = field(repr=False)
    new: bool = False  # for an account that is to be made


@dataclass(frozen=True)
class Recording:
    """Speech that came with a message, where it can be fetched, and what its sender says of it."""

    url: str
    media_type: str  # one of ai.llm.transcription.EXTENSIONS
    size: int  # bytes
    seconds: float | None = None  # None where that is not told
    is_quoted: bool = False  # it was forwarded


@dataclass(frozen=True)
class Incoming:
    """One message from a person, as a transport received it.

    `text` is what they wrote. Where they filled in or pressed something instead, it says the same
    in words, and one of the fields behind it holds what they did.
    """

    address: Address
    channel_id: str
    text: str
    message_id: str = ""
    answers: str = ""  # the question that it answers; one that is no longer open has expired
    starts_new: bool = False  # it answers no question: what is open is given up
    edited: bool = False  # it was sent before, and reads differently now
    ephemeral: bool = False  # what was written leaves no trace in the chat
    order: Mapping[str, Any] | None = None  # a command that needs no parser
    credentials: Credentials | None = None
    author_name: str = ""  # the name that the person goes by there
    username: str = ""  # their account's own name there
    channel_name: str = ""  # "" where it has none, as in direct messages
    private: bool = True  # nobody else reads along
    images: tuple[str, ...] = ()  # the URLs of the pictures that came with it
    recording: Recording | None = None  # a voice message, until it is written out
    quoted: str = ""  # what it is about: a message replied to or forwarded, a text file; data

    @property
    def place(self) -> Place:
        """Who wrote, and in which channel."""
        return self.address, self.channel_id

    @property
    def is_typed(self) -> bool:
        """Whether the person wrote it, and neither pressed a button nor filled in a form for it."""
        return not (self.starts_new or self.answers or self.order or self.credentials)


@dataclass(frozen=True)
class Button:
    """A short cut under a reply: pressing it says `says` as if the person had typed it.

    Only the person who is answered can press it. Discord has no room for more than 60 characters in
    `says` and leaves such a button out; the console shows none at all, so the reply has to say the
    same. A `form` asks for a user name and a password instead, and hands over Credentials; with a
    `subject` it is the first button under reminders of that subject, such as "tasks:<id>".
    """

    label: str
    says: str = ""
    style: Literal["plain", "go", "danger"] = "plain"
    form: Literal["log in", "register"] | None = None
    subject: str = ""


class Listing(str):
    """A reply that has buttons beside some of its lines, for transports that can show them."""

    __slots__ = ("beside",)
    beside: Sequence[tuple[str, Button]]

    def __new__(cls, text: str, beside: Sequence[tuple[str, Button]]) -> Self:
        """Take the text, and those lines of it in their order."""
        listing = super().__new__(cls, text)
        listing.beside = beside
        return listing


class Draft(Protocol):
    """A reply that is shown while it is being written."""

    async def show(self, text: str) -> None:
        """Show the whole text so far in place of what was shown before; never waits for that."""
        ...


class ReplyChannel(Protocol):
    """The way back to where a message came from."""

    async def send(self, text: str, buttons: Sequence[Button] = (), question: str = "") -> None:
        """Send one reply of any length; the transport splits and formats it.

        `question` names the question that the reply asks, where it asks one.
        """
        ...

    def draft(self) -> AbstractAsyncContextManager[Draft]:
        """Write a reply bit by bit; when the context ends, the last text shown stands complete.

        Where the context ends by an exception, what was shown so far stands.
        """
        ...

    def expect_secret(self) -> bool:
        """Hide the person's next message where possible; return whether it will leave no trace."""
        ...

    def typing(self) -> AbstractAsyncContextManager[object]:
        """Show that the bot is at work, for as long as the context is open."""
        ...


@dataclass
class Session(Mapping[str, Any]):
    """A person who is logged in. Raw handlers read the first three: session["token"]."""

    token: str
    user_uuid: str
    username: str
    display_name: str
    time_zone: str | None = None
    role: Role = "user"  # what they may use
    has_password: bool = True  # or they log in by their account of a platform alone

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - any field's value
        """Return a field by its name."""
        return vars(self)[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the fields."""
        return iter(vars(self))

    def __len__(self) -> int:
        """Count the fields."""
        return len(vars(self))


class GrowingDraft(ABC):
    """A draft of which more is shown again and again, and at the end all of it."""

    def __init__(self) -> None:
        self._text = ""
        self._changed = asyncio.Event()
        self._updating = asyncio.Lock()

    async def show(self, text: str) -> None:
        """Show the whole text so far, as soon as it is its turn."""
        self._text = text
        self._changed.set()

    async def __aenter__(self) -> Self:
        self._writing = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None or issubclass(kind, Exception):
                async with self._updating:  # the update before must not come after
                    self._writing.cancel()  # at most, it waits for its turn
                    await self._complete()
        finally:
            self._writing.cancel()
            await asyncio.wait([self._writing])

    async def _write(self) -> None:
        while True:
            await self._changed.wait()
            await self._wait_for_turn()
            async with self._updating:
                self._changed.clear()
                await self._grow()

    @abstractmethod
    async def _wait_for_turn(self) -> None:
        """Return when more of the text may be shown."""

    @abstractmethod
    async def _grow(self) -> None:
        """Show the text so far."""

    @abstractmethod
    async def _complete(self) -> None:
        """Show the text as it stays."""


class WholeDraft:
    """A draft for where nothing can be changed once it is sent: it is sent at the end."""

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self._send = send
        self._text = ""

    async def show(self, text: str) -> None:
        """Keep the text."""
        self._text = text

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._text.strip() and (kind is None or issubclass(kind, Exception)):
            await self._send(self._text)
