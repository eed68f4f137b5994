"""A loopback stand-in for Discord's REST interface and gateway, for whole processes.

It knows the bot whose token is TOKEN, and those that are added. What bots post is kept in `posts`.
"""

import asyncio
import json
import threading
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from tests.support.discord_gateway import Bot, Connection, Session

TOKEN = "loopback.token.of-the-bot"
FATAL = {"wrong token": 4004, "missing intent": 4014}
SESSION_TIMED_OUT = 4009  # Discord's documentation, "Gateway Close Event Codes"
PATIENCE = 20
BOT = web.RequestKey("bot", Bot)
LIMIT_WINDOW = 5.0  # seconds, of the rate limit of messages
WRITTEN = "2030-01-01T00:00:00+00:00"
EDITED = "2015-01-01T00:00:05+00:00"  # the number of a message tells when it was written
EVERYONE = {"name": "@everyone", "permissions": str((1 << 53) - 1), "position": 0, "color": 0}
MEMBER = {"roles": [], "joined_at": WRITTEN, "deaf": False, "mute": False, "flags": 0}
TEXT_DISPLAY = 10  # Discord's documentation, "Component Reference"
NO_FLAGS = {"hoist": False, "managed": False, "mentionable": False, "flags": 0}


@dataclass(frozen=True)
class Post:
    """A message that a bot has sent."""

    bot: Bot
    channel_id: str
    user_id: str  # the person in a direct message, else ""
    text: str
    reply_to: str  # the message that it replies to, else ""
    at: float  # by the monotonic clock
    body: dict[str, Any] = field(repr=False, default_factory=dict)
    message_id: str = ""


