"""Files that people send, fetched for models to read.

They are fetched here, and not by the model's server, since servers differ in what they can reach.
Only Discord's own addresses are asked, and no redirect is followed: whoever writes a message must
not be able to make the bot look into the network around it.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2

TIMEOUT_SECONDS = 10


class NotFetched(Exception):
    """A file can't be had; the message says why, and quotes nothing of its address."""


class Downloads:
    """Fetches files from a few addresses, such as "https://cdn.discordapp.com"."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = {_origin(url) for url in origins}
        self._http: httpx2.AsyncClient | None = None

    async def fetch(self, url: str, max_bytes: int) -> bytes:
        """Return a file of at most so many bytes. Raises NotFetched."""
        if _origin(url) not in self._origins:
            raise NotFetched("it is not at an address of Discord's")
        import httpx2  # here, for most starts fetch nothing

        if self._http is None:
            self._http = httpx2.AsyncClient(follow_redirects=False, trust_env=False)
        data = bytearray()
        try:
            async with (
                asyncio.timeout(TIMEOUT_SECONDS),
                self._http.stream("GET", url) as response,
            ):
                if response.status_code != 200:
                    raise NotFetched(f"the answer was {response.status_code}")
                async for piece in response.aiter_bytes():
                    data += piece
                    if len(data) > max_bytes:
                        raise NotFetched(f"it is larger than {max_bytes} bytes")
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise NotFetched(type(error).__name__) from error
        return bytes(data)

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()


def _origin(url: str) -> tuple[str, str]:
    """Return the scheme and the host of a URL. Raises NotFetched."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise NotFetched("its address can't be read") from error
    return parts.scheme, parts.netloc
