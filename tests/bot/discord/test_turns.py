"""Whose turn it is to connect, with real clients on a loopback gateway."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
from pydantic import BaseModel

from bot.agent import Agent, AgentType, Services
from bot.api.client import ApiClient
from bot.discord import client, start_limits
from bot.discord.connection import DiscordAgent, SharedServices
from bot.discord.start_limits import Starts
from bot.runtime.agent_spec import Planner
from bot.runtime.supervisor import DesiredAgent
from config.settings import get_settings
from tests.support.discord_gateway import Bot
from tests.support.discord_server import DiscordServer, discord_server
from tests.support.waiting import until


class Silent(Agent):
    """An agent that says nothing."""

    async def handle(self, *_: object) -> None: ...

    async def close(self) -> None: ...


class Nothing(BaseModel):
    """No settings."""


SILENT = AgentType("silent", "Says nothing.", Nothing, lambda *_: Silent())


class Plain:
    """Takes a token for itself."""

    def open(self, token: str) -> str:
        return token


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DiscordServer]:
    """A Discord; who is online after the last server is not so for a minute."""
    monkeypatch.setattr(client, "GUILD_SECONDS", 60.0)
    monkeypatch.setattr(client, "FEW_GUILDS", 2)
    monkeypatch.setattr(start_limits, "AT_ONCE", 1)
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    with discord_server() as server:
        client.use_api(server.url)
        yield server


@asynccontextmanager
async def running(*bots: Bot) -> AsyncIterator[None]:
    """Run an agent for each bot, all of one process."""
    planner: Any = Planner({"silent": SILENT}, Plain())  # type: ignore[arg-type]
    services = Services(ApiClient("http://127.0.0.1:1", "-"), get_settings())
    shared = SharedServices(planner, services, Starts(), lambda: True, lambda _: None)
    agents, runs = [], []
    for bot in bots:
        agent = DiscordAgent(DesiredAgent(str(bot.number), "silent", bot.token, {}, {}), shared)
        await agent.prepare()
        agents.append(agent)
        runs.append(asyncio.create_task(agent.run()))
    try:
        yield
    finally:
        for run in runs:
            run.cancel()
        await asyncio.wait(runs)
        for agent in agents:
            await agent.close()
        await services.api.close()


def with_guilds(server: DiscordServer, count: int) -> Bot:
    bot = server.add_bot()
    for _ in range(count):
        server.add_guild(bot)
    return bot


async def test_others_connect_while_an_agent_waits_for_word_of_another_server(
    server: DiscordServer,
) -> None:
    first, second = with_guilds(server, 2), with_guilds(server, 2)
    async with running(first, second):
        await until(lambda: first.connected and second.connected)


async def test_an_agent_on_many_servers_has_its_turn_to_itself(server: DiscordServer) -> None:
    first, second = with_guilds(server, 3), with_guilds(server, 3)
    async with running(first, second):
        await until(lambda: first.connected or second.connected)
        await asyncio.sleep(0.2)
        assert len(first.identified + second.identified) == 1


async def test_a_turn_ends_with_an_agent_that_is_refused(server: DiscordServer) -> None:
    first, second = with_guilds(server, 3), with_guilds(server, 3)
    first.fatal_code = 4004
    async with running(first, second):
        await until(lambda: second.connected)