class DiscordServer:
    """The server, in a thread of its own."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.heard: dict[str, list[Session]] = {}  # a message's id, and the sessions it went out to
        self.message_limit: int | None = None  # messages to a channel in LIMIT_WINDOW
        self.post_seconds = 0.0  # how long Discord takes to take a message
        self.gateway_is_down = False  # takes no connection; the REST interface works
        self.posting = 0  # messages that it was sent, taken or not
        self.url = ""
        self.bots: dict[str, Bot] = {}
        self.bot = self.add_bot(TOKEN)
        self._refusals: list[tuple[int, dict[str, Any], dict[str, str]]] = []
        self._direct: dict[str, str] = {}  # a channel of direct messages, and the person there
        self._changed = threading.Condition()
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

    # What happens on Discord

    def add_bot(self, token: str = "", **settings: Any) -> Bot:  # noqa: ANN401
        """Make a bot; its token is made up unless given."""
        number = len(self.bots) + 1
        first = b64encode(str(number).encode()).decode().rstrip("=")  # as Discord's tokens begin
        bot = Bot(number, token or f"{first}.loopback.{number}", **settings)
        self.bots[bot.token] = bot
        return bot

    def reset_token(self, bot: Bot) -> str:
        """Give a bot another token, which ends its sessions; return it."""
        del self.bots[bot.token]
        bot.token = f"{bot.token}+"
        self.bots[bot.token] = bot
        self.drop_connections(FATAL["wrong token"], bot)
        bot.sessions.clear()
        return bot.token

    def add_guild(self, *bots: Bot) -> dict[str, Any]:
        """Make a guild with one text channel, which these bots are members of from their start."""
        number = str(next(self._numbers) << 22)
        channel = {"id": f"{number}1", "type": 0, "name": "general", "position": 0}
        guild = {
            "id": number,
            "name": f"guild {number}",
            "owner_id": "2",
            "roles": [EVERYONE | NO_FLAGS | {"id": number}],
            "channels": [channel | {"permission_overwrites": [], "parent_id": None}],
            "members": [MEMBER | {"user": bot.user} for bot in bots],
            "member_count": len(bots) + 1,
            "large": False,
            "preferred_locale": "en-US",
            **{name: [] for name in ("emojis", "stickers", "features", "threads", "presences")},
            **{name: [] for name in ("voice_states", "stage_instances", "guild_scheduled_events")},
            **dict.fromkeys(("verification_level", "default_message_notifications"), 0),
            **dict.fromkeys(("explicit_content_filter", "mfa_level", "nsfw_level"), 0),
            **dict.fromkeys(("premium_tier", "system_channel_flags", "afk_timeout"), 0),
        }
        for bot in bots:
            bot.guilds.append(guild)
        return guild

    def say(self, user_id: str, text: str, bot: Bot | None = None, **changes: object) -> str:
        """Have a person write to a bot, the first one unless told; return the message's id."""
        bot = bot or self.bot
        message = self._message(self._channel_with(bot, user_id), _user(user_id), text, **changes)
        self._call(self._tell([bot], "MESSAGE_CREATE", message))
        return str(message["id"])

    def say_in(
        self, guild: dict[str, Any], user_id: str, text: str, *mentioned: Bot, **changes: object
    ) -> str:
        """Have a person write in a guild's channel; return the message's id."""
        message = self._message(
            guild["channels"][0]["id"],
            _user(user_id),
            text,
            guild_id=guild["id"],
            member=MEMBER,
            mentions=[bot.user for bot in mentioned],
            **changes,
        )
        there = [bot for bot in self.bots.values() if guild in bot.guilds]
        self._call(self._tell(there, "MESSAGE_CREATE", message))
        return str(message["id"])

    def edit(self, message_id: str, user_id: str, text: str, bot: Bot | None = None) -> None:
        """Have a person change what they wrote to a bot."""
        bot = bot or self.bot
        changes = {"id": message_id, "edited_timestamp": EDITED}
        message = self._message(self._channel_with(bot, user_id), _user(user_id), text, **changes)
        self._call(self._tell([bot], "MESSAGE_UPDATE", message))

    def malformed(self, bot: Bot | None = None) -> None:
        """Send an event that no client can make sense of."""
        self._call(self._tell([bot or self.bot], "MESSAGE_CREATE", {"id": "no number"}))

    def refuse(self, status: int, body: dict[str, Any], **headers: str) -> None:
        """Answer the next request to the REST interface like this."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._refusals.append((status, body, named))

    def drop_connections(self, code: int = 1006, bot: Bot | None = None) -> None:
        """End every connection to the gateway, or those of one bot."""
        self._call(self._close_all(code, [bot] if bot else list(self.bots.values())))

    def end_sessions(self, bot: Bot | None = None) -> None:
        """End a bot's sessions so that it can resume none: it has to identify itself."""
        bot = bot or self.bot
        sessions = [*bot.sessions.values()]
        bot.sessions.clear()
        for session in sessions:
            self._call(session.close(SESSION_TIMED_OUT))

    # What came of it

    @property
    def sent(self) -> list[tuple[str, str]]:
        """What was sent in direct messages: user id and text."""
        return [(post.user_id, post.text) for post in self.posts]

    @property
    def connected(self) -> int:
        """How often a bot has come online, by a new session or an old one."""
        return sum(len(bot.identified) + bot.resumed for bot in self.bots.values())

    def wait_until(self, condition: Callable[[], object], patience: float = PATIENCE) -> None:
        """Return when it has come true; fail where it does not."""
        deadline = time.monotonic() + patience
        with self._changed:
            while not condition():
                assert time.monotonic() < deadline, self.sent[-20:]
                self._changed.wait(0.02)

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _tell(self, bots: list[Bot], name: str, data: dict[str, Any]) -> None:
        for bot in bots:
            for session in list(bot.sessions.values()):
                if session.hears(data.get("guild_id")) and await session.tell(name, data):
                    self.heard.setdefault(data["id"], []).append(session)

    async def _close_all(self, code: int, bots: list[Bot]) -> None:
        for bot in bots:
            for session in list(bot.sessions.values()):
                await session.close(code)

    def _channel_with(self, bot: Bot, user_id: str) -> str:
        channel_id = f"9{bot.number:04}{user_id}"
        self._direct[channel_id] = user_id
        return channel_id

    def _message(
        self, channel_id: str, author: dict[str, Any], text: str, **changes: object
    ) -> dict[str, Any]:
        lists = ("mentions", "mention_roles", "attachments", "embeds")
        return {
            "id": str(next(self._numbers)),
            "channel_id": channel_id,
            "author": author,
            "content": text,
            "timestamp": WRITTEN,
            "edited_timestamp": None,
            "type": 0,
            **{name: [] for name in lists},
            **dict.fromkeys(("tts", "mention_everyone", "pinned"), False),
            **changes,
        }

    # The REST interface

    async def _start(self) -> web.AppRunner:
        application = web.Application(middlewares=[self._guard])
        application.add_routes(
            [
                web.get("/api/users/@me", self._me),
                web.get("/api/oauth2/applications/@me", self._application),
                web.get("/api/gateway", self._gateway_address),
                web.get("/api/gateway/bot", self._gateway_address),
                web.get("/api/applications/{application}/commands", self._commands),
                web.put("/api/applications/{application}/commands", self._commands),
                web.post("/api/users/@me/channels", self._open_channel),
                web.post("/api/channels/{channel}/typing", self._typing),
                web.post("/api/channels/{channel}/messages", self._take_message),
                web.patch("/api/channels/{channel}/messages/{message}", self._edit_message),
                web.delete("/api/channels/{channel}/messages/{message}", self._delete_message),
                web.get("/gateway/", self._gateway),
            ]
        )
        runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
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
        if request.path == "/gateway/":
            return await handler(request)
        if self._refusals:
            status, body, headers = self._refusals.pop(0)
            return _json(body, status, headers)
        bot = self.bots.get(request.headers.get("Authorization", "").removeprefix("Bot "))
        if bot is None:
            return _json({"message": "401: Unauthorized", "code": 0}, status=401)
        request[BOT] = bot
        return await handler(request)

    async def _me(self, request: web.Request) -> web.Response:
        return _json(request[BOT].user)

    async def _application(self, request: web.Request) -> web.Response:
        bot: Bot = request[BOT]
        flags = {"bot_public": True, "bot_require_code_grant": False, "flags": 0}
        empty = {"icon": None, "description": "", "summary": "", "verify_key": "", "team": None}
        names = {"id": bot.application_id, "name": bot.user["username"], "owner": bot.user}
        return _json(names | flags | empty)

    async def _gateway_address(self, request: web.Request) -> web.Response:
        bot: Bot = request[BOT]
        limit = {
            "total": 1000,
            "remaining": bot.starts_left,
            "reset_after": int(bot.reset_after * 1000),
            "max_concurrency": bot.max_concurrency,
        }
        url = f"ws://{request.host}/gateway/"
        return _json({"url": url, "shards": bot.shards, "session_start_limit": limit})

    async def _commands(self, request: web.Request) -> web.Response:
        bot: Bot = request[BOT]
        if request.method == "PUT":
            bot.commands = await request.json()
        return _json(bot.commands)

    async def _open_channel(self, request: web.Request) -> web.Response:
        user_id = str((await request.json())["recipient_id"])
        channel_id = self._channel_with(request[BOT], user_id)
        return _json({"id": channel_id, "type": 1, "recipients": [_user(user_id)]})

    async def _typing(self, _: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _take_message(self, request: web.Request) -> web.Response:
        channel_id, body, bot = request.match_info["channel"], await request.json(), request[BOT]
        now = time.monotonic()
        limited = self._limits(bot, channel_id, now)
        if limited.get("X-RateLimit-Remaining") == "-1":
            wait = float(limited["X-RateLimit-Reset-After"])
            problem = {"message": "You are being rate limited.", "retry_after": wait}
            proxy = {"Via": "1.1 google", "Retry-After": str(int(wait) + 1)}
            return _json(problem | {"global": False}, 429, limited | proxy)
        with self._changed:
            self.posting += 1
        await asyncio.sleep(self.post_seconds)
        reply_to = (body.get("message_reference") or {}).get("message_id", "")
        user_id = self._direct.get(channel_id, "")
        text = body.get("content") or "\n".join(_texts(body.get("components", [])))
        message = self._message(channel_id, bot.user, text)
        post = Post(bot, channel_id, user_id, text, str(reply_to), now, body, message["id"])
        with self._changed:
            self.posts.append(post)
            self._changed.notify_all()
        return _json(message, headers=limited)

    async def _edit_message(self, request: web.Request) -> web.Response:
        """Let a post read differently from now on."""
        body, found = await request.json(), request.match_info["message"]
        with self._changed:
            number = [post.message_id for post in self.posts].index(found)
            post = self.posts[number] = replace(self.posts[number], text=body["content"])
            self._changed.notify_all()
        return _json({**self._message(post.channel_id, post.bot.user, post.text), "id": found})

    async def _delete_message(self, request: web.Request) -> web.Response:
        """Forget a post."""
        found = request.match_info["message"]
        with self._changed:
            self.posts = [post for post in self.posts if post.message_id != found]
            self._changed.notify_all()
        return web.Response(status=204)

    def _limits(self, bot: Bot, channel_id: str, now: float) -> dict[str, str]:
        """Return the headers of a rate limit; -1 are left where it is used up."""
        if self.message_limit is None:
            return {}
        taken = [
            post.at
            for post in self.posts
            if post.bot is bot and post.channel_id == channel_id and post.at > now - LIMIT_WINDOW
        ]
        left = self.message_limit - len(taken) - 1
        return {
            "X-RateLimit-Limit": str(self.message_limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset-After": f"{(min(taken, default=now) + LIMIT_WINDOW - now):.3f}",
            "X-RateLimit-Bucket": f"messages-{bot.number}",
        }

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        if self.gateway_is_down:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        host, port = (request.transport.get_extra_info("peername") or ("", 0))[:2]
        await Connection(socket, self.bots, request.host).serve(f"{host}:{port}")
        return socket


def _texts(components: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the texts of a message in components, in order."""
    for one in components:
        if one["type"] == TEXT_DISPLAY:
            yield one["content"]
        yield from _texts(one.get("components", []))


def _user(user_id: str) -> dict[str, Any]:
    return {"id": user_id, "username": f"user{user_id}", "discriminator": "0", "avatar": None}


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
