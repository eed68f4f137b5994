"""The gateway of the stand-in of Discord: sessions of bots, as Discord's documentation has them.

"Gateway": Hello, Heartbeat, Identify with its limits, Resume with what was missed, Invalid Session,
intents, sharding, and the close codes.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

WRONG_TOKEN, DISALLOWED_INTENTS = 4004, 4014
GUILD_MESSAGES, DIRECT_MESSAGES = 1 << 9, 1 << 12
IDENTIFY_WINDOW = 5.0  # seconds, for max_concurrency sessions
CLOSED_BY_CLIENT = (1000, 1001)  # which end a session; after any other code it can be resumed
GUILD_SHIFT = 22  # "Sharding": shard_id = (guild_id >> 22) % num_shards


@dataclass
class Bot:
    """One bot and what Discord lets it do."""

    number: int
    token: str
    shards: int = 1  # that Discord recommends
    max_concurrency: int = 1
    starts_left: int = 1000
    reset_after: float = 24 * 3600  # seconds
    fatal_code: int | None = None  # what its sessions are closed with
    guilds: list[dict[str, Any]] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)  # its slash commands
    sessions: dict[str, "Session"] = field(default_factory=dict)
    identified: list[float] = field(default_factory=list)  # when, by the monotonic clock
    refused: int = 0  # IDENTIFYs that came too soon, or were too many
    resumed: int = 0
    most_at_once: int = 0  # sessions that were connected at the same time

    @property
    def id(self) -> str:
        return str(10**17 + self.number)  # as long as Discord's are

    @property
    def application_id(self) -> str:
        return str(76 + self.number)

    @property
    def user(self) -> dict[str, Any]:
        name = f"bot{self.number}"
        return {"id": self.id, "username": name, "discriminator": "0", "avatar": None, "bot": True}

    @property
    def connected(self) -> list["Session"]:
        return [session for session in self.sessions.values() if session.socket is not None]


class Session:
    """One session: what it is told, and over which connection."""

    def __init__(self, bot: Bot, intents: int, shard: tuple[int, int], client: str) -> None:
        self.id = f"session-{bot.number}-{len(bot.identified)}"
        self.bot = bot
        self.client = client  # where its connection comes from
        self.socket: web.WebSocketResponse | None = None
        self.ended_at: float | None = None  # when its last connection ended
        self._intents = intents
        self._shard, self._shards = shard
        self._told: list[dict[str, Any]] = []

    async def tell(self, name: str, data: dict[str, Any]) -> bool:
        """Send an event, now or when the session is resumed; return whether it has gone out."""
        event = {"op": 0, "t": name, "s": len(self._told) + 1, "d": data}
        self._told.append(event)
        return await self._send(event)

    async def resume(self, socket: web.WebSocketResponse, seen: int) -> None:
        """Go on over a new connection, with what came after `seen`."""
        self.socket, self.ended_at = socket, None
        for event in self._told[seen:]:
            await self._send(event)
        await self.tell("RESUMED", {})

    def hears(self, guild_id: str | None) -> bool:
        """Say whether messages from there are for this session."""
        if guild_id is None:
            return self._shard == 0 and bool(self._intents & DIRECT_MESSAGES)
        mine = (int(guild_id) >> GUILD_SHIFT) % self._shards == self._shard
        return mine and bool(self._intents & GUILD_MESSAGES)

    def has(self, guild: dict[str, Any]) -> bool:
        """Say whether a guild is on this session's shard."""
        return (int(guild["id"]) >> GUILD_SHIFT) % self._shards == self._shard

    async def close(self, code: int) -> None:
        if self.socket is not None:
            socket, self.socket = self.socket, None
            self.ended_at = time.monotonic()
            await socket.close(code=code)

    async def _send(self, event: dict[str, Any]) -> bool:
        if self.socket is None or self.socket.closed:
            return False
        try:
            await self.socket.send_json(event)
        except ConnectionError:
            self.socket = None
            return False
        return True


class Connection:
    """One connection to the gateway, which becomes a session's."""

    def __init__(self, socket: web.WebSocketResponse, bots: dict[str, Bot], host: str) -> None:
        self._socket = socket
        self._bots = bots
        self._url = f"ws://{host}/gateway/"
        self._session: Session | None = None

    async def serve(self, client: str) -> None:
        """Talk to a client until it or the server leaves."""
        await self._socket.send_json({"op": 10, "d": {"heartbeat_interval": 40_000}})
        async for frame in self._socket:
            if frame.type != WSMsgType.TEXT:
                break
            order = frame.json()
            if order["op"] == 1:
                await self._socket.send_json({"op": 11})
            elif order["op"] == 2:
                await self._identify(order["d"], client)
            elif order["op"] == 6:
                await self._resume(order["d"])
        session = self._session
        if session is not None and session.socket is self._socket:
            session.socket, session.ended_at = None, time.monotonic()
            if self._socket.close_code in CLOSED_BY_CLIENT:
                session.bot.sessions.pop(session.id, None)

    async def _identify(self, data: dict[str, Any], client: str) -> None:
        bot = await self._admitted(data["token"])
        if bot is None:
            return
        now = time.monotonic()
        recent = [at for at in bot.identified if at > now - IDENTIFY_WINDOW]
        if len(recent) >= bot.max_concurrency or not bot.starts_left:
            bot.refused += 1
            await self._socket.send_json({"op": 9, "d": False})
            return
        bot.identified.append(now)
        bot.starts_left -= 1
        session = Session(bot, data["intents"], tuple(data.get("shard", (0, 1))), client)
        session.socket = self._socket
        bot.sessions[session.id] = self._session = session
        bot.most_at_once = max(bot.most_at_once, len(bot.connected))
        guilds = [guild for guild in bot.guilds if session.has(guild)]
        ready = {
            "v": 10,
            "user": bot.user,
            "guilds": [{"id": guild["id"], "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self._url,
            "application": {"id": bot.application_id, "flags": 0},
            "shard": data.get("shard", [0, 1]),
        }
        await session.tell("READY", ready)
        for guild in guilds:
            await session.tell("GUILD_CREATE", guild)

    async def _resume(self, data: dict[str, Any]) -> None:
        bot = await self._admitted(data["token"])
        if bot is None:
            return
        session = bot.sessions.get(data["session_id"])
        if session is None:
            await self._socket.send_json({"op": 9, "d": False})
            return
        self._session = session
        bot.resumed += 1
        await session.resume(self._socket, data["seq"])

    async def _admitted(self, token: str) -> Bot | None:
        """Return whose token it is; None where the connection was closed instead."""
        bot = self._bots.get(token)
        code = WRONG_TOKEN if bot is None else bot.fatal_code
        if code is not None:
            await asyncio.shield(self._socket.close(code=code))
            return None
        return bot
