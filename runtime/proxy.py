"""The proxy between this machine and others, as the environment names it."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_for(url: str) -> str | None:
    """Return the URL of the proxy for an address; None where NO_PROXY excepts it, or without one.

    To be asked once for a client: aiohttp, left to find out by itself, does so for every request,
    and takes 0.6 ms of the processor for it.
    """
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
