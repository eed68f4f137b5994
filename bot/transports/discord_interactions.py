"""Presses on buttons and filled-in forms: what they say is answered like a message."""

import logging
from dataclasses import replace
from typing import Any

import discord

from bot.messages import Address, Credentials, Incoming
from bot.transports.discord_outlets import TROUBLE, InteractionOutlet, reason
from bot.transports.discord_pages import Pages
from bot.transports.discord_reception import Reception
from bot.transports.discord_views import Press, filled_in, form, rows, turning

logger = logging.getLogger(__name__)

NOT_YOURS = "Only the person I am talking to can press this."
LIST_EXPIRED = "That list has expired; please ask again."


class Interactions:
    """Answers everything that people do on Discord but write."""

    def __init__(self, platform: str, agent: str, reception: Reception, pages: Pages) -> None:
        self._platform = platform
        self._agent = agent
        self._reception = reception
        self._pages = pages

    async def take(self, interaction: discord.Interaction) -> None:
        """Answer one interaction. What Discord does not take is logged, not raised."""
        if not self._reception.accepting:
            return
        try:
            if interaction.type is discord.InteractionType.component:
                await self._pressed(interaction)
            elif interaction.type is discord.InteractionType.modal_submit:
                await self._filled_in(interaction)
        except TROUBLE as error:
            logger.warning("an interaction was not answered: %s", reason(error))

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
        else:
            await respond.edit_message(view=None)
            said = replace(
                self._incoming(interaction, press.text), answers=press.name, anew=not press.name
            )
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
            said = replace(said, anew=True, credentials=credentials)
        else:
            said = self._incoming(interaction, given["answer"])
            said = replace(said, answers=press.name, unseen=True)
        await self._answer(interaction, said)

    async def _answer(self, interaction: discord.Interaction, said: Incoming) -> None:
        pressed = interaction.message.id if interaction.message else None
        await self._reception.answer(said, InteractionOutlet(interaction, self._pages), pressed)

    def _incoming(self, interaction: discord.Interaction, text: str) -> Incoming:
        address = Address(self._platform, self._agent, str(interaction.user.id))
        return Incoming(address, str(interaction.channel_id), text, str(interaction.id))


def _press_of(interaction: discord.Interaction) -> Press | None:
    """Return what was pressed or filled in; None where it is none of ours."""
    data: Any = interaction.data
    return Press.read(data["custom_id"])


async def _defer(interaction: discord.Interaction) -> None:
    """Show that the bot is at work, which gives it 15 minutes instead of 3 seconds."""
    await interaction.response.defer(thinking=True, ephemeral=interaction.guild_id is not None)
