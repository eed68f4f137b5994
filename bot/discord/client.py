"""One agent on Discord: messages, commands and presses in, replies and deliveries out."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import discord
import yarl

from bot.agent import Agent
from bot.conversation.voice import NO_VOICE
from bot.discord.components import offers, rows
from bot.discord.drafts import Pace
from bot.discord.errors import NETWORK_ERRORS, reason
from bot.discord.files import read_text, text_files
from bot.discord.incoming_queue import MAX_WAITING, IncomingQueue, Quota
from bot.discord.interactions import Interactions
from bot.discord.messages import (
    PLATFORM,
    facts_of,
    facts_of_use,
    guild_of,
    images_of,
    incoming_of,
    quoted_of,
    recording_of,
    text_of,
)
from bot.discord.pages import Pages
from bot.discord.replies import MessageReplyChannel, post
from bot.discord.slash_commands import sync
from bot.discord.start_limits import Starts
from bot.markdown import split
from bot.rules import DIRECT_ONLY, Rules, listens, silence
from bot.runtime.deliveries import Undeliverable
from bot.runtime.supervisor import AgentRefused, ConnectionLost, Status
from runtime.logs import where_raised

logger = logging.getLogger(__name__)

Request = Callable[..., Coroutine[Any, Any, Any]]
DISCORD_API = discord.http.Route.BASE
TOKEN_INVALID = 4004  # Discord's documentation, "Gateway Close Event Codes"
UNKNOWN_TO_DISCORD = (
    "Discord does not know its token. Make a new one (developer portal, your application, Bot, "
    "Reset Token) and give it to the agent."
)
EDIT_SECONDS = 60  # how long after it was sent a message may be corrected
GUILD_SECONDS = 0.5  # without word of another server, after which the agent counts as online
FEW_GUILDS = 100  # servers that Discord tells of within milliseconds
MINUTE = 60.0
UNCALLED_EACH = 10  # messages a minute of one person that are answered without a mention,
UNCALLED_TOGETHER = 60  # and of everyone in a channel with its threads
THREADS_EACH = 5  # threads that are opened for one person in ten minutes
THREAD_NAME_LENGTH = 100  # Discord's documentation, "Start Thread from Message"
MESSAGES_KEPT = 200  # to know what a corrected message said before

NO_STICKERS = "That is a nice sticker! I can only read text, though. Please tell me in words."
NO_FILES = "I can only open short text files, I'm afraid. Please tell me in words."
SOME_FILES = "I can only open short text files, so I have left something out."
NO_WORDS = "Yes? Please tell me what you need together with my name."
NOT_HERE = "I don't answer here."

# The bot does not speak, so nobody needs to be told what that would take.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False


class NoOutages(logging.Filter):
    """Leaves out what discord.py logs of each try to connect, with its traceback.

    The client says once that the connection is lost, and once that it is back.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is about something else."""
        return not (record.exc_info and isinstance(record.exc_info[1], NETWORK_ERRORS))


for _name in ("discord.client", "discord.gateway", "discord.shard"):
    logging.getLogger(_name).addFilter(NoOutages())


def use_api(url: str) -> None:
    """Send every REST call of this process to this address, which also names the gateway."""
    discord.http.Route.BASE = url.rstrip("/")


def always() -> bool:
    """Allow it."""
    return True


class MoreShards(Exception):
    """Discord wants this bot's servers spread over so many connections."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} shards")
        self.count = count


