"""A sender on Dramatiq and Redis, run by the Python of the peers."""

import os
import sys

import aiohttp
import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO

broker = RedisBroker(url=os.environ["PEER_URL"])
broker.add_middleware(AsyncIO())
dramatiq.set_broker(broker)
session: aiohttp.ClientSession | None = None


@dramatiq.actor
async def send(number: int) -> None:
    """Post one message."""
    global session
    session = session or aiohttp.ClientSession()
    url = f"{os.environ['SINK_URL']}/topic{number % 1000}"
    async with session.post(url, data=f"Reminder: number {number}") as answer:
        answer.raise_for_status()


if __name__ == "__main__":
    for one in range(int(sys.argv[2])):
        send.send(one)
