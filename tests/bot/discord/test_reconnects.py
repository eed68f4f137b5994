"""What reconnects leave behind, with real clients on a loopback gateway."""

import asyncio
import gc
from collections.abc import Iterator

import discord
import pytest

from bot.agent import Agent
from bot.discord import start_limits
from bot.discord.client import DiscordClient, use_api
from bot.discord.start_limits import Starts
from tests.support.discord_server import TOKEN, DiscordServer, discord_server
from tests.support.waiting import until

GUILDS = 40


class Silent(Agent):
    """An agent that says nothing."""

    async def handle(self, *_: object) -> None: ...

    async def close(self) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DiscordServer]:
    monkeypatch.setattr(start_limits, "WINDOW", 0.0)
    monkeypatch.setattr(start_limits, "COLLECT_AFTER", 0.01)
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    with discord_server() as server:
        server.bot.max_concurrency = 100
        for _ in range(GUILDS):
            server.add_guild(server.bot)
        use_api(server.url)
        yield server


@pytest.fixture
def no_automatic_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def alive() -> int:
    return sum(type(one) is discord.Guild for one in gc.get_objects())


@pytest.mark.usefixtures("no_automatic_collection")
async def test_the_servers_of_ended_sessions_are_freed(server: DiscordServer) -> None:
    gc.collect()
    before = alive()
    async with DiscordClient("a", Silent(), lambda _: None) as client:
        running = asyncio.create_task(client.run_agent(TOKEN))
        await until(client.is_ready)
        for number in range(2, 5):
            await asyncio.to_thread(server.end_sessions)
            await until(lambda: len(server.bot.identified) == number)  # noqa: B023
            await until(lambda: alive() - before == GUILDS == len(client.guilds))
        await client.close()
        await asyncio.wait([running])


async def test_agents_that_connect_together_share_one_collection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(start_limits, "COLLECT_AFTER", 0.01)
    passes: list[bool] = []
    monkeypatch.setattr(start_limits.gc, "collect", lambda: passes.append(True))
    starts = Starts()
    for _ in range(50):
        starts.collect_garbage()
    await until(lambda: passes)
    await asyncio.sleep(0.03)
    assert len(passes) == 1
