"""What each process takes of memory when it is ready, and how long that takes; each is a plain one.

Resident memory counts what processes share in full; the proportional share divides it by them.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx2
import psutil

from bench.support.processor import PLAIN, cpu_seconds
from core import migrations
from core.db.engine import Database, use_database
from tests.support.agents import fleet
from tests.support.discord_server import discord_server
from tests.support.process import Service, service
from tests.support.servers import free_port

SETTLED = 2.0  # seconds after it is ready
PATIENCE = 60.0
MEGABYTE = 1 << 20
GOALS = {"API": 70, "scheduler": 55, "bot, one agent": 75, "bot, one agent on 3,000 servers": 150}
GUILDS, CHANNELS = 3000, 5


def main() -> None:
    """Print a row for each process."""
    print(f"{'process':<32} {'ready s':>8} {'CPU s':>6} {'RSS MB':>7} {'PSS MB':>7} {'wanted':>7}")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder)
        database = stack.enter_context(closing(Database(f"sqlite:///{path}/app.db")))
        use_database(database)
        migrations.upgrade(database)
        common = PLAIN | {"DATABASE_URL": f"sqlite:///{path}/app.db", "API_PORT": str(free_port())}
        began = time.monotonic()
        with service("api.main", path / "api", **common) as api:
            url = f"http://127.0.0.1:{common['API_PORT']}/ready"
            while not is_ready(url):
                time.sleep(0.02)
            _tell("API", api, time.monotonic() - began)
        began = time.monotonic()
        with service("scheduler.daemon", path / "scheduler", **common) as scheduler:
            scheduler.wait_for_line("the scheduler runs", PATIENCE)
            _tell("scheduler", scheduler, time.monotonic() - began)
    for guilds, name in ((0, "bot, one agent"), (GUILDS, "bot, one agent on 3,000 servers")):
        with _bot(guilds) as (bot, after):
            _tell(name, bot, after)


def is_ready(url: str) -> bool:
    """Tell whether an API answers that it is."""
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


@contextmanager
def _bot(guilds: int) -> Iterator[tuple[Service, float]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Database(f"sqlite:///{folder}/app.db")) as database,
        discord_server() as discord,
    ):
        use_database(database)
        migrations.upgrade(database)
        with fleet(discord, database, Path(folder)) as ships:
            bot = ships.echo("agent")
            for _ in range(guilds):
                guild = discord.add_guild(bot)
                first = guild["channels"][0]
                more = [{**first, "id": f"{first['id']}{n}"} for n in range(1, CHANNELS)]
                guild["channels"] += more
            began = time.monotonic()
            running = ships.start(**PLAIN)
            discord.wait_until(lambda: bot.connected, PATIENCE)
            yield running, time.monotonic() - began


def _tell(name: str, running: Service, ready_after: float) -> None:
    time.sleep(SETTLED)
    process = psutil.Process(running.pid)
    memory = process.memory_full_info()
    sizes = (memory.rss / MEGABYTE, getattr(memory, "pss", memory.rss) / MEGABYTE, GOALS[name])
    told = " ".join(f"{size:>7.0f}" for size in sizes)
    print(f"{name:<32} {ready_after:>8.2f} {cpu_seconds(process):>6.2f} {told}")


if __name__ == "__main__":
    main()
