"""What passes between a transport and the conversation. Knows no Discord."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Address:
    """Where a person is reached: the platform, the bot they talk to, and their account there."""

    platform: str  # "discord" or "console"
    agent: str  # the name of the agent (bot) that received the message
    account_id: str  # the person's id on the platform


@dataclass(frozen=True)
class Incoming:
    """One message from a person, as a transport received it."""

    address: Address
    channel_id: str
    text: str
    message_id: str = ""


class Outlet(Protocol):
    """The way back to where a message came from."""

    async def send(self, text: str) -> None:
        """Send one reply of any length; the transport splits and formats it."""
        ...

    def expect_secret(self) -> bool:
        """Hide the person's next message where possible; return whether it will leave no trace."""
        ...

    def typing(self) -> AbstractAsyncContextManager[object]:
        """Show that the bot is at work, for as long as the context is open."""
        ...


@dataclass
class Session:
    """A person who is logged in. Raw handlers rely on the first three names."""

    token: str
    user_uuid: str
    username: str
    display_name: str
    time_zone: str | None = None
