"""The ways back to a person on Discord: into a channel, or as the answer to an interaction."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

import discord

from bot.discord.components import Press, layout, rows, short_cuts, turning
from bot.discord.drafts import DiscordDraft, Pace
from bot.discord.errors import NETWORK_ERRORS, reason
from bot.discord.pages import PAGE_LENGTH, Pages, is_long_list
from bot.markdown import split
from bot.messages import Button, Listing

logger = logging.getLogger(__name__)

View = discord.ui.View | discord.ui.LayoutView


class DiscordReplyChannel(ABC):
    """What the two ways have in common. `asker` is the person who is answered."""

    can_type = True  # whether the person can answer a question by a message

    def __init__(self, asker: str, pages: Pages) -> None:
        self.sent = False
        self.asked: int | None = None  # the message with the question, where it has buttons
        self._asker = asker
        self._pages = pages
        self._secret = False

    async def send(self, text: str, buttons: Sequence[Button] = (), question: str = "") -> None:
        """Send a reply of any length. One that Discord does not take is logged, not raised."""
        if not text.strip():
            return
        view = layout(text, self._asker) if isinstance(text, Listing) else None
        if view and await self._send_layout(view):
            return
        shown = short_cuts(buttons, self._asker, question)
        if question and (self._secret or not (shown or self.can_type)):
            label = "Answer privately" if self._secret else "Answer"
            shown.append(Press("answer", self._asker, question).button(label))
        self._secret = False
        *before, last = split(text)
        if before and not shown and is_long_list(text):
            parts = split(text, PAGE_LENGTH)
            key = self._pages.keep(parts)
            before, last = [], self._pages.text(parts, 0)
            shown = turning(self._asker, key, 0, len(parts))
        message = await self._send_all(before, last, rows(shown))
        if message and question and shown:
            self.asked = message.id

    async def _send_layout(self, view: discord.ui.LayoutView) -> bool:
        """Send a message in components; return False where it is refused: its text may do."""
        try:
            await self._post(None, view)
        except NETWORK_ERRORS as error:
            logger.warning("a layout was not sent: %s", reason(error))
            return not (isinstance(error, discord.HTTPException) and error.status == 400)
        self.sent = True
        return True

    async def _send_all(
        self, before: Sequence[str], last: str, view: discord.ui.View | None
    ) -> discord.Message | None:
        """Send messages; return the last one, or None where Discord does not take them."""
        try:
            for part in before:
                await self._post(part, None)
            message = await self._post(last, view)
        except NETWORK_ERRORS as error:
            logger.warning("a reply was not sent: %s", reason(error))
            return None
        self.sent = True
        return message

    def draft(self) -> DiscordDraft:
        """Write a reply bit by bit: it is sent first, and edited afterwards."""
        return DiscordDraft(self._start, self._turn)

    def expect_secret(self) -> bool:
        """Offer a form for the next answer; return False, since it may be typed just the same."""
        self._secret = True
        return False

    @abstractmethod
    def typing(self) -> AbstractAsyncContextManager[None]:
        """Show "is typing" until the context ends."""

    async def _start(self, text: str) -> discord.Message:
        """Send a message that is going to be edited."""
        message = await self._post(text, None)
        self.sent = True
        return message

    @abstractmethod
    async def _turn(self, is_last: bool) -> None:
        """Wait until a message may be edited, for the last time or not."""

    @abstractmethod
    async def _post(self, text: str | None, view: View | None) -> discord.Message:
        """Send one message; its text is in the view where it is None."""


class MessageReplyChannel(DiscordReplyChannel):
    """The way back into a channel; the first message there is a reply to `reply_to`, if any."""

    def __init__(
        self,
        channel: "discord.abc.MessageableChannel",
        asker: str,
        pages: Pages,
        pace: Pace,
        reply_to: discord.Message | None = None,
    ) -> None:
        super().__init__(asker, pages)
        self._channel = channel
        self._pace = pace
        self._reply_to = reply_to
        self._typing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def typing(self) -> AsyncIterator[None]:
        """Show "is typing" until the context ends; that takes no time from the work itself."""
        self._typing = asyncio.create_task(self._show_typing())
        try:
            yield
        finally:
            await self._stop_typing()

    async def _show_typing(self) -> None:
        try:
            async with self._channel.typing():
                await asyncio.Event().wait()  # until it is cancelled
        except NETWORK_ERRORS as error:
            logger.debug("typing could not be shown: %s", reason(error))

    async def _stop_typing(self) -> None:
        if self._typing is not None:
            self._typing.cancel()
            await asyncio.wait([self._typing])

    async def _start(self, text: str) -> discord.Message:
        # Only a new message ends "is typing" at once: it would outlast the last edit by seconds.
        await self._stop_typing()
        self._pace.count(self._channel.id)
        return await super()._start(text)

    async def _turn(self, is_last: bool) -> None:
        await self._pace.wait(self._channel.id, is_last=is_last)

    async def _post(self, text: str | None, view: View | None) -> discord.Message:
        if self._reply_to is None:
            return await post(self._channel, text, view)
        message, self._reply_to = self._reply_to, None
        return await self._channel.send(
            **_content(text, view),
            # A message that was deleted meanwhile is answered all the same.
            reference=message.to_reference(fail_if_not_exists=False),
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, users=[message.author], replied_user=True
            ),
        )


class InteractionReplyChannel(DiscordReplyChannel):
    """The way back to someone who used a command, a button or a form: seen by them alone."""

    def __init__(self, interaction: discord.Interaction, pages: Pages) -> None:
        super().__init__(str(interaction.user.id), pages)
        # In a server nobody else should see the answer, and the bot reads no messages there.
        self.ephemeral = interaction.guild_id is not None
        self.can_type = not self.ephemeral
        self._followup = interaction.followup
        self._pace = Pace()

    def typing(self) -> AbstractAsyncContextManager[None]:
        """Do nothing: Discord itself shows that the bot is at work."""
        return nullcontext()

    async def _turn(self, is_last: bool) -> None:
        await self._pace.wait(0, is_last=is_last)

    async def _post(self, text: str | None, view: View | None) -> discord.Message:
        what = _content(text, view)
        message: discord.Message = await self._followup.send(
            **what, ephemeral=self.ephemeral, wait=True
        )
        return message


async def post(
    channel: discord.abc.Messageable, text: str | None, view: View | None
) -> discord.Message:
    """Send one message, with buttons or without."""
    return await channel.send(**_content(text, view))


def _content(text: str | None, view: View | None) -> dict[str, Any]:
    """Return what is sent as discord.py takes it: without what there is none of."""
    return {name: value for name, value in (("content", text), ("view", view)) if value}
