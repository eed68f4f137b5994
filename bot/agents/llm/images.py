"""Pictures that people send, for models to look at."""

import asyncio
import logging
from collections.abc import Sequence

from ai.llm.types import Image
from bot.downloads import Downloads, NotFetched

logger = logging.getLogger(__name__)

MAX_IMAGES = 4  # of one message
MAX_BYTES = 5_000_000  # bytes; Anthropic's documentation, "Vision"
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
)
"""What the kinds of pictures that models take begin with, and where."""


class Pictures:
    """Fetches pictures from a few addresses, such as "https://cdn.discordapp.com"."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._downloads = Downloads(origins)

    async def fetch(self, urls: Sequence[str]) -> tuple[Image, ...]:
        """Return the pictures that could be fetched; what can't be is left out, and logged."""
        found = await asyncio.gather(*(self._fetch(url) for url in urls[:MAX_IMAGES]))
        return tuple(image for image in found if image is not None)

    async def close(self) -> None:
        """Close the connections."""
        await self._downloads.close()

    async def _fetch(self, url: str) -> Image | None:
        try:
            data = await self._downloads.fetch(url, MAX_BYTES)
            return Image(_media_type(data), data)
        except NotFetched as error:
            logger.info("a picture was left out: %s", error)
            return None


def _media_type(data: bytes) -> str:
    for signature, start, media_type in SIGNATURES:
        if data[start : start + len(signature)] == signature:
            return media_type
    raise NotFetched("it is no PNG, JPEG, GIF or WebP")
