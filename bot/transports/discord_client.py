"""One agent on Discord: messages, commands and presses in, replies and deliveries out."""

import logging
from collections.abc import Callable
from datetime import timedelta

import discord
import yarl

from bot.deliveries import Undeliverable
from bot.messages import Address, Incoming
from bot.pool import AgentRefused
from bot.text import split
from bot.transports.discord_commands import sync
from bot.transports.discord_drafts import Pace
from bot.transports.discord_interactions import Interactions
from bot.transports.discord_outlets import ChannelOutlet, post
from bot.transports.discord_pages import Pages
from bot.transports.discord_reception import Brain, Reception
from bot.transports.discord_trouble import TROUBLE, reason
from bot.transports.discord_views import offers, rows

logger = logging.getLogger(__name__)

PLATFORM = "discord"
DISCORD_API = discord.http.Route.BASE
EDIT_SECONDS = 60  # how long after it was sent a message may be corrected

NO_VOICE = "I can't listen to voice messages, I'm afraid. Please write it to me."
NO_STICKERS = "That is a nice sticker! I can only read text, though. Please tell me in words."
NO_FILES = "I can't open files or pictures, I'm afraid. Please tell me in words."

# The bot does not speak, so nobody needs to be told what that would take.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False


def use_api(url: str) -> None:
    """Send every REST call of this process to this address, which also names the gateway."""
    discord.http.Route.BASE = url.rstrip("/")


class DiscordClient(discord.Client):
    """A connection to Discord on which one agent answers people."""

    def __init__(self, agent: str, brain: Brain, on_invite: Callable[[str], None]) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.dm_messages = intents.message_content = True
        super().__init__(intents=intents, allowed_mentions=discord.AllowedMentions.none())
        self.agent = agent
        self._brain = brain
        self._on_invite = on_invite
        self._invited = False
        self._pages = Pages()
        self._pace = Pace()
        self._reception = Reception(self, brain)
        self._interactions = Interactions(PLATFORM, agent, brain, self._reception, self._pages)

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
        await self._reception.close()

    async def deliver(self, account_id: str, text: str, subject: str = "") -> None:
        """Send a text of any length to a person, with what they may do about the subject.

        Raises Undeliverable.
        """
        if not account_id.isdecimal():
            raise Undeliverable("this is no Discord account", permanent=True)
        try:
            channel = await self.create_dm(discord.Object(int(account_id)))
            labels = [label for label, _ in self._brain.registry.offers.of(subject)]
            under_the_last = rows(offers(labels, account_id, subject))
            parts = split(text)
            for number, part in enumerate(parts, 1):
                await post(channel, part, under_the_last if number == len(parts) else None)
        except discord.HTTPException as error:
            raise Undeliverable(
                reason(error),
                permanent=error.status < 500 and error.status not in (401, 429),
                retry_after=_retry_after(error),
            ) from error
        except TROUBLE as error:
            raise Undeliverable(reason(error), permanent=False) from error

    async def on_ready(self) -> None:
        """Say, the first time, that the agent is there, how to invite it, and its commands."""
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
        try:
            await sync(self.http, self.application_id, self._brain.registry)
        except TROUBLE as error:
            logger.warning("Discord was not told the slash commands: %s", reason(error))

    async def on_message(self, message: discord.Message) -> None:
        """Answer a person's direct message; ignore everything else."""
        if not self._is_for_me(message):
            return
        # In a direct message that the bot did not open, the channel does not know its recipient.
        outlet = ChannelOutlet(message.channel, str(message.author.id), self._pages, self._pace)
        if not message.content.strip() and (kind_word := _about_wordless(message)):
            await outlet.send(kind_word)
        else:
            await self._reception.answer(self._incoming(message), outlet)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        """Read a message again that was corrected soon after it was sent."""
        message = event.message
        before = event.cached_message
        if (
            self._is_for_me(message)
            and message.edited_at is not None
            and message.edited_at - message.created_at <= timedelta(seconds=EDIT_SECONDS)
            and message.content.strip()
            and (before is None or before.content != message.content)
        ):
            outlet = ChannelOutlet(message.channel, str(message.author.id), self._pages, self._pace)
            await self._reception.answer(self._incoming(message, edited=True), outlet)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer a slash command, a press or a form."""
        await self._interactions.take(interaction)

    def _is_for_me(self, message: discord.Message) -> bool:
        """Say whether a person has written this to the bot alone."""
        return (
            self._reception.accepting
            and message.guild is None
            and not message.author.bot  # which its own messages are as well
            and message.webhook_id is None
            and not message.is_system()
        )

    def _incoming(self, message: discord.Message, *, edited: bool = False) -> Incoming:
        address = Address(PLATFORM, self.agent, str(message.author.id))
        return Incoming(
            address, str(message.channel.id), message.content, str(message.id), edited=edited
        )


def _about_wordless(message: discord.Message) -> str | None:
    """Return a kind word about a message without words, where it has something else."""
    if message.flags.voice:
        return NO_VOICE
    if message.stickers:
        return NO_STICKERS
    return NO_FILES if message.attachments else None


def _retry_after(error: discord.HTTPException) -> float | None:
    """Return the seconds that Discord asks to wait; a date counts as none."""
    wish = error.response.headers.get("Retry-After", "")
    return float(wish) if wish.isdecimal() else None
