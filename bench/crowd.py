"""A thousand users at once: each sends one order at the same moment, and the model takes a second.

Beside it run two processes of the API, and the model. The data is on PostgreSQL, and the bot is the
real conversation with the real clients, in the thread that every agent has; the heartbeat beats
where that of the gateway does. Then the bot's own share of one order, with no model in it.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, closing, contextmanager, nullcontext
from itertools import product
from multiprocessing import get_context
from multiprocessing.connection import Connection
from random import choices
from statistics import median
from typing import Any

import psutil
from aiohttp import web
from pydantic import SecretStr

from bench.support.processes import await_all, running
from bench.support.processor import cpu_seconds
from bot.agent import Services, load_agent_types
from bot.agents.commands import make_agent
from bot.api.client import ApiClient
from bot.messages import Address, Button, Draft, Incoming, WholeDraft
from bot.runtime.worker import AgentWorker
from config.settings import Settings, get_settings
from core import migrations
from core.accounts import chat_links
from core.db.engine import Database, use_database
from core.postgres import insert
from runtime.clock import utc_now
from runtime.start import tune_garbage_collector
from tests.support.postgres import postgres_server

USERS = 1000
MODEL_SECONDS = 1.0
CORES = 2
API_PROCESSES = 2
BEAT_SECONDS = 0.02
WORD = 8  # letters
ALONE = 200  # orders, one after the other
TARGET = "wanted: at most 3 s, 100 ms, 15 ms"


def main() -> None:
    """Print the time to the last reply, how late a heartbeat was, and one order's own time."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres_server())
        _fill(url)
        started = psutil.Process().children()
        database = next(process for process in started if process.name() == "postgres")
        model, model_port = stack.enter_context(_process(_serve_model))
        several = {"WEB_CONCURRENCY": str(API_PROCESSES)}
        api_port, api = stack.enter_context(running("api.main", url, several))
        await_all(api_port)
        settings = get_settings().model_copy(
            update={
                "api_url": f"http://127.0.0.1:{api_port}",
                "openrouter_base_url": f"http://127.0.0.1:{model_port}/v1",
                "openrouter_api_key": SecretStr("none-is-needed"),
            }
        )
        processes = {"bot": psutil.Process(), "API": api, "PostgreSQL": database, "model": model}
        asyncio.run(_measure(settings, processes))


async def _measure(settings: Settings, processes: dict[str, psutil.Process]) -> None:
    load_agent_types()
    tune_garbage_collector()
    client = ApiClient(settings.api_url, settings.service_key.get_secret_value())
    worker = AgentWorker("default", Services(client, settings, utc_now), print)
    await worker.take(lambda there: make_agent(there.api, there.settings))
    try:
        for title in ("first orders", "second orders"):
            before = {name: cpu_seconds(process) for name, process in processes.items()}
            seconds, late = await _crowd(worker)
            spent = {name: cpu_seconds(processes[name]) - then for name, then in before.items()}
            print(f"{USERS} users, {title:<14} last reply after {seconds:.2f} s, ", end="")
            print(f"heartbeat at most {late * 1000:.0f} ms late")
            each = ", ".join(f"{name} {cpu / USERS * 1000:.2f}" for name, cpu in spent.items())
            busy = sum(spent.values()) / CORES
            print(f"    the processors' ms an order: {each}")
            print(f"    for all of them {CORES} cores need {busy:.1f} s, if nothing waits")
        print(f"one order by itself, p50        {await _alone(worker) * 1000:.1f} ms   ({TARGET})")
    finally:
        await worker.close()
        await client.close()


async def _crowd(worker: AgentWorker) -> tuple[float, float]:
    """Return the seconds to the last reply, and by how many the loop was late at worst."""
    outlets = [Collected() for _ in range(USERS)]
    late = 0.0

    async def beat() -> None:
        nonlocal late
        while True:
            due = time.perf_counter() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            late = max(late, time.perf_counter() - due)

    heart = asyncio.create_task(beat())
    numbered = [*enumerate(outlets)]
    began = time.perf_counter()
    await asyncio.gather(
        *(worker.handle(_incoming(n, f"i could do with some {_word()}"), o) for n, o in numbered)
    )
    seconds = time.perf_counter() - began
    heart.cancel()
    wrong = {
        text
        for reply_channel in outlets
        for text in reply_channel.texts
        if not text.startswith("Added")
    }
    if wrong or any(not reply_channel.texts for reply_channel in outlets):
        raise SystemExit(f"not every order was carried out: {sorted(wrong)[:3]}")
    return seconds, late


async def _alone(worker: AgentWorker) -> float:
    """Return the median seconds of an order that a local sentence understands."""
    taken = []
    for number in range(ALONE):
        began = time.perf_counter()
        await worker.handle(_incoming(number % USERS, "add milk to my tasks"), Collected())
        taken.append(time.perf_counter() - began)
    return median(taken)


def _word() -> str:
    """Return a word, so that no two people write the same: nothing is known from another's text."""
    syllables = ("".join(pair) for pair in product("bklmnprt", "aou"))
    return "".join(choices([*syllables], k=WORD // 2))  # noqa: S311 - no secret


class Collected:
    """A way back that only collects."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def send(self, text: str, buttons: Sequence[Button] = (), question: str = "") -> None:
        """Take a reply."""
        self.texts.append(text)

    def draft(self) -> AbstractAsyncContextManager[Draft]:
        """Take a reply that is written bit by bit, whole."""
        return WholeDraft(self.send)

    def expect_secret(self) -> bool:
        """Say that nothing stays in any history."""
        return True

    def typing(self) -> AbstractAsyncContextManager[object]:
        """Show nothing."""
        return nullcontext()


def _incoming(number: int, text: str) -> Incoming:
    return Incoming(Address("discord", "default", str(number)), str(number), text, f"{time.time()}")


def _fill(url: str) -> None:
    with closing(Database(url)) as database:
        before = use_database(database)
        migrations.upgrade(database)
        for number in range(USERS):
            row = {"username": f"user {number}", "password_hashed": b"-", "time_zone": "UTC"}
            chat_links.link(insert("users", row)["id"], "discord", "default", str(number))
        use_database(before)


@contextmanager
def _process(
    target: Callable[[Connection], None],
) -> Iterator[tuple[psutil.Process, int]]:
    """Run a server in a process of its own; yield it, and its port."""
    spawn = get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=target, args=(there,))
    process.start()
    try:
        yield psutil.Process(process.pid), here.recv()
    finally:
        process.terminate()
        process.join()


def _serve_model(line: Connection) -> None:
    answer: dict[str, Any] = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "measured",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant"},
            }
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 20, "total_tokens": 920},
    }

    async def complete(request: web.Request) -> web.Response:
        asked = (await request.json())["messages"][-1]["content"]
        name = asked.rpartition("do with some ")[2][:WORD]
        command = {"interaction_type": "task", "action": "add", "name": name}
        await asyncio.sleep(MODEL_SECONDS)
        answer["choices"][0]["message"]["content"] = json.dumps(command)
        return web.json_response(answer)

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", complete)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=2 * USERS).start()
        line.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())
