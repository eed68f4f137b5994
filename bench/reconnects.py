"""One agent on 3,000 servers whose sessions end fifty times, on a loopback stand-in of Discord.

What each new session leaves in memory, and how late the heartbeat is at worst.
"""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

import psutil

from bot.agent import Agent
from bot.discord import start_limits
from bot.discord.client import DiscordClient, use_api
from bot.messages import Incoming, ReplyChannel
from runtime.start import tune_garbage_collector
from tests.support.discord_server import TOKEN, discord_server

GUILDS, CHANNELS = 3000, 5
RECONNECTS, PRINTED = 50, (1, 5, 10, 20, 30, 40, 50)
BEAT_SECONDS = 0.02
MEGABYTE = 1 << 20


class Silent(Agent):
    """An agent that says nothing."""

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


def main() -> None:
    """Print the memory and the lateness after some of the reconnects."""
    start_limits.WINDOW = 0.0  # Discord's own limit is not what is measured
    with _server() as line:
        use_api(line.recv())
        asyncio.run(_measure(line))


async def _measure(line: Connection) -> None:
    tune_garbage_collector()
    process, worst, busy = psutil.Process(), 0.0, 0.0
    spent = began = 0.0

    def collecting(phase: str, _: dict[str, int]) -> None:
        nonlocal spent, began
        if phase == "start":
            began = time.thread_time()
        else:
            spent = max(spent, time.thread_time() - began)

    async def beat() -> None:
        nonlocal worst, busy
        while True:
            due, worked = time.perf_counter() + BEAT_SECONDS, time.thread_time()
            await asyncio.sleep(BEAT_SECONDS)
            worst = max(worst, time.perf_counter() - due)
            busy = max(busy, time.thread_time() - worked)

    gc.callbacks.append(collecting)
    async with DiscordClient("measured", Silent(), lambda _: None) as client:
        running = asyncio.create_task(client.run_agent(TOKEN))
        beating = asyncio.create_task(beat())
        for number in range(RECONNECTS + 1):
            if number:
                line.send("end")
                await asyncio.to_thread(line.recv)
            await client.wait_for("ready", timeout=60)
            await asyncio.sleep(start_limits.COLLECT_AFTER + 0.3)
            if number in PRINTED or not number:
                alive = sum(type(one).__name__ == "Guild" for one in gc.get_objects())
                print(
                    f"after {number:2} reconnects: {process.memory_info().rss / MEGABYTE:.0f} MB, "
                    f"{alive} servers in memory; heartbeat at most {worst * 1000:.0f} ms late, "
                    f"the loop worked {busy * 1000:.0f} ms between two beats at most, "
                    f"{spent * 1000:.0f} ms of them in a collection"
                )
                await asyncio.sleep(3 * BEAT_SECONDS)
                worst = busy = spent = 0.0
        beating.cancel()
        await client.close()
        await asyncio.wait([running, beating])
    gc.callbacks.remove(collecting)


@contextmanager
def _server() -> Iterator[Connection]:
    """Run the stand-in in a process of its own; yield the line to it, which tells its address."""
    spawn = get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(there,))
    process.start()
    try:
        yield here
    finally:
        here.send("stop")
        process.join()


def _serve(line: Connection) -> None:
    with discord_server() as server:
        server.bot.starts_left = 2 * RECONNECTS
        server.bot.max_concurrency = RECONNECTS
        for _ in range(GUILDS):
            guild = server.add_guild(server.bot)
            first = guild["channels"][0]
            guild["channels"] += [{**first, "id": f"{first['id']}{n}"} for n in range(1, CHANNELS)]
        line.send(server.url)
        while line.recv() != "stop":
            server.end_sessions()
            line.send("ended")
