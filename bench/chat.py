"""A chat message over HTTP, from posting it to the reply, with an agent that answers at once.

So all of it is on top of the direct way. As `make run` has it, with everything in one process on
SQLite; then on PostgreSQL, with the API in a process of its own. Printed are the times of each
step, and what the processes computed for a message, which other work on the machine changes less.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import quantiles

import aiohttp
import psutil

from api.main import create_app
from bench.api import served
from bench.support.processor import cpu_seconds
from bot.agent import Agent, Services
from bot.api.client import ApiClient
from bot.messages import Incoming, ReplyChannel
from bot.web import WebChat
from config.settings import Settings, get_settings
from core import migrations
from core.auth import issue_token
from core.db.engine import Database, use_database
from core.postgres import insert
from tests.support.api import running
from tests.support.postgres import postgres_server

WARM, MESSAGES = 20, 300
PAUSE = 0.01  # seconds between two messages, as nobody types faster
STEPS = ("posted", "with the agent", "said", "seen")


def main() -> None:
    """Print, for each database, the median and the 99th percentile of each step."""
    print(f"{'':<24}" + "".join(f"{step + ' ms':>18}" for step in STEPS) + f"{'p99 ms':>9} CPU ms")
    with tempfile.TemporaryDirectory() as folder:
        _measure("SQLite, one process", f"sqlite:///{Path(folder) / 'app.db'}", alone=False)
    with postgres_server() as url:
        _measure("PostgreSQL, two", url, alone=True)


def _measure(name: str, url: str, *, alone: bool) -> None:
    settings = get_settings()
    with ExitStack() as stack:
        database = stack.enter_context(closing(Database(url)))
        migrations.upgrade(database)
        use_database(database)
        user = insert("users", {"username": "ada", "password_hashed": b"x"})
        processes = [psutil.Process()]
        if alone:
            port, process = stack.enter_context(served("project", url, settings))
            processes.append(psutil.Process(process))
            address = f"http://127.0.0.1:{port}"
        else:
            address = stack.enter_context(_here(settings, database))
        before = sum(map(cpu_seconds, processes))
        times = asyncio.run(_talk(settings, address, issue_token(user)))
        computed = (sum(map(cpu_seconds, processes)) - before) / (MESSAGES + WARM) * 1000
    medians = [_percentile([one[step] for one in times], 50) for step in range(len(STEPS))]
    late = _percentile([one[-1] for one in times], 99)
    print(
        f"{name:<24}" + "".join(f"{ms:>18.1f}" for ms in medians) + f"{late:>9.1f} {computed:.1f}"
    )


@contextmanager
def _here(settings: Settings, database: Database) -> Iterator[str]:
    with running(create_app(settings, database), settings.api_threads) as address:
        yield address


class AtOnce(Agent):
    """Answers everything with one word, and notes when it was asked and when it had said so."""

    def __init__(self) -> None:
        self.asked = self.said = 0.0

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Answer."""
        self.asked = time.perf_counter()
        await reply_channel.send("Hello.")
        self.said = time.perf_counter()


async def _talk(settings: Settings, url: str, token: str) -> list[tuple[float, ...]]:
    """Return for each message when each step was done, in seconds after it was sent."""
    api = ApiClient(url, settings.service_key.get_secret_value())
    agent = AtOnce()

    async def made() -> Agent:
        return agent

    chat = WebChat(Services(api, settings), "bench", dict, made)
    working = asyncio.create_task(chat.run())
    found = []
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(url, headers=headers) as http,
        http.get("/api/chat/default/events", timeout=aiohttp.ClientTimeout(None)) as stream,
    ):
        replies = _replies(stream)
        for number in range(WARM + MESSAGES):
            await asyncio.sleep(PAUSE)
            sent = time.perf_counter()
            async with http.post("/api/chat/default/messages", json={"text": "hi"}) as answer:
                assert answer.status == 201, await answer.text()
                posted = time.perf_counter()
            seen = await anext(replies)
            steps = (posted, agent.asked, agent.said, seen)
            if number >= WARM:
                found.append(tuple(step - sent for step in steps))
    await chat.finish()
    await working
    await api.close()
    return found


async def _replies(stream: aiohttp.ClientResponse) -> AsyncIterator[float]:
    """Yield when each reply was seen, once its message is settled."""
    seen = 0.0
    kind = ""
    async for line in stream.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        kind = value if name == "event" else kind
        if name == "data" and kind == "reply" and json.loads(value)["complete"]:
            seen = time.perf_counter()
        elif name == "data" and kind == "done":
            yield seen


def _percentile(times: list[float], which: int) -> float:
    return quantiles(times, n=100)[which - 1] * 1000


if __name__ == "__main__":
    main()
