"""A loopback stand-in for Discord's REST interface and gateway, for whole processes.

It knows one bot, whose token is TOKEN, and direct messages. What the bot sends is kept in `sent`.
"""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import WSMsgType, web

TOKEN = "loopback.token.of-the-bot"
BOT = {"id": "1", "username": "bot", "discriminator": "0", "avatar": None, "bot": True}
FATAL = {"wrong token": 4004, "missing intent": 4014}
PATIENCE = 20


class DiscordServer:
    """The server, in a thread of its own."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []  # (user id, text)
        self.identified = 0
        self.fatal_code: int | None = None
        self._refusals: list[tuple[int, dict[str, Any], dict[str, str]]] = []
        self.url = ""
        self._changed = threading.Condition()
        self._sockets: set[web.WebSocketResponse] = set()
        self._numbers = iter(range(1000, 10**9))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._runner: web.AppRunner = self._call(self._start())

    def close(self) -> None:
        self._call(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def say(self, user_id: str, text: str) -> None:
        """Have a person write to the bot."""
        author = {"id": user_id, "username": f"user{user_id}", "discriminator": "0", "avatar": None}
        message = {
            "id": str(next(self._numbers)),
            "channel_id": f"9{user_id}",
            "author": author,
            "content": text,
            "timestamp": "2030-01-01T00:00:00+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "pinned": False,
            "type": 0,
        }
        self._call(self._tell({"op": 0, "t": "MESSAGE_CREATE", "s": 2, "d": message}))

    def refuse(self, status: int, body: dict[str, Any], **headers: str) -> None:
        """Answer the next request to the REST interface like this."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._refusals.append((status, body, named))

    def drop_connections(self, code: int = 1006) -> None:
        """End every connection to the gateway."""
        self._call(self._close_all(code))

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return when it has come true; fail where it does not."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), self.sent

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _start(self) -> web.AppRunner:
        application = web.Application(middlewares=[self._guard])
        application.add_routes(
            [
                web.get("/api/users/@me", self._answer(BOT)),
                web.get("/api/oauth2/applications/@me", self._answer(self._application())),
                web.get("/api/gateway", self._gateway_address),
                web.get("/api/applications/77/commands", self._answer([])),
                web.put("/api/applications/77/commands", self._answer([])),
                web.post("/api/users/@me/channels", self._open_channel),
                web.post("/api/channels/{channel}/typing", self._answer(None, 204)),
                web.post("/api/channels/{channel}/messages", self._take_message),
                web.get("/gateway/", self._gateway),
            ]
        )
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/api"
        return runner

    @web.middleware
    async def _guard(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        if request.path.startswith("/api/") and self._refusals:
            status, body, headers = self._refusals.pop(0)
            return _json(body, status, headers)
        if request.path != "/gateway/" and request.headers.get("Authorization") != f"Bot {TOKEN}":
            return _json({"message": "401: Unauthorized", "code": 0}, status=401)
        return await handler(request)

    @staticmethod
    def _answer(
        body: object, status: int = 200
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=204) if status == 204 else _json(body)

        return answer

    @staticmethod
    def _application() -> dict[str, Any]:
        return {
            "id": "77",
            "name": "bot",
            "icon": None,
            "description": "",
            "bot_public": True,
            "bot_require_code_grant": False,
            "summary": "",
            "verify_key": "",
            "flags": 0,
            "owner": BOT,
            "team": None,
        }

    async def _gateway_address(self, request: web.Request) -> web.Response:
        return _json({"url": f"ws://{request.host}/gateway/"})

    async def _open_channel(self, request: web.Request) -> web.Response:
        user_id = (await request.json())["recipient_id"]
        recipient = BOT | {"id": str(user_id), "username": f"user{user_id}", "bot": False}
        return _json({"id": f"9{user_id}", "type": 1, "recipients": [recipient]})

    async def _take_message(self, request: web.Request) -> web.Response:
        channel, text = request.match_info["channel"], (await request.json())["content"]
        with self._changed:
            self.sent.append((channel[1:], text))
            self._changed.notify_all()
        message = {"id": str(next(self._numbers)), "channel_id": channel, "author": BOT}
        rest = {"content": text, "type": 0, "timestamp": "2030-01-01T00:00:00+00:00"}
        lists = {name: [] for name in ("mentions", "mention_roles", "attachments", "embeds")}
        flags = {"edited_timestamp": None, "pinned": False, "mention_everyone": False, "tts": False}
        return _json(message | rest | lists | flags)

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 40_000}})
        async for frame in socket:
            if frame.type != WSMsgType.TEXT:
                break
            order = frame.json()
            if order["op"] == 1:
                await socket.send_json({"op": 11})
            elif order["op"] in (2, 6) and self.fatal_code is not None:
                await socket.close(code=self.fatal_code)
            elif order["op"] in (2, 6):
                await socket.send_json({"op": 0, "t": "READY", "s": 1, "d": self._ready(request)})
                with self._changed:
                    self.identified += 1
                    self._changed.notify_all()
        self._sockets.discard(socket)
        return socket

    def _ready(self, request: web.Request) -> dict[str, Any]:
        return {
            "v": 10,
            "user": BOT,
            "guilds": [],
            "session_id": "session",
            "resume_gateway_url": f"ws://{request.host}/gateway/",
            "application": {"id": "77", "flags": 0},
        }

    async def _tell(self, event: dict[str, Any]) -> None:
        for socket in list(self._sockets):
            await socket.send_json(event)

    async def _close_all(self, code: int) -> None:
        for socket in list(self._sockets):
            await socket.close(code=code)


def _json(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer as Discord does: discord.py reads JSON only where no charset is named."""
    return web.Response(
        status=status,
        body=json.dumps(body).encode(),
        content_type="application/json",
        headers=headers,
    )


@contextmanager
def discord_server() -> Iterator[DiscordServer]:
    """Run a server for as long as the context is open."""
    server = DiscordServer()
    try:
        yield server
    finally:
        server.close()
