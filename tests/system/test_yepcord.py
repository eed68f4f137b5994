"""The bot on YEPCord, a server that somebody else wrote to be compatible with Discord.

What it does not have, such as forwards and voice messages, is tested with the stand-in of
tests.support.discord_server; so are files and servers, for discord.py can't read what it sends of
them: files have no `proxy_url`, and a message in a server has a `thread` that is null.

It comes from an environment of its own, speaks version 9, and lacks what discord.py asks for before
it connects, and that a bot writes to a person first: an adapter on loopback answers these, and
passes everything else on.
"""

import asyncio
import base64
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

from api.main import create_app
from core import agents, users
from core.accounts import chat_links
from core.db.engine import Database
from core.reminders import fire_due, set_reminder
from runtime.clock import utc_now
from tests.support.api import running
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD
from tests.support.process import Service, service
from tests.support.servers import free_port
from tests.support.waiting import wait_until

PYTHON = os.environ.get("YEPCORD_PYTHON", "")
PATIENCE = 60.0  # seconds
needs_yepcord = pytest.mark.skipif(
    not PYTHON, reason="needs YEPCORD_PYTHON; CONTRIBUTING.md says how to make its environment"
)
CONFIG = """
DB_CONNECT_STRING = "sqlite:///{folder}/db.sqlite"
MIGRATIONS_DIR = "{folder}/migrations"
KEY = "{key}"
STORAGE = {{"type": "local", "local": {{"path": "{folder}/files"}}}}
MESSAGE_BROKER = {{"type": "ws", "ws": {{"url": "ws://127.0.0.1:{broker}"}}}}
"""
STARTS = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
OWNER = {"id": "1", "username": "owner", "discriminator": "0001", "avatar": None}
Socket = web.WebSocketResponse | ClientWebSocketResponse
pytestmark = [needs_yepcord, on_sqlite]


