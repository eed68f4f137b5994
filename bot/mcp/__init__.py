"""The commands as tools of the Model Context Protocol, for assistants that people bring along."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import Settings


@contextmanager
def mcp_server(settings: Settings) -> Iterator[int | None]:
    """Serve the commands at MCP_HOST and MCP_PORT; yield the port, None where it is off."""
    if not settings.mcp_port:
        yield None
        return
    # Here: the SDK takes a second and 30 MB, which most have no use for.
    from bot.mcp.server import serve

    with serve(settings) as port:
        yield port
