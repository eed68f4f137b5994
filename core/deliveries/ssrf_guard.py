"""Connections that users' addresses cause lead outside: never to this machine or its network.

What is checked is the address that a socket is about to connect to, in the interpreter's own audit
event for it. So it makes no difference how a library came by it: a name that resolves to the inside
or does so only the second time, a redirect, an odd way to write a number, another port.
"""

import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

UNICAST = ip_network("2000::/3")  # all that is routed on the public IPv6 internet
NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
THREADS = ("_thread.start_new_thread", "_thread.start_joinable_thread")


class PrivateAddressError(OSError):
    """A connection to this machine or its network was refused; libraries take it for a failure."""


class Guard:
    """What a block may connect to, and what became of it. `cut` ends it from another thread."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self.allowed = allowed
        self.refused = False
        self._connections: list[socket.socket] = []
        self._over = False
        self._lock = threading.Lock()

    def cut(self) -> None:
        """End the connections of the block, whatever it waits for, and let it make no others."""
        with self._lock:
            self._over = True
            for connection in self._connections:
                with suppress(OSError):  # it is not connected, or not any more
                    connection.shutdown(socket.SHUT_RDWR)

    def note(self, connection: object) -> None:
        """Keep a handle of a socket that is about to connect: TLS takes over the original one."""
        with self._lock:
            if self._over:
                raise TimeoutError("the time for sending is over")
            if isinstance(connection, socket.socket):
                self._connections.append(connection.dup())

    def close(self) -> None:
        """Close the connections when the block has ended."""
        with self._lock:
            self._over = True
            for connection in self._connections:
                connection.close()
            self._connections.clear()


_guard: ContextVar[Guard | None] = ContextVar("guard", default=None)


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
def outside_only(allowed: Sequence[Network] = (), guard: Guard | None = None) -> Iterator[Guard]:
    """Refuse connections to the inside in this block, and threads, which would escape it.

    allowed: networks that may be reached all the same. Python tells of threads from 3.12 on; before
    it, a scheme whose library starts some must not be allowed (none of the default ones does).
    """
    _install()
    guard = guard or Guard(allowed)
    token = _guard.set(guard)
    try:
        yield guard
    finally:
        _guard.reset(token)
        guard.close()


@lru_cache(1)
def _install() -> None:
    """Add the hook, which stays for the life of the process and acts only in guarded blocks."""
    sys.addaudithook(_check)


def _check(event: str, details: tuple[object, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto", "socket.sendmsg", *THREADS):
        return
    guard = _guard.get()
    if guard is None:
        return
    target = details[1] if len(details) > 1 else None
    if event == "socket.connect" and isinstance(target, tuple):
        host = str(target[0])
        if is_outside(host) or _is_allowed(host, guard.allowed):
            guard.note(details[0])
            return
    guard.refused = True
    raise PrivateAddressError("the address leads into a private network")


def _is_allowed(host: str, allowed: Sequence[Network]) -> bool:
    try:
        return any(ip_address(host) in network for network in allowed)
    except ValueError:
        return False
