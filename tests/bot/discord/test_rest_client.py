"""Deliveries through discord.py's real HTTP client, which SimCord replaces."""

import time
from collections.abc import AsyncIterator, Iterator

import discord
import pytest

from ai.commands import Catalogue
from bot.agent import Agent
from bot.discord.client import DiscordClient, use_api
from bot.discord.drafts import Pace
from bot.discord.pages import Pages
from bot.discord.replies import MessageReplyChannel
from bot.framework.registry import Registry
from bot.messages import Incoming, ReplyChannel
from bot.runtime.deliveries import Undeliverable
from tests.support.chat import World
from tests.support.discord_server import TOKEN, DiscordServer, discord_server
from tests.support.waiting import until


class Silent(Agent):
    """An agent with nothing to say, and nothing to do."""

    def __init__(self, world: World) -> None:
        self.registry = Registry(Catalogue())

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        raise AssertionError("nobody writes to it")


@pytest.fixture
def server() -> Iterator[DiscordServer]:
    before = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    with discord_server() as running:
        use_api(running.url)
        yield running
    discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = before


@pytest.fixture
async def client(server: DiscordServer, world: World) -> AsyncIterator[DiscordClient]:
    async with DiscordClient("default", Silent(world), lambda _: None) as logged_in:
        await logged_in.login(TOKEN)
        yield logged_in


async def test_a_rate_limit_of_discords_is_waited_out(
    server: DiscordServer, client: DiscordClient
) -> None:
    body = {"message": "You are being rate limited.", "retry_after": 0.3, "global": False}
    server.refuse(429, body, Via="1.1 google", Retry_After="1")
    began = time.monotonic()
    await client.deliver("42", "hello")
    assert time.monotonic() - began >= 0.3
    assert server.sent == [("42", "hello")]


async def test_a_rate_limit_on_the_way_puts_the_delivery_off_as_long_as_it_asks(
    server: DiscordServer, client: DiscordClient
) -> None:
    server.refuse(429, {"message": "slow down"}, Retry_After="37")
    with pytest.raises(Undeliverable, match="answered 429") as error:
        await client.deliver("42", "hello")
    assert (error.value.permanent, error.value.retry_after) == (False, 37)


async def test_a_discord_that_can_not_be_reached_is_tried_again(
    client: DiscordClient, caplog: pytest.LogCaptureFixture
) -> None:
    use_api("http://127.0.0.1:1/api")
    with pytest.raises(Undeliverable, match="can't be reached") as error:
        await client.deliver("42", "hello")
    assert not error.value.permanent
    reply_channel = MessageReplyChannel(client.get_partial_messageable(9), "42", Pages(), Pace())
    async with reply_channel.typing():
        await reply_channel.send("hello")
    assert "a reply was not sent: Discord can't be reached" in caplog.text


async def test_a_rate_limit_of_an_edit_is_waited_out_and_the_last_text_stands(
    server: DiscordServer, client: DiscordClient
) -> None:
    reply_channel = MessageReplyChannel(client.get_partial_messageable(942), "42", Pages(), Pace())
    body = {"message": "You are being rate limited.", "retry_after": 0.3, "global": False}
    async with reply_channel.draft() as draft:
        await draft.show("one")
        await until(lambda: server.sent)
        server.refuse(429, body, Via="1.1 google", Retry_After="1")
        began = time.monotonic()
        await draft.show("one two")
    assert time.monotonic() - began >= 0.3
    assert [text for _, text in server.sent] == ["one two"]
