"""Text files that come with a message: Discord makes one, message.txt, of a long paste."""

import asyncio
import logging
from collections.abc import Sequence

import discord

from bot.discord.errors import NETWORK_ERRORS, reason

logger = logging.getLogger(__name__)

PASTE = "message.txt"  # what Discord's clients call a paste that is too long for a message
ENDINGS = (".txt", ".md", ".csv", ".log", ".json", ".yml", ".yaml")
MAX_FILES = 3  # of one message
MAX_BYTES = 100_000  # of one file
TIMEOUT_SECONDS = 10


def text_files(attachments: Sequence[discord.Attachment]) -> list[discord.Attachment]:
    """Return the attachments that are texts, small enough to read."""
    found = [
        one
        for one in attachments
        if one.size <= MAX_BYTES
        and ((one.content_type or "").startswith("text/") or one.filename.lower().endswith(ENDINGS))
    ]
    return found[:MAX_FILES]


async def read_text(attachments: Sequence[discord.Attachment]) -> str:
    """Return what is in text files; one that can't be fetched is left out, and logged."""
    texts = await asyncio.gather(*map(_read, attachments))
    return "\n\n".join(text for text in texts if text)


async def _read(attachment: discord.Attachment) -> str:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            data = await attachment.read()
    except NETWORK_ERRORS as error:
        logger.info("a text file was left out: %s", reason(error))
        return ""
    return data[:MAX_BYTES].decode("utf-8", "replace").strip()
