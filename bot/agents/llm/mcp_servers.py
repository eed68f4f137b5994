"""Tools of MCP servers that an agent's settings name, for its model.

Each use is a connection of its own, so that nothing has to be kept alive, and a server that hangs
costs its own call alone. What a server returns is data: bounded in time and size.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ai.llm.types import Tool
from bot.agents.llm.settings import McpServer
from runtime.clock import Clock

if TYPE_CHECKING:
    from mcp import Client, types

logger = logging.getLogger(__name__)

LISTED = timedelta(minutes=10)  # for which a server's list of tools is taken as current
RETRY = timedelta(seconds=30)  # before a server that gave no list is asked again
LISTING_SECONDS = 5.0  # that a person is kept waiting for the lists
MAX_DESCRIPTION = 1000  # characters
MAX_SCHEMA = 8000  # characters of JSON
MAX_SHOWN = 300  # characters of the arguments that a person is asked to confirm
NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
UNAVAILABLE = "The server of this tool can't be reached, or did not answer in time."
REFUSED = "The person did not agree. Nothing was done."
NOT_AN_OBJECT = "The arguments were no JSON object. Call it again."

Confirm = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True)
class Remote:
    """A tool of a server."""

    server: McpServer
    name: str  # as the server calls it
    described: Tool  # as the model knows it
    asks: bool  # whether the person has to agree


class McpServers:
    """The servers of one agent; `keys` are their bearer tokens by the servers' names."""

    def __init__(
        self, servers: tuple[McpServer, ...], keys: Mapping[str, str], clock: Clock
    ) -> None:
        self._servers = servers
        self._keys = keys
        self._clock = clock
        self._tools: dict[str, dict[str, Remote]] = {}  # by server, then by the model's name
        self._list_at: dict[str, datetime] = {}
        self._locks = {server.name: asyncio.Lock() for server in servers}

    async def offered(self) -> tuple[Tool, ...]:
        """Return what a model is told of; a server that is away has the tools it had before."""
        await asyncio.gather(*map(self._renew, self._servers))
        return tuple(one.described for tools in self._tools.values() for one in tools.values())

    def find(self, name: str) -> Remote | None:
        """Return the tool that a model calls by a name."""
        return next((tools[name] for tools in self._tools.values() if name in tools), None)

    async def call(self, tool: Remote, arguments: dict[str, Any] | None, confirm: Confirm) -> str:
        """Call a tool, with the person's consent where it may change something; never raises."""
        if arguments is None:
            return NOT_AN_OBJECT
        if tool.asks and not await confirm(_question(tool, arguments)):
            return REFUSED
        try:
            async with (
                asyncio.timeout(tool.server.timeout_seconds),
                self._client(tool.server) as to,
            ):
                result = await to.call_tool(tool.name, arguments)
        except Exception as error:  # a server may send anything, and so fail in any way
            logger.warning("MCP server %s: %s failed: %s", tool.server.name, tool.name, _why(error))
            return UNAVAILABLE
        text = "\n".join(map(_text, result.content)) or "Done."
        return f"It failed: {text}" if result.is_error else text

    async def _renew(self, server: McpServer) -> None:
        """Ask a server for its tools, where that was long ago."""
        async with self._locks[server.name]:
            if self._clock() < self._list_at.get(server.name, self._clock()):
                return
            try:
                async with asyncio.timeout(LISTING_SECONDS), self._client(server) as client:
                    listed = (await client.list_tools()).tools
            except Exception as error:
                logger.warning("MCP server %s gave no list of tools: %s", server.name, _why(error))
                self._list_at[server.name] = self._clock() + RETRY
                return
            self._list_at[server.name] = self._clock() + LISTED
            tools = [_remote(server, tool) for tool in listed if tool.name in server.tools]
            self._tools[server.name] = {one.described.name: one for one in tools if one}
            for name in {*server.tools} - {one.name for one in tools if one}:
                logger.warning("MCP server %s has no tool %s that can be used", server.name, name)

    @asynccontextmanager
    async def _client(self, server: McpServer) -> "AsyncIterator[Client]":
        # Here: the SDK takes a second and 30 MB, which agents without servers have no use for.
        from httpx2 import AsyncClient
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        from bot.agents.llm.bounded_http import BoundedTransport

        key = self._keys.get(server.name)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with (
            AsyncClient(
                headers=headers,
                timeout=server.timeout_seconds,
                trust_env=False,
                transport=BoundedTransport(),
            ) as http,
            Client(streamable_http_client(server.url, http_client=http)) as client,
        ):
            yield client


def _remote(server: McpServer, tool: "types.Tool") -> Remote | None:
    """Return a tool as a model is told of it; None where its schema is too large."""
    if len(json.dumps(tool.input_schema)) > MAX_SCHEMA:
        return None
    name = NOT_IN_NAMES.sub("_", f"{server.name}_{tool.name}")[:64]
    description = (tool.description or tool.name)[:MAX_DESCRIPTION]
    only_reads = bool(tool.annotations and tool.annotations.read_only_hint)
    asks = server.confirm == "always" or (server.confirm == "changes" and not only_reads)
    return Remote(server, tool.name, Tool(name, description, tool.input_schema), asks)


def _question(tool: Remote, arguments: dict[str, Any]) -> str:
    """Ask whether a tool may be called."""
    given = ", ".join(f"{name}: {value}" for name, value in arguments.items())
    shown = given if len(given) <= MAX_SHOWN else f"{given[:MAX_SHOWN]}…"
    return f"May I use {tool.name} of {tool.server.name}" + (f" with {shown}?" if shown else "?")


def _text(content: "types.ContentBlock") -> str:
    if content.type == "text":
        return content.text
    return f"({content.type} that can't be shown)"


def _why(error: BaseException) -> str:
    """Name an error without what a server wrote; of a group the first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
