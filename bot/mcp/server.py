"""The MCP server: Streamable HTTP at /mcp on MCP_PORT, in a thread of its own."""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings

from bot.api.client import ApiClient, ApiError
from bot.conversation.handler import Conversation
from bot.framework.registry import load_commands
from bot.mcp.tools import INSTRUCTIONS, CommandTools, address_of, callable_part
from config.settings import Settings

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]  # as ASGI has them
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

PATH = "/mcp"
MAX_BODY = 256 * 1024  # bytes of one request
MAX_CONNECTIONS = 200  # at a time; more are answered 503


class BearerGuard:
    """Lets only those in who show a token of the API, and says who they are."""

    def __init__(self, app: ASGIApp, api: ApiClient, conversation: Conversation) -> None:
        self._app = app
        self._api = api
        self._conversation = conversation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401, or 503 while the API is unavailable."""
        if scope["type"] == "http":
            kind, _, token = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
            try:
                if kind.lower() != b"bearer" or not token:
                    raise ApiError(401, "Show a token: Authorization: Bearer <token>.")
                scope["user"] = await self._identify(token.decode("ascii", "replace").strip())
            except ApiError as error:
                await _refuse(send, 503 if error.status >= 500 else 401, error.message)
                return
        await self._app(scope, receive, send)

    async def _identify(self, token: str) -> AuthenticatedUser:
        session = await self._api.service("callers", {"token": token})
        user_uuid = session["user_uuid"]
        self._conversation.admit(address_of(user_uuid), session)
        # The SDK lets a session be continued by the same subject only.
        return AuthenticatedUser(
            AccessToken(token=token, client_id=user_uuid, subject=user_uuid, scopes=[])
        )


async def _refuse(send: Send, status: int, message: str) -> None:
    headers = [(b"content-type", b"application/json")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    body = json.dumps({"error": message}).encode()
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serve(settings: Settings) -> Iterator[int | None]:
    """Serve the commands at MCP_HOST and MCP_PORT; yield the port.

    A port that is taken is logged, and nothing is served: None.
    """
    try:
        listening = socket.create_server((settings.mcp_host, settings.mcp_port), backlog=128)
    except OSError as error:
        logger.error(
            "MCP is not served: port %d can't be used (%s); set MCP_PORT to another one",
            settings.mcp_port,
            error.strerror,
        )
        yield None
        return
    server = _Service(settings, listening)
    thread = threading.Thread(target=server.run, name="mcp", daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.stop()
        thread.join()
        listening.close()


class _Service:
    """The server, as long as its thread runs."""

    def __init__(self, settings: Settings, listening: socket.socket) -> None:
        self._listening = listening
        self._api = ApiClient(settings.api_url, settings.service_key.get_secret_value())
        known = callable_part(load_commands())
        self._conversation = Conversation(self._api, None, known, settings)
        tools = CommandTools(self._conversation)
        protocol = Server(
            "plain-language-bot",
            instructions=INSTRUCTIONS,
            on_list_tools=tools.list,
            on_call_tool=tools.call,
        )
        app = protocol.streamable_http_app(
            streamable_http_path=PATH,
            max_request_body_size=MAX_BODY,
            # It is against web pages that reach the port by another name: they have no token.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        self._http = uvicorn.Server(
            uvicorn.Config(
                BearerGuard(app, self._api, self._conversation),
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_graceful_shutdown=1,
                ws="none",
            )
        )

    def run(self) -> None:
        """Serve until `stop` is called."""
        asyncio.run(self._serve())

    def stop(self) -> None:
        """End `run`; safe to call from another thread."""
        self._http.should_exit = True

    async def _serve(self) -> None:
        try:
            await self._http.serve([self._listening])
        finally:
            await self._conversation.close()
            await self._api.close()
