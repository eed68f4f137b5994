"""One agent on Discord: direct messages in, replies and deliveries out.

This is the only file that knows discord.py.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import aiohttp
import discord
import yarl

from bot.deliveries import Undeliverable
from bot.messages import Address, Button, Incoming, Outlet
from bot.pool import AgentRefused
from bot.text import split

logger = logging.getLogger(__name__)

PLATFORM = "discord"
DISCORD_API = discord.http.Route.BASE
TROUBLE = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)
"""What a call to Discord raises when Discord, or the way there, fails."""

# The bot does not speak, so nobody needs to be told what that would take.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False


class Brain(Protocol):
    """What answers."""

    async def handle(self, incoming: Incoming, outlet: Outlet) -> None:
        """Answer one message."""
        ...


def use_api(url: str) -> None:
    """Send every REST call of this process to this address, which also names the gateway."""
    discord.http.Route.BASE = url.rstrip("/")


class DiscordOutlet:
    """The way back into one channel."""

    def __init__(self, channel: discord.abc.Messageable) -> None:
        self._channel = channel

    async def send(self, text: str, buttons: Sequence[Button] = (), question: str = "") -> None:
        """Send a reply of any length. One that Discord does not take is logged, not raised."""
        try:
            await _send(self._channel, text)
        except TROUBLE as error:
            logger.warning("a reply was not sent: %s", _reason(error))

    def expect_secret(self) -> bool:
        """Return False: what a person writes stays in the chat's history."""
        return False

    @asynccontextmanager
    async def typing(self) -> AsyncIterator[None]:
        """Show "is typing" until the context ends; that takes no time from the work itself."""
        shown = asyncio.create_task(self._show_typing())
        try:
            yield
        finally:
            shown.cancel()
            await asyncio.wait([shown])

    async def _show_typing(self) -> None:
        try:
            async with self._channel.typing():
                await asyncio.Event().wait()  # until it is cancelled
        except TROUBLE as error:
            logger.debug("typing could not be shown: %s", _reason(error))


class DiscordClient(discord.Client):
    """A connection to Discord on which one agent answers direct messages."""

    def __init__(self, agent: str, brain: Brain, on_invite: Callable[[str], None]) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.dm_messages = intents.message_content = True
        super().__init__(intents=intents, allowed_mentions=discord.AllowedMentions.none())
        self.agent = agent
        self._brain = brain
        self._on_invite = on_invite
        self._invited = False
        self._accepting = True
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def run_agent(self, token: str) -> None:
        """Log in and stay connected until `close()`.

        Raises AgentRefused where trying again helps nobody before something is set right.
        """
        try:
            await self.start(token)
        except discord.LoginFailure as error:
            raise AgentRefused(
                "Discord does not know its token. Make a new one (developer portal, your "
                "application, Bot, Reset Token) and set DISCORD_BOT_TOKEN to it."
            ) from error
        except discord.PrivilegedIntentsRequired as error:
            raise AgentRefused(
                "Discord does not let it read messages. Switch on Message Content Intent in the "
                f"developer portal: https://discord.com/developers/applications/"
                f"{self.application_id}/bot"
            ) from error

    async def setup_hook(self) -> None:
        """Ask another REST interface than Discord's own for its gateway: discord.py knows one."""
        if discord.http.Route.BASE != DISCORD_API:
            found = await self.http.request(discord.http.Route("GET", "/gateway"))
            discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(found["url"])

    async def finish(self) -> None:
        """Take no more messages, and return when those under way are answered."""
        self._accepting = False
        await self._idle.wait()

    async def deliver(self, account_id: str, text: str) -> None:
        """Send a text of any length to a person. Raises Undeliverable."""
        if not account_id.isdecimal():
            raise Undeliverable("this is no Discord account", permanent=True)
        try:
            await _send(await self.create_dm(discord.Object(int(account_id))), text)
        except discord.HTTPException as error:
            raise Undeliverable(
                _reason(error),
                permanent=error.status < 500 and error.status not in (401, 429),
                retry_after=_retry_after(error),
            ) from error
        except TROUBLE as error:
            raise Undeliverable(_reason(error), permanent=False) from error

    async def on_ready(self) -> None:
        """Say, the first time, that the agent is there and how to invite it."""
        if self._invited or self.application_id is None:
            return
        self._invited = True
        logger.info("the agent %s is on Discord", self.agent)
        self._on_invite(
            discord.utils.oauth_url(
                self.application_id,
                permissions=discord.Permissions.none(),
                scopes=("bot", "applications.commands"),
            )
        )

    async def on_message(self, message: discord.Message) -> None:
        """Answer a person's direct message; ignore everything else."""
        if (
            not self._accepting
            or message.guild is not None
            or message.author.bot  # which its own messages are as well
            or message.webhook_id is not None
            or message.is_system()
        ):
            return
        # In a direct message that the bot did not open, the channel does not know its recipient.
        address = Address(PLATFORM, self.agent, str(message.author.id))
        incoming = Incoming(address, str(message.channel.id), message.content, str(message.id))
        self._under_way += 1
        self._idle.clear()
        try:
            await self._brain.handle(incoming, DiscordOutlet(message.channel))
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()


async def _send(channel: discord.abc.Messageable, text: str) -> None:
    for part in split(text):
        await channel.send(part)


def _retry_after(error: discord.HTTPException) -> float | None:
    """Return the seconds that Discord asks to wait; a date counts as none."""
    wish = error.response.headers.get("Retry-After", "")
    return float(wish) if wish.isdecimal() else None


def _reason(error: BaseException) -> str:
    """Say what went wrong without quoting what was sent."""
    if isinstance(error, discord.HTTPException):
        return f"Discord answered {error.status} (code {error.code})"
    return f"Discord can't be reached ({type(error).__name__})"
