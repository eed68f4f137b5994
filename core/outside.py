"""Connections that users' addresses cause lead outside: never to this machine or its network.

What is checked is the address that a socket is about to connect to, in the interpreter's own audit
event for it. So it makes no difference how a library came by it: a name that resolves to the inside
or does so only the second time, a redirect, an odd way to write a number, another port.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

UNICAST = ip_network("2000::/3")  # all that is routed on the public IPv6 internet
NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
THREADS = ("_thread.start_new_thread", "_thread.start_joinable_thread")


class LeadsInside(OSError):
    """A connection to this machine or its network was refused; libraries take it for a failure."""


class Refusals:
    """What was refused while a block ran."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self.allowed = allowed
        self.happened = False


_guard: ContextVar[Refusals | None] = ContextVar("guard", default=None)


def is_outside(address: str) -> bool:
    """Tell whether an IP address is one of the public internet, whatever form it is dressed in."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False  # a name, or a path: whatever resolves it does so behind our back
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in NAT64:
            inner = IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return is_outside(str(inner))
        if ip not in UNICAST:
            return False
    return ip.is_global and not ip.is_multicast


@contextmanager
def outside_only(allowed: Sequence[Network] = ()) -> Iterator[Refusals]:
    """Refuse connections to the inside in this block, and threads, which would escape it.

    allowed: networks that may be reached all the same. Python tells of threads from 3.12 on; before
    it, a scheme whose library starts some must not be allowed (none of the default ones does).
    """
    _install()
    refusals = Refusals(allowed)
    token = _guard.set(refusals)
    try:
        yield refusals
    finally:
        _guard.reset(token)


@lru_cache(1)
def _install() -> None:
    """Add the hook, which stays for the life of the process and acts only in guarded blocks."""
    sys.addaudithook(_check)


def _check(event: str, details: tuple[object, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto", "socket.sendmsg", *THREADS):
        return
    refusals = _guard.get()
    if refusals is None:
        return
    target = details[1] if len(details) > 1 else None
    if event == "socket.connect" and isinstance(target, tuple):
        host = str(target[0])
        if is_outside(host) or _is_allowed(host, refusals.allowed):
            return
    refusals.happened = True
    raise LeadsInside("the address leads into a private network")


def _is_allowed(host: str, allowed: Sequence[Network]) -> bool:
    try:
        return any(ip_address(host) in network for network in allowed)
    except ValueError:
        return False
