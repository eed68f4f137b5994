"""A sender on procrastinate, run by the Python of the peers: `fill N` or `work`."""

import asyncio
import os
import sys

import aiohttp
import procrastinate

AT_ONCE = 256  # as many as our scheduler has under way
BATCH = 1000

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=os.environ["PEER_URL"]))
http: aiohttp.ClientSession


@app.task(name="send", retry=5)
async def send(number: int) -> None:
    """Post one message."""
    url = f"{os.environ['SINK_URL']}/topic{number % 1000}"
    async with http.post(url, data=f"Reminder: number {number}") as answer:
        answer.raise_for_status()


async def fill(count: int) -> None:
    """Make the tables, and messages that are due."""
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for first in range(0, count, BATCH):
            numbers = range(first, min(first + BATCH, count))
            await send.batch_defer_async(*({"number": one} for one in numbers))


async def work() -> None:
    """Send until the process is ended."""
    global http
    async with app.open_async(), aiohttp.ClientSession() as http:
        await app.run_worker_async(concurrency=AT_ONCE, install_signal_handlers=False)


asyncio.run(fill(int(sys.argv[2])) if sys.argv[1] == "fill" else work())
