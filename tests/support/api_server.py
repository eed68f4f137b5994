"""A real server on loopback, for one application."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from api.http.server import serve

HOST = "127.0.0.1"


@contextmanager
def running(app: Flask, threads: int = 8, port: int = 0) -> Iterator[str]:
    """Serve an application on a port, or on a free one; yield its address."""
    server = serve(app, HOST, port, threads)
    thread = threading.Thread(target=server.run, name="test-api")
    thread.start()
    try:
        yield f"http://{HOST}:{server.port}"
    finally:
        server.close()
        thread.join(15)
        assert not thread.is_alive(), "the server did not stop"
