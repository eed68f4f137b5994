"""People who talk to the bot: the real conversation, over the real API, on a database of its own.

    async def test_a_reminder_reaches_the_user(chat, clock):
        assert "Added" in await chat.say("remind me to call mum tomorrow at 5pm")
        clock.move_to("tomorrow 17:00")
        assert "call mum" in await chat.next_message()

`chat` is a user who is logged in, `world` makes more of them. Import the fixtures in a conftest.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from weakref import WeakKeyDictionary

import pytest
from cachetools import LRUCache

from ai.commands import Catalogue
from ai.config import load_ai_config
from ai.llm.types import ChatModel
from ai.parser import Parser
from ai.sentences.matcher import Matcher, matcher_of
from api.main import create_app
from bot.agent import Agent, Services
from bot.agents.commands import CommandAgent
from bot.api.client import ApiClient
from bot.conversation.executor import Understanding
from bot.conversation.handler import Conversation
from bot.framework.registry import CommandModule, Registry, load_commands, registry
from bot.messages import Address, Button, Draft, Incoming, ReplyChannel, WholeDraft
from bot.runtime.deliveries import DeliveryLoop
from bot.runtime.inbox import Inbox
from config.settings import Settings
from core.db.engine import Database
from core.reminders import fire_due
from tests.support.api import running
from tests.support.people import PASSWORD
from tests.support.waiting import PATIENCE, Clock, until

AGENT = "test-bot"


EXAMPLES = {"task", "list", "example"}  # the domains that a project may drop


class Person:
    """Someone who writes to the bot, and what the bot wrote back."""

    hides_secrets = False

    def __init__(self, world: "World", account_id: str, channel_id: str = "dm") -> None:
        self.address = Address("test", AGENT, account_id)
        self.replies: list[str] = []
        self.buttons: list[str] = []  # under the latest reply
        self.secrets_expected = 0
        self.world = world
        self._channel_id = channel_id
        self._typing = 0

    async def say(self, text: str) -> str:
        """Write to the bot; return what it answers, as Markdown."""
        before = len(self.replies)
        await self.world.answer(Incoming(self.address, self._channel_id, text), self)
        assert not self._typing, "the bot still shows that it is typing"
        return "\n".join(self.replies[before:])

    async def leave_unanswered(self) -> None:
        """Wait until the bot no longer waits for an answer."""
        conversation = self.world.conversation
        await until(lambda: not conversation.is_waiting(self.address, self._channel_id))

    async def next_message(self) -> str:
        """Let the scheduler fire what is due by now; return the next message that arrives."""
        await asyncio.to_thread(fire_due, self.world.clock())
        arrived: asyncio.Queue[str] = asyncio.Queue()

        async def take(account_id: str, text: str, _subject: str) -> None:
            assert account_id == self.address.account_id
            arrived.put_nowait(text)

        deliveries = DeliveryLoop(
            self.world.api, self.address.platform, lambda: {AGENT: take}, clock=self.world.clock
        )
        running = asyncio.create_task(deliveries.run())
        try:
            async with asyncio.timeout(PATIENCE):
                return await arrived.get()
        finally:
            await deliveries.finish()
            await running

    async def register(self, username: str, password: str = PASSWORD) -> str:
        """Make an account and log in; return the greeting."""
        for text in ("register", username, password):
            answer = await self.say(text)
        return answer

    async def send(self, text: str, buttons: Sequence[Button] = (), question: str = "") -> None:
        """Take a reply: the person is the conversation's outlet too."""
        self.replies.append(text)
        self.buttons = [button.label for button in buttons]

    def draft(self) -> AbstractAsyncContextManager[Draft]:
        """Take a reply that is written bit by bit, whole."""
        return WholeDraft(self.send)

    def expect_secret(self) -> bool:
        """Note that the bot asks for a secret."""
        self.secrets_expected += 1
        return self.hides_secrets

    def typing(self) -> AbstractAsyncContextManager[None]:
        """Note how long the bot shows that it is typing."""
        return self._shown_typing()

    @asynccontextmanager
    async def _shown_typing(self) -> AsyncIterator[None]:
        self._typing += 1
        try:
            yield
        finally:
            self._typing -= 1


