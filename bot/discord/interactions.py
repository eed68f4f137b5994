"""Commands, presses and forms: what they say is answered like a message."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import discord

from bot.agent import Agent
from bot.api.client import ApiError
from bot.api.sessions import SessionEnded
from bot.discord.components import Press, filled_in, form, rows, turning, used
from bot.discord.errors import NETWORK_ERRORS, reason
from bot.discord.incoming_queue import IncomingQueue
from bot.discord.pages import Pages
from bot.discord.replies import InteractionReplyChannel
from bot.discord.slash_commands import FORMS, WORDS, read
from bot.messages import Address, Credentials, Incoming

logger = logging.getLogger(__name__)

SUGGEST_SECONDS = 2  # Discord waits for three
CHOICE_LENGTH = 100  # Discord's documentation, "Application Command Option Choice"
NOT_YOURS = "Only the person I am talking to can press this."
OFFER_EXPIRED = "I can't do that any more. Please tell me in words."
LIST_EXPIRED = "That list has expired; please ask again."


class Interactions:
    """Answers everything that people do on Discord but write."""

    def __init__(
        self, platform: str, agent_name: str, agent: Agent, queue: IncomingQueue, pages: Pages
    ) -> None:
        self._platform = platform
        self._agent_name = agent_name
        self._agent = agent
        self._queue = queue
        self._pages = pages

    async def take(self, interaction: discord.Interaction) -> None:
        """Answer one interaction. What Discord does not take is logged, not raised."""
        if not self._queue.accepting:
            return
        try:
            if interaction.type is discord.InteractionType.application_command:
                await self._called(interaction)
            elif interaction.type is discord.InteractionType.autocomplete:
                await self._suggest(interaction)
            elif interaction.type is discord.InteractionType.component:
                await self._pressed(interaction)
            elif interaction.type is discord.InteractionType.modal_submit:
                await self._filled_in(interaction)
        except NETWORK_ERRORS as error:
            logger.warning("an interaction was not answered: %s", reason(error))

    async def _called(self, interaction: discord.Interaction) -> None:
        """Answer a slash command."""
        data: Any = interaction.data
        name = data["name"]
        if name in FORMS:
            press = Press("form", str(interaction.user.id), FORMS[name])
            await interaction.response.send_modal(form(press))
            return
        await _defer(interaction)
        if name in WORDS:
            words = " ".join([WORDS[name], *(one["value"] for one in data.get("options") or ())])
            said = replace(self._incoming(interaction, words), starts_new=True)
        else:
            text, order, _ = read(data, self._agent.registry)
            said = replace(self._incoming(interaction, text), starts_new=True, order=order)
        await self._answer(interaction, said)

    async def _suggest(self, interaction: discord.Interaction) -> None:
        """Complete what is being typed into a slash command."""
        data: Any = interaction.data
        _, order, field = read(data, self._agent.registry)
        key = (order["interaction_type"], order["action"])
        found: list[str] = []
        try:
            async with asyncio.timeout(SUGGEST_SECONDS):
                found = await self._agent.suggest(
                    self._address(interaction), key, field, str(order[field])
                )
        except (ApiError, SessionEnded, TimeoutError) as error:
            logger.info("nothing could be suggested: %s", type(error).__name__)
        names = [name for name in found if len(name) <= CHOICE_LENGTH]
        await interaction.response.autocomplete(
            [discord.app_commands.Choice(name=name, value=name) for name in names]
        )

    async def _pressed(self, interaction: discord.Interaction) -> None:
        press = _press_of(interaction)
        if press is None:
            return
        respond = interaction.response
        if press.asker != str(interaction.user.id):
            await respond.send_message(NOT_YOURS, ephemeral=True)
        elif press.kind in ("answer", "form"):
            await respond.send_modal(form(press))
        elif press.kind == "page":
            await self._turn(interaction, press)
        elif press.kind == "after":
            await self._act(interaction, press)
        else:
            await respond.edit_message(view=used(interaction.message, press.custom_id))
            said = replace(
                self._incoming(interaction, press.text),
                answers=press.name,
                starts_new=not press.name,
            )
            await self._answer(interaction, said)

    async def _act(self, interaction: discord.Interaction, press: Press) -> None:
        """Carry out what was offered under a reminder, or beside a line of a list."""
        await interaction.response.edit_message(view=used(interaction.message, press.custom_id))
        offers = self._agent.registry.offers.of(press.text)
        number = int(press.name)
        if number >= len(offers):  # the module is another one by now
            await interaction.followup.send(OFFER_EXPIRED, ephemeral=True)
            return
        label, order = offers[number]
        said = replace(self._incoming(interaction, label), starts_new=True, order=order)
        await self._answer(interaction, said)

    async def _turn(self, interaction: discord.Interaction, press: Press) -> None:
        """Show another page of a list."""
        pages = self._pages.get(press.name)
        if pages is None:
            await interaction.response.edit_message(view=None)
            await interaction.followup.send(LIST_EXPIRED, ephemeral=True)
            return
        page = int(press.text)
        await interaction.response.edit_message(
            content=self._pages.text(pages, page),
            view=rows(turning(press.asker, press.name, page, len(pages))),
        )

    async def _filled_in(self, interaction: discord.Interaction) -> None:
        press = _press_of(interaction)
        if press is None:
            return
        given = filled_in(interaction)
        if interaction.message is not None:  # the button that opened it has done its work
            await interaction.response.edit_message(view=None)
        else:
            await _defer(interaction)
        if press.kind == "form":
            new = press.name == "register"
            credentials = Credentials(given["username"], given["password"], new)
            said = self._incoming(interaction, press.name)
            said = replace(said, starts_new=True, credentials=credentials)
        else:
            said = self._incoming(interaction, given["answer"])
            said = replace(said, answers=press.name, ephemeral=True)
        await self._answer(interaction, said)

    async def _answer(self, interaction: discord.Interaction, said: Incoming) -> None:
        pressed = interaction.message.id if interaction.message else None
        reply_channel = InteractionReplyChannel(interaction, self._pages)
        await self._queue.answer(said, reply_channel, pressed)
        if pressed is None and not reply_channel.sent:
            await interaction.delete_original_response()  # "thinking ..." would stay for ever

    def _incoming(self, interaction: discord.Interaction, text: str) -> Incoming:
        channel_id, number = str(interaction.channel_id), str(interaction.id)
        return Incoming(
            self._address(interaction),
            channel_id,
            text,
            number,
            author_name=interaction.user.display_name,
            username=interaction.user.name,
        )

    def _address(self, interaction: discord.Interaction) -> Address:
        return Address(self._platform, self._agent_name, str(interaction.user.id))


def _press_of(interaction: discord.Interaction) -> Press | None:
    """Return what was pressed or filled in; None where it is none of ours."""
    data: Any = interaction.data
    return Press.read(data["custom_id"])


async def _defer(interaction: discord.Interaction) -> None:
    """Show that the bot is at work, which gives it 15 minutes instead of 3 seconds."""
    await interaction.response.defer(thinking=True, ephemeral=interaction.guild_id is not None)
