"""A DNS server on loopback that answers every name with the addresses it is given (RFC 1035).

It stands in for Docker's, which answers the name of a service with the addresses of its replicas.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HEADER_BYTES = 12
TYPE_A = 1


class DnsServer:
    """Answers with `addresses`, which may change at any time."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, name="test-dns")

    def _serve(self) -> None:
        while True:
            question, sender = self._socket.recvfrom(512)
            if not question:
                self._socket.close()
                return
            self._socket.sendto(self._answer(question), sender)

    def _answer(self, query: bytes) -> bytes:
        end = query.index(b"\0", HEADER_BYTES) + 1 + 4  # the name, then type and class
        wanted = int.from_bytes(query[end - 4 : end - 2])
        found = self.addresses if wanted == TYPE_A else []
        counts = b"\0\1" + len(found).to_bytes(2) + b"\0\0\0\0"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4"  # the name asked for, A, IN, no caching, 4 bytes
        records = b"".join(record + socket.inet_aton(address) for address in found)
        return query[:2] + b"\x84\0" + counts + query[HEADER_BYTES:end] + records

    def stop(self) -> None:
        """End the thread; an empty datagram is the sign."""
        host, port = self.address.split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(b"", (host, int(port)))
        self.thread.join(5)


@contextmanager
def dns_server(addresses: list[str]) -> Iterator[DnsServer]:
    """Run the server for as long as a block lasts."""
    server = DnsServer(addresses)
    server.thread.start()
    try:
        yield server
    finally:
        server.stop()