class Yepcord:
    """The server with one person, one bot, and the channel between the two."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/api/v10"
        self._person = ""
        person = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
        more = {"date_of_birth": "1990-01-01", "consent": True}
        self._person = self._ask("POST", "auth/register", person | more)["token"]
        self.account_id = self._ask("GET", "users/@me")["id"]
        self.bot_id = self._ask("POST", "applications", {"name": "helper"})["id"]
        self.token = self._ask("POST", f"applications/{self.bot_id}/bot/reset")["token"]
        made = self._ask("POST", "users/@me/channels", {"recipients": [self.bot_id]})
        self._channel = f"channels/{made['id']}/messages"

    def ask(self, text: str, answer: str) -> None:
        """Write to the bot, and wait for an answer with these words."""
        before = len(self.said())
        self._ask("POST", self._channel, {"content": text})
        wait_until(lambda: answer in "\n".join(self.said()[before:]), PATIENCE)

    def said(self) -> list[str]:
        """What the bot has said, the oldest first."""
        messages = self._ask("GET", self._channel)
        mine = [one["content"] for one in messages if one["author"]["id"] == self.bot_id]
        return mine[::-1]

    def _ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        headers = {"Authorization": self._person} if self._person else {}
        url = f"{self.url}/{path}"
        answer = httpx2.request(method, url, json=body, headers=headers, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def yepcord(folder: Path) -> Iterator[Yepcord]:
    """Run the server with a database in the folder."""
    port, program = free_port(), str(Path(PYTHON).with_name("yepcord"))
    config = folder / "yepcord.py"
    key = base64.b64encode(os.urandom(32)).decode()
    config.write_text(CONFIG.format(folder=folder, key=key, broker=free_port()), "utf-8")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONWARNINGS": "ignore"}
    with (folder / "yepcord.log").open("ab") as log:
        common: dict[str, Any] = {"cwd": folder, "env": env, "stdout": log, "stderr": log}
        subprocess.run([program, "migrate", "-c", config], check=True, timeout=PATIENCE, **common)
        arguments = [program, "run_all", "-c", str(config), "-h", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(arguments, **common)
    try:
        log_file = folder / "yepcord.log"
        wait_until(lambda: "startup complete" in log_file.read_text("utf-8"), PATIENCE)
        with _adapter(f"http://127.0.0.1:{port}") as url:
            yield Yepcord(url)
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def _adapter(behind: str) -> Iterator[str]:
    port, ready, over = free_port(), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with ClientSession() as http:
            app = web.Application()
            adapter = Adapter(behind, port, http)
            app.router.add_get("/gateway{end:/?}", adapter.connect)
            app.router.add_route("*", "/{path:.*}", adapter.request)
            runner = web.AppRunner(app, shutdown_timeout=1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            ready.set()
            await over.wait()
            await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(PATIENCE)
        loop.close()


class Adapter:
    """Passes requests and the gateway on."""

    def __init__(self, behind: str, port: int, http: ClientSession) -> None:
        self._behind = behind
        self._port = port
        self._http = http
        self._channel = b""

    async def request(self, request: web.Request) -> web.Response:
        """Answer what the server lacks, and pass on the rest."""
        path = request.path.replace("/api/v10", "/api/v9")
        if path.endswith("/gateway/bot"):
            url = f"ws://127.0.0.1:{self._port}/gateway"
            return _json({"url": url, "shards": 1, "session_start_limit": STARTS})
        if path.endswith("/oauth2/applications/@me"):
            own = request.headers["Authorization"].removeprefix("Bot ").partition(".")[0]
            number = base64.urlsafe_b64decode(own + "==").decode()
            about: dict[str, Any] = {"id": number, "name": "helper", "icon": None, "flags": 0}
            about |= {"description": "", "summary": "", "verify_key": "", "owner": OWNER}
            return _json(about | {"bot_public": True, "bot_require_code_grant": False})
        names = ("Authorization", "Content-Type")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        body = await request.read()
        if b"recipient_id" in body:  # a bot that writes first: the server lets people alone do so
            return _json(json.loads(self._channel))
        async with self._http.request(
            request.method,
            self._behind + path,
            params=request.query,
            data=body or None,
            headers=headers,
        ) as answer:
            told = await answer.read()
            if path.endswith("/users/@me/channels"):
                self._channel = told
            return web.Response(status=answer.status, body=told, content_type=answer.content_type)

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Pass on what both ends of a connection say."""
        here = web.WebSocketResponse()
        await here.prepare(request)
        url = self._behind + "/gateway"
        async with self._http.ws_connect(url, params=request.query) as there:
            await asyncio.gather(_pass_on(here, there), _pass_on(there, here))
        return here


async def _pass_on(source: Socket, target: Socket) -> None:
    async for message in source:
        if message.type is WSMsgType.BINARY:
            await target.send_bytes(message.data)
        else:
            await target.send_str(message.data)
    await target.close()


def _json(told: object) -> web.Response:
    # discord.py reads JSON only where the type says nothing of a charset.
    return web.Response(body=json.dumps(told).encode(), content_type="application/json")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Yepcord]:
    with yepcord(tmp_path) as running_server:
        yield running_server


@pytest.fixture
def bot(server: Yepcord, database: Database, tmp_path: Path) -> Iterator[Service]:
    agents.add("helper", server.token, {"type": "commands"})
    with (
        running(create_app(database=database)) as url,
        service(
            "bot.bot", tmp_path / "bot.log", API_URL=url, DISCORD_API_URL=server.url
        ) as process,
    ):
        wait_until(lambda: agents.find("helper")["status"].get("state") == "online", PATIENCE)
        yield process


def test_a_person_logs_in_gives_orders_and_is_reminded(server: Yepcord, bot: Service) -> None:
    users.register_user("ada", PASSWORD)
    user_uuid = users.get_user_uuid("ada")
    server.ask("log in", "user name?")
    server.ask("ada", "password?")
    server.ask(PASSWORD, "logged in")
    server.ask("set my time zone to Europe/Berlin", "Your time zone is Europe/Berlin now")

    chat = chat_links.link(user_uuid, "discord", "helper", server.account_id)
    set_reminder(user_uuid, "tasks:1", "Reminder: stretch", utc_now(), chat["id"])
    fire_due(utc_now())
    wait_until(lambda: "Reminder: stretch" in server.said(), PATIENCE)
    assert "Traceback" not in bot.log
