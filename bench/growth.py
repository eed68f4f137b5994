"""How each cost grows with what it grows with: flat, or in a line. In some two minutes.

Times are of the processor, and so are fair on a busy machine.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any
from uuid import uuid4

import psutil
from sqlalchemy import make_url

from ai.config import load_ai_config
from ai.llm.types import Answer, Said
from ai.parser import Parser
from ai.sentences.matcher import Matcher
from bench import agents, deliveries, pages, sentences
from bench.crowd import Collected
from bench.memory import is_ready
from bench.support.processor import PLAIN, cpu_seconds
from bot.agent import Services, load_agent_types
from bot.agents.commands import make_agent
from bot.api.client import ApiClient
from bot.messages import Address, Incoming
from bot.runtime.worker import AgentWorker
from config.settings import get_settings
from core import migrations
from core.db.engine import Database, use_database
from core.postgres import execute, insert_many, select
from runtime.clock import utc_now
from tests.evaluate import utterances
from tests.support.postgres import postgres_server
from tests.support.process import service
from tests.support.servers import free_port

ROWS = (1_000, 100_000)
COMMANDS = (10, 100, 1000)
WAITING = (1_000, 100_000, int(os.environ.get("BENCH_WAITING", "1000000")))
AGENTS = (1, 25, 50)
USERS = (400, 4_000, 10_000)
ROWS_OF_EACH = 20
ORDERS = 200


def main() -> None:
    """Print a line for each cost."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres_server())
        database = stack.enter_context(closing(Database(make_url(url), pool_size=2)))
        use_database(database)
        migrations.upgrade(database)
        _tell("a page of ten, µs, over an owner's rows", ROWS, [_page(size) for size in ROWS])
        owners = deliveries.people()
        server = next(one for one in psutil.Process().children() if one.name() == "postgres")
        claims = [deliveries.claim_cost(server, owners, size) for size in WAITING]
        _tell("claiming one, ms, over waiting messages", WAITING, [one for one, _ in claims])
        _tell("claiming a hundred, ms", WAITING, [hundred for _, hundred in claims])
        execute("TRUNCATE deliveries")
        _orders(url, server)
    catalogues = [sentences.commands(count) for count in COMMANDS]
    matches = [_match(Matcher(one)) for one in catalogues]
    _tell("a match, ms, over commands", COMMANDS, matches)
    prompts = [asyncio.run(_prompt(one)) / 1000 for one in catalogues]
    _tell("a prompt, thousand characters, over commands", COMMANDS, prompts)
    _tell("memory, MB, over agents of one process", AGENTS, [_memory(one) for one in AGENTS])


def _tell(what: str, sizes: Sequence[int], costs: Sequence[float]) -> None:
    told = ", ".join(f"{size:,}: {cost:.2f}" for size, cost in zip(sizes, costs, strict=True))
    print(f"{what:<48} {told}", flush=True)


def _page(size: int) -> float:
    pages.fill(size)
    [last] = select("notes", {"id": size // 2}, columns=["made_at", "id"])
    took = []
    for _ in range(200):
        began = process_time()
        select("notes", {"owner": 0}, ["made_at", "id"], 10, after=last)
        took.append(process_time() - began)
    return median(took) * 1e6


def _match(matcher: Matcher) -> float:
    took = []
    for utterance in utterances():
        began = process_time()
        matcher.match(utterance.text)
        took.append(process_time() - began)
    return median(took) * 1000


class _Recording:
    """A model that notes how much it is told."""

    told = 0

    async def complete(
        self, system: str, turns: Sequence[Said], schema: dict[str, Any] | None = None
    ) -> Answer:
        self.told = len(system) + sum(len(str(turn)) for turn in turns) + len(str(schema or ""))
        return Answer(text="{}")

    async def aclose(self) -> None:
        pass


async def _prompt(catalogue: Any) -> int:  # noqa: ANN401 - ai.commands.Catalogue
    model = _Recording()
    settings = get_settings()
    parser = Parser(catalogue, load_ai_config(settings.ai_config_path), model)
    await parser.parse("could you somehow see to it that the gadget is there")
    return model.told


def _memory(count: int) -> float:
    with agents.running(count, "echo") as running:
        return running.memory


def _orders(url: str, server: psutil.Process) -> None:
    """Print what an order costs the API and PostgreSQL as users with rows grow."""
    load_agent_types()
    port = str(free_port())
    found = []
    with tempfile.TemporaryDirectory() as folder:
        settings = {"DATABASE_URL": url, "API_PORT": port, **PLAIN}
        with service("api.main", Path(folder) / "log", **settings) as api:
            while not is_ready(f"http://127.0.0.1:{port}/ready"):
                time.sleep(0.05)
            for first, last in zip((0, *USERS), USERS, strict=False):
                _users(first, last)
                processes = [psutil.Process(api.pid), server]
                found.append(asyncio.run(_order(port, processes, last)))
    _tell("an order, ms of API and PostgreSQL, over users", USERS, found)


def _users(first: int, last: int) -> None:
    ids = {number: uuid4() for number in range(first, last)}
    lists = {number: uuid4() for number in ids}
    users = [{"id": one, "username": one.hex, "password_hashed": b"-"} for one in ids.values()]
    insert_many("users", users)
    chats = [{"account_id": str(number), "user_uuid": one} for number, one in ids.items()]
    here = {"platform": "discord", "agent": "default", "logged_in": True, "last_used_at": utc_now()}
    insert_many("chat_accounts", [here | chat for chat in chats])
    named = [{"id": lists[n], "user_uuid": one, "name": "things"} for n, one in ids.items()]
    insert_many("task_lists", named)
    tasks = [
        {"user_uuid": one, "list_id": lists[number], "name": f"thing {thing}"}
        for number, one in ids.items()
        for thing in range(ROWS_OF_EACH)
    ]
    insert_many("tasks", tasks)
    execute("ANALYZE")


async def _order(port: str, processes: Sequence[psutil.Process], users: int) -> float:
    """Return the processors' milliseconds of an order, by as many of the users as there are."""
    settings = get_settings().model_copy(update={"api_url": f"http://127.0.0.1:{port}"})
    client = ApiClient(settings.api_url, settings.service_key.get_secret_value())
    worker = AgentWorker("default", Services(client, settings, utc_now), print)
    await worker.take(lambda there: make_agent(there.api, there.settings))
    try:
        spent = 0.0
        for warm in (True, False):
            before = sum(map(cpu_seconds, processes))
            for number in range(ORDERS):
                # Nobody twice, for the second order of one person costs less.
                account = str((number + ORDERS * warm) * (users // (2 * ORDERS)))
                incoming = Incoming(
                    Address("discord", "default", account), account, "list my tasks", f"{number}"
                )
                await worker.handle(incoming, Collected())
            spent = sum(map(cpu_seconds, processes)) - before
    finally:
        await worker.close()
        await client.close()
    return 1000 * spent / ORDERS


if __name__ == "__main__":
    main()
