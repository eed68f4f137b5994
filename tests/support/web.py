"""Somebody who talks to agents over the API, by the real stream of events."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from bot.agent import Agent, Services
from bot.messages import Incoming, ReplyChannel
from bot.runtime.inbox import Inbox
from bot.web import WebChat
from tests.support.chat import World
from tests.support.waiting import PATIENCE

Answer = Callable[[Incoming, ReplyChannel], Awaitable[None]]


class Scripted(Agent):
    """Answers as a function says."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        await self._answer(incoming, reply_channel)


class Ordered(Agent):
    """The world's agent behind its inbox."""

    def __init__(self, world: World) -> None:
        self.registry = world.conversation.registry
        self._inbox = Inbox(world.conversation, Services(world.api, world.settings, world.clock))

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        await self._inbox.handle(incoming, reply_channel)


@asynccontextmanager
async def answering(
    world: World, answer: Answer | None = None, process: str = "one", *, default: bool = True
) -> AsyncIterator[WebChat]:
    """Run the bot's side: the world's agent as the default one, or one that is scripted."""
    agent = Scripted(answer) if answer else Ordered(world)

    async def made() -> Agent:
        return agent

    services = Services(world.api.another(), world.settings, world.clock)
    named = {} if default else {"helper": agent}
    chat = WebChat(services, process, lambda: named, made)
    running = asyncio.create_task(chat.run())
    try:
        yield chat
    finally:
        async with asyncio.timeout(PATIENCE):
            await chat.finish()
            await running
            await chat.close()
        await services.api.close()


class WebUser:
    """Posts messages, and follows what is said."""

    def __init__(self, url: str, token: str, agent: str = "default") -> None:
        self.headers = {"Authorization": f"Bearer {token}"}
        self.agent = agent
        self.url = url
        self.path = f"{url}/api/chat/{agent}"
        self.seen: list[tuple[str, dict[str, Any]]] = []  # the events, as they came
        self.last = 0
        self._new = asyncio.Event()

    async def post(self, text: str, **more: object) -> tuple[int, dict[str, Any]]:
        """Post a message; return the status and the answer."""
        async with (
            aiohttp.ClientSession() as http,
            http.post(
                f"{self.path}/messages", json={"text": text, **more}, headers=self.headers
            ) as answer,
        ):
            return answer.status, await answer.json()

    async def say(self, text: str, **more: object) -> list[dict[str, Any]]:
        """Post a message; return the replies to it, complete, when it is answered."""
        status, posted = await self.post(text, **more)
        assert status == 201, posted
        return await self.replies_to(posted["id"])

    async def replies_to(self, message_id: str) -> list[dict[str, Any]]:
        """Wait until a message is answered; return the replies."""
        await self.wait_for("done", message_id)
        replies = {
            data["id"]: data
            for kind, data in self.seen
            if kind == "reply" and data["message"] == message_id
        }
        assert all(reply["complete"] for reply in replies.values())
        return list(replies.values())

    async def wait_for(self, kind: str, message_id: str | None = None) -> dict[str, Any]:
        """Wait for an event of a kind, and return what came with it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for seen, data in self.seen:
                    if seen == kind and message_id in (None, data.get("message")):
                        return data
                self._new.clear()
                await self._new.wait()

    async def follow(self) -> None:
        """Take in the events of one stream, after the last one that is known."""
        params = {"after": str(self.last)}
        timeout = aiohttp.ClientTimeout(sock_read=PATIENCE)
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"{self.path}/events", headers=self.headers, params=params) as stream,
        ):
            assert stream.status == 200, await stream.text()
            assert stream.content_type == "text/event-stream"
            kind = ""
            async for line in stream.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    assert int(value) > self.last
                    self.last = int(value)
                elif name == "event":
                    kind = value
                elif name == "data":
                    self.seen.append((kind, json.loads(value)))
                    self._new.set()

    @asynccontextmanager
    async def following(self) -> AsyncIterator["WebUser"]:
        """Follow while the context is open."""
        task = asyncio.create_task(self.follow())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()):
                raise error