class DiscordClient(discord.Client):
    """A connection to Discord on which one agent answers people.

    `may_answer` is asked at each message. `rules` can be set while it runs.
    """

    def __init__(
        self,
        agent_name: str,
        agent: Agent,
        on_invite: Callable[[str], None],
        *,
        rules: Rules = DIRECT_ONLY,
        may_answer: Callable[[], bool] = always,
        starts: Starts | None = None,
        status: Status | None = None,
        shard_count: int | None = None,
        most_waiting: int = MAX_WAITING,
    ) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.guild_messages = intents.dm_messages = True
        intents.message_content = True
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=MESSAGES_KEPT,
            member_cache_flags=discord.MemberCacheFlags.none(),
            shard_count=shard_count,
            guild_ready_timeout=GUILD_SECONDS,
        )
        self.agent_name = agent_name
        self.rules = rules
        self.most_is_known = asyncio.Event()
        self._agent = agent
        self._on_invite = on_invite
        self._may_answer = may_answer
        self._starts = starts or Starts()
        self._status = status or Status()
        self._invited = False
        self._max_concurrency = 1
        self.http.request = self._noticing(self.http.request)  # type: ignore[method-assign]
        self._pages = Pages()
        self._pace = Pace()
        self._queue = IncomingQueue(self, agent, most_waiting)
        self._uncalled = Quota(UNCALLED_EACH, MINUTE)
        self._uncalled_together = Quota(UNCALLED_TOGETHER, MINUTE)
        self._threads = Quota(THREADS_EACH, 10 * MINUTE)
        self._interactions = Interactions(PLATFORM, agent_name, agent, self._queue, self._pages)

    async def run_agent(self, token: str) -> None:
        """Log in and stay connected until `close()`.

        Raises AgentRefused where trying again helps nobody before something is set right,
        MoreShards where another client has to do it, and ConnectionLost.
        """
        await self.log_in(token)
        try:
            await self._prepare_to_connect()
            await self.connect()
        except discord.PrivilegedIntentsRequired as error:
            raise AgentRefused(
                "Discord does not let it read messages. Switch on Message Content Intent in the "
                f"developer portal: https://discord.com/developers/applications/"
                f"{self.application_id}/bot"
            ) from error
        except discord.ConnectionClosed as error:
            if error.code == TOKEN_INVALID:
                raise AgentRefused(UNKNOWN_TO_DISCORD) from error
            raise ConnectionLost(f"Discord's gateway closed with {error.code}") from error
        except NETWORK_ERRORS as error:
            raise ConnectionLost(reason(error)) from error
        except AttributeError as error:
            # discord.py, where its first connection fails, asks the one it has not for its state.
            if self.ws is not None or not isinstance(error.__context__, NETWORK_ERRORS):
                raise
            raise ConnectionLost("Discord's gateway can't be reached") from error

    @property
    def can_send(self) -> bool:
        """Whether Discord's REST interface has let it in; messages need no gateway."""
        return self.user is not None and not self.is_closed()

    async def log_in(self, token: str) -> None:
        """Log in to send messages, without a connection. Raises AgentRefused and ConnectionLost."""
        try:
            await self.login(token)
        except discord.LoginFailure as error:
            raise AgentRefused(UNKNOWN_TO_DISCORD) from error
        except NETWORK_ERRORS as error:
            raise ConnectionLost(reason(error)) from error

    def _noticing(self, request: Request) -> Request:
        """Have the status say so where Discord does not know the token, online or not."""

        async def noticing(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as discord.py has it
            try:
                return await request(*args, **kwargs)
            except discord.HTTPException as error:
                if error.status == HTTPStatus.UNAUTHORIZED:
                    self._status.become(self._status.state, UNKNOWN_TO_DISCORD)
                raise

        return noticing

    async def _prepare_to_connect(self) -> None:
        """Ask Discord where its gateway is, how many shards it wants, and what starts are left."""
        shards, url, limit = await self.http.get_bot_gateway()
        if discord.http.Route.BASE != DISCORD_API:  # discord.py knows Discord's own gateway only
            discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        if shards > (self.shard_count or 1):
            raise MoreShards(shards)
        self._starts.check(limit, self.shard_count or 1)
        self._max_concurrency = limit["max_concurrency"]

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait until Discord takes another session of this bot."""
        if not initial:
            _, _, limit = await self.http.get_bot_gateway()
            self._starts.check(limit, 1)
        await self._starts.wait(self.application_id or 0, shard_id or 0, self._max_concurrency)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Tell of an event, unless it comes too late: discord.py does, and fails, once closed."""
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def finish(self) -> None:
        """Take no more messages, and return when those under way are answered."""
        await self._queue.close()

    async def deliver(self, account_id: str, text: str, subject: str = "") -> None:
        """Send a text of any length to a person, with what they may do about the subject.

        Raises Undeliverable.
        """
        if not account_id.isdecimal():
            raise Undeliverable("this is no Discord account", permanent=True)
        try:
            channel = await self.create_dm(discord.Object(int(account_id)))
            labels = [label for label, _ in self._agent.registry.offers.of(subject)]
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
        except NETWORK_ERRORS as error:
            raise Undeliverable(reason(error), permanent=False) from error

    async def on_connect(self) -> None:
        """Note that the session has begun, where few servers are still to come."""
        if len(self.guilds) <= FEW_GUILDS:
            self.most_is_known.set()

    async def on_ready(self) -> None:
        """Say, the first time, that the agent is there, how to invite it, and its commands."""
        if self._status.become("online") and self._invited:
            logger.info("the agent %s is back on Discord", self.agent_name)
        self.most_is_known.set()
        self._starts.collect_garbage()
        if self._invited or self.application_id is None:
            return
        self._invited = True
        logger.info("the agent %s is on Discord", self.agent_name)
        self._on_invite(
            discord.utils.oauth_url(
                self.application_id,
                permissions=discord.Permissions.none(),
                scopes=("bot", "applications.commands"),
            )
        )
        await self.tell_commands()

    async def tell_commands(self) -> None:
        """Tell Discord what the agent can be asked by slash commands, where that has changed."""
        if self.application_id is None:
            return
        try:
            await sync(self.http, self.application_id, self._agent)
        except NETWORK_ERRORS as error:
            logger.warning("Discord was not told the slash commands: %s", reason(error))

    async def on_resumed(self) -> None:
        """Note that a connection that was lost is back, without a message missed."""
        if self._status.become("online"):
            logger.info("the agent %s is back on Discord", self.agent_name)

    async def on_disconnect(self) -> None:
        """Note that the connection is lost; discord.py sees to another one."""
        if self._status.become("reconnecting"):
            logger.warning("the agent %s has lost Discord; it goes on trying", self.agent_name)

    async def on_message(self, message: discord.Message) -> None:
        """Answer a message where the rules say so."""
        if not self._answers(message):
            return
        kind_word = self._about_wordless(message)
        if not self._is_called(message):
            # What people say among each other is answered within bounds, pictures not at all.
            if kind_word is None and self._may_speak_up(message):
                await self._answer(message)
        elif kind_word:
            await self._reply_channel(message).send(kind_word)
        else:
            if self._has_unread_files(message):
                await self._reply_channel(message).send(SOME_FILES)
            await self._answer(message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        """Read a message again that was corrected soon after it was sent."""
        message = event.message
        before = event.cached_message
        if (
            message.edited_at is not None
            and message.edited_at - message.created_at <= timedelta(seconds=EDIT_SECONDS)
            and message.content.strip()
            and (before is None or before.content != message.content)
            and self._answers(message)
        ):
            # A message that calls the agent only now is a new one for it.
            was_for_it = before is None or self._answers(before)
            if self._is_called(message) or self._may_speak_up(message):
                await self._answer(message, edited=was_for_it)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer a slash command, a press or a form where the rules say so."""
        if not (self._queue.accepting and self._may_answer()):
            return
        if silence(self.rules, facts_of_use(interaction)) is None:
            await self._interactions.take(interaction)
            return
        try:
            if interaction.type is discord.InteractionType.autocomplete:
                await interaction.response.autocomplete([])
            else:
                await interaction.response.send_message(NOT_HERE, ephemeral=True)
        except NETWORK_ERRORS as error:
            logger.info("an interaction was not refused: %s", reason(error))

    async def on_error(self, event: str, /, *_: object, **__: object) -> None:
        """Log a mistake of the program's own; it ends nothing."""
        error = sys.exception()
        logger.error("the agent %s failed at %s: %s", self.agent_name, event, where_raised(error))
        self._status.complain(f"it failed at an event: {type(error).__name__}")

    def _answers(self, message: discord.Message) -> bool:
        """Say whether the agent has to answer a message."""
        if self.user is None or not (self._queue.accepting and self._may_answer()):
            return False
        facts = facts_of(message, self.user)
        why_not = silence(self.rules, facts)
        if why_not is not None and facts.calls - {"everyone"}:
            logger.debug("the agent %s was called and is silent: %s", self.agent_name, why_not)
        return why_not is None

    def _is_called(self, message: discord.Message) -> bool:
        """Say whether a message is to the agent, and not only where it answers everything."""
        assert self.user is not None  # noqa: S101 - who has no user gets no message
        facts = facts_of(message, self.user)
        return facts.guild_id is None or bool(facts.calls - {"everyone"})

    def _may_speak_up(self, message: discord.Message) -> bool:
        """Count a message that did not call the agent; say whether it is one of not too many."""
        channel_id = getattr(message.channel, "parent_id", None) or message.channel.id
        return self._uncalled.take(message.author.id) and self._uncalled_together.take(channel_id)

    def _reply_channel(
        self, message: discord.Message, thread: discord.Thread | None = None
    ) -> MessageReplyChannel:
        # In a direct message that the bot did not open, the channel does not know its recipient.
        asker = str(message.author.id)
        reply_to = None if guild_of(message) is None or thread else message
        channel = thread or message.channel
        return MessageReplyChannel(channel, asker, self._pages, self._pace, reply_to)

    async def _answer(self, message: discord.Message, *, edited: bool = False) -> None:
        assert self.user is not None  # noqa: S101
        attached = await read_text(text_files(message.attachments))
        incoming = incoming_of(
            message, self.user, self.agent_name, edited=edited, attached=attached
        )
        thread = await self._thread_for(message, incoming.text)
        if thread is not None:
            incoming = replace(incoming, channel_id=str(thread.id), channel_name=thread.name)
        await self._queue.answer(incoming, self._reply_channel(message, thread))

    async def _thread_for(self, message: discord.Message, text: str) -> discord.Thread | None:
        """Return the thread of the conversation that a message begins.

        None where none is wanted, or can be opened: it is answered where it was written.
        """
        assert self.user is not None  # noqa: S101
        is_thread = isinstance(message.channel, discord.Thread)
        if not self.rules.threads or is_thread or message.guild is None:
            return None
        if not listens(self.rules, facts_of(message, self.user)):
            return None
        if message.thread is not None:  # the message was edited, or another bot opened one
            return message.thread if message.thread.owner_id == self.user.id else None
        if not self._threads.take(message.author.id):
            return None
        name = " ".join(text.split())[:THREAD_NAME_LENGTH] or message.author.display_name
        try:
            return await message.create_thread(name=name)
        except NETWORK_ERRORS as error:
            logger.info("no thread was opened: %s", reason(error))
            return None

    def _about_wordless(self, message: discord.Message) -> str | None:
        """Return a kind word about a message without words, where the agent can't make sense of it.

        A message in a server that is the agent's name alone has none either.
        """
        assert self.user is not None  # noqa: S101
        if text_of(message, self.user) or (self._agent.takes_images and images_of(message)):
            return None
        if quoted_of(message, self.user) or text_files(message.attachments):
            return None
        if recording_of(message, self.user):
            return None if self._agent.takes_voice else NO_VOICE
        if message.stickers:
            return NO_STICKERS
        if message.attachments:
            return NO_FILES
        return None if guild_of(message) is None else NO_WORDS

    def _has_unread_files(self, message: discord.Message) -> bool:
        """Say whether something came with a message that no agent is given."""
        assert self.user is not None  # noqa: S101
        read = [one.url for one in text_files(message.attachments)]
        if self._agent.takes_voice and (recording := recording_of(message, self.user)):
            read.append(recording.url)
        return any(
            one.url not in read and not (one.content_type or "").startswith("image/")
            for one in message.attachments
        )


class ShardedClient(DiscordClient, discord.AutoShardedClient):
    """The same for a bot on so many servers that Discord wants several connections."""


def _retry_after(error: discord.HTTPException) -> float | None:
    """Return the seconds that Discord asks to wait; a date counts as none."""
    desired = error.response.headers.get("Retry-After", "")
    return float(desired) if desired.isdecimal() else None