MATCHERS: LRUCache[Catalogue, Matcher] = LRUCache(8)
"""Kept for the tests that follow, since they take long to build."""


class World:
    """An API, and a bot that people talk to."""

    def __init__(
        self, database: Database, settings: Settings, clock: Clock, modules: Collection[str] = ()
    ) -> None:
        """Start an API; the bot knows some modules, or all."""
        self._modules = modules
        self._app = create_app(settings, database, clock)
        self._serving = ExitStack()
        url = self._serving.enter_context(running(self._app))
        self._port = int(url.rpartition(":")[2])
        self.settings = settings.model_copy(update={"api_url": url})
        self.clock = clock
        self._model: ChatModel | None = None
        self.api = ApiClient(url, settings.service_key.get_secret_value())
        self.inboxes: WeakKeyDictionary[Agent, Inbox] = WeakKeyDictionary()
        self.conversation: Conversation = self._make()

    def person(self, account_id: str, channel_id: str = "dm") -> Person:
        """Return someone whom the bot does not know yet."""
        return Person(self, account_id, channel_id)

    async def user(self, username: str) -> Person:
        """Return someone who has an account and is logged in."""
        person = self.person(f"account of {username}"[:64])
        await person.register(username)
        assert await self.conversation.is_logged_in(person.address)
        return person

    async def answer(
        self, incoming: Incoming, reply_channel: ReplyChannel, agent: Agent | None = None
    ) -> None:
        """Have an agent answer by the way that every message takes; the world's unless said."""
        agent = agent or self.conversation
        if agent not in self.inboxes:
            services = Services(self.api, self.settings, self.clock)
            self.inboxes[agent] = Inbox(agent, services)
        await self.inboxes[agent].handle(incoming, reply_channel)

    async def know(
        self,
        *modules: CommandModule,
        parser: Understanding | None = None,
        model: ChatModel | None = None,
    ) -> Registry:
        """Let the bot know these modules alone; return its registry, for raw handlers."""
        await self.conversation.close()
        self._model = model
        specs = Catalogue()
        registry = Registry(specs)
        for module in modules:
            registry.add(module)
        if parser is None:
            config = load_ai_config(self.settings.ai_config_path)
            parser = Parser(specs, config, model, raw_types=registry.raw_types)
        self.conversation = Conversation(self.api, parser, registry, self.settings, self.clock)
        return registry

    @asynccontextmanager
    async def api_away(self) -> AsyncIterator[None]:
        """Stop the API, and start it again in the end."""
        await asyncio.to_thread(self._serving.close)
        yield
        self._serving.enter_context(running(self._app, port=self._port))

    async def restart(self) -> None:
        """Start the bot again, as after a crash."""
        await self.conversation.close()
        self.conversation = self._make()

    def _make(self) -> Conversation:
        known = registry.only(self._modules) if self._modules else registry
        MATCHERS[known.specs] = matcher_of(known.specs)
        return CommandAgent(self.api, self.settings, self.clock, known)

    async def close(self) -> None:
        """End everything."""
        await self.conversation.close()
        if self._model:
            await self._model.aclose()
        await self.api.close()
        await asyncio.to_thread(self._serving.close)


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, database: Database, settings: Settings, clock: Clock
) -> AsyncIterator[World]:
    """An API of its own on loopback, and a bot; it knows the example domains in their tests alone.

    So the framework's tests lean on none of them, and a project may drop them.
    """
    load_commands()
    tests_domains = "domains" in request.path.parts
    modules = () if tests_domains else {*registry.list_registered()} - EXAMPLES
    world = World(database, settings, clock, modules)
    yield world
    await world.close()


@pytest.fixture
async def chat(world: World) -> Person:
    """A user who is logged in."""
    return await world.user("ada")


@pytest.fixture
def stranger(world: World) -> Person:
    """Someone whom the bot does not know yet."""
    return world.person("4711")
