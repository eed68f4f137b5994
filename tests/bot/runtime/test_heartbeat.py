"""The bot's health: does its event loop turn."""

import asyncio
import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2

from bot.runtime.process import BEAT_SECONDS, beating
from config.settings import Settings
from runtime.metrics import metrics_server
from tests.support.servers import free_port

AGE = re.compile(r'process_heartbeat_age_seconds\{loop="bot"\} (\S+)')


async def test_a_loop_that_is_held_up_is_seen() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def age_after(seconds: float) -> float:
        time.sleep(seconds)
        found = AGE.search(httpx2.get(f"{url}/metrics").text)
        assert found
        return float(found[1])

    with (
        metrics_server(Settings(_env_file=None, metrics_port=port)),
        ThreadPoolExecutor() as threads,
    ):
        async with beating():
            await asyncio.sleep(0.05)
            asked = threads.submit(age_after, BEAT_SECONDS + 0.5)
            time.sleep(BEAT_SECONDS + 2)  # noqa: ASYNC251 - what blocks the loop
            assert asked.result() > BEAT_SECONDS + 0.2
            assert httpx2.get(f"{url}/health").status_code == 200, "that is not long enough"
        assert not AGE.search(httpx2.get(f"{url}/metrics").text)
