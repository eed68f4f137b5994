"""Pictures that people send, fetched for models to look at.

They are fetched here, and not by the model's server, since servers differ in what they can reach.
Only Discord's own addresses are asked, and no redirect is followed: whoever writes a message must
not be able to make the bot look into the network around it.
"""

import asyncio
import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx2

from ai.llm.types import Image

logger = logging.getLogger(__name__)

MAX_IMAGES = 4  # of one message
MAX_BYTES = 5_000_000  # bytes; Anthropic's documentation, "Vision"
TIMEOUT_SECONDS = 10
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
        self._origins = {_origin(url) for url in origins}
        self._http: httpx2.AsyncClient | None = None

    async def fetch(self, urls: Sequence[str]) -> tuple[Image, ...]:
        """Return the pictures that could be fetched; what can't be is left out, and logged."""
        found = await asyncio.gather(*(self._fetch(url) for url in urls[:MAX_IMAGES]))
        return tuple(image for image in found if image is not None)

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def _fetch(self, url: str) -> Image | None:
        try:
            if _origin(url) not in self._origins:
                raise ValueError("it is not at an address of Discord's")
            if self._http is None:
                self._http = httpx2.AsyncClient(follow_redirects=False, trust_env=False)
            data = bytearray()
            async with (
                asyncio.timeout(TIMEOUT_SECONDS),
                self._http.stream("GET", url) as response,
            ):
                if response.status_code != 200:
                    raise ValueError(f"the answer was {response.status_code}")
                async for piece in response.aiter_bytes():
                    data += piece
                    if len(data) > MAX_BYTES:
                        raise ValueError(f"it is larger than {MAX_BYTES} bytes")
            return Image(_media_type(data), bytes(data))
        except (httpx2.TransportError, TimeoutError, ValueError) as error:
            why = str(error) if isinstance(error, ValueError) else type(error).__name__
            logger.info("a picture was left out: %s", why)
            return None


def _origin(url: str) -> tuple[str, str]:
    """Return the scheme and the host of a URL. Raises ValueError, which quotes nothing of it."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError("its address can't be read") from error
    return parts.scheme, parts.netloc


def _media_type(data: bytes | bytearray) -> str:
    for signature, start, media_type in SIGNATURES:
        if data[start : start + len(signature)] == signature:
            return media_type
    raise ValueError("it is no PNG, JPEG, GIF or WebP")
