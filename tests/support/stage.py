"""The bot on a simulated Discord: the real client, conversation, API, scheduler and model client.

    async def test_a_greeting(stage):
        ada = stage.person("ada")
        assert "register" in await ada.say("hello")

Import the fixtures in a conftest, with those of tests.support.chat.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import discord
import pytest
import simcord
from discord.webhook.async_ import AsyncWebhookAdapter as Adapter
from discord.webhook.async_ import async_context

from bot.agent import Agent
from bot.conversation.handler import Conversation
from bot.discord.client import PLATFORM, DiscordClient
from bot.framework.registry import Registry
from bot.messages import Address, Incoming, ReplyChannel
from bot.runtime.deliveries import DeliveryLoop
from scheduler.daemon import Daemon
from tests.support.chat import AGENT, World
from tests.support.people import PASSWORD

PATIENCE = 10


class Beside(Agent):
    """Has an agent work beside the simulation.

    SimCord waits until all that the bot began is done. An open question of the conversation never
    is, and a slow model would hold up the next user's message. So what the agent begins belongs to
    the test, and the bot's part is a wait that is declared as one.
    """

    def __init__(
        self,
        agent: Callable[[], Conversation],
        answer: Callable[..., Awaitable[None]] | None = None,
    ) -> None:
        self.env: simcord.Env | None = None
        self._agent = agent
        self._handle = answer
        self._messages: asyncio.Queue[tuple[Incoming, ReplyChannel, asyncio.Future[None], Adapter]]
        self._messages = asyncio.Queue()
        self._under_way: set[asyncio.Future[None]] = set()

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        done = asyncio.get_running_loop().create_future()
        self._under_way.add(done)
        # SimCord answers interactions for those who have this in their context.
        self._messages.put_nowait((incoming, reply_channel, done, async_context.get()))
        assert self.env is not None
        await self.env.external_wait(done, reason="the agent is at work")

    @property
    def registry(self) -> Registry:
        return self._agent().registry

    async def suggest(
        self, address: Address, key: tuple[str, str], field: str, typed: str
    ) -> list[str]:
        return await self._agent().suggest(address, key, field, typed)

    @property
    def remembers(self) -> bool:
        return self._agent().remembers

    @property
    def takes_images(self) -> bool:
        return self._agent().takes_images

    @property
    def takes_voice(self) -> bool:
        return self._agent().takes_voice

    async def run(self) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._answer(*await self._messages.get()))

    async def idle(self) -> None:
        """Wait until every message is answered."""
        async with asyncio.timeout(PATIENCE):
            while self._under_way:
                await asyncio.wait(self._under_way)

    async def _answer(
        self,
        incoming: Incoming,
        reply_channel: ReplyChannel,
        done: "asyncio.Future[None]",
        adapter: Adapter,
    ) -> None:
        async_context.set(adapter)
        try:
            await (self._handle or self._agent().handle)(incoming, reply_channel)
        finally:
            self._under_way.discard(done)
            done.set_result(None)


def parts(message: discord.Message) -> list[discord.Component]:
    """All components of a message, those inside others too, in order."""
    found: list[discord.Component] = []
    for component in message.components:
        found += _inside(component)
    return found


def _inside(component: discord.Component) -> list[discord.Component]:
    found = [component]
    for child in getattr(component, "children", []):
        found += _inside(child)
    accessory = getattr(component, "accessory", None)
    return found + (_inside(accessory) if accessory else [])


def labels(message: discord.Message) -> list[str]:
    """The buttons of a message that can be pressed."""
    return [
        one.label or ""
        for one in parts(message)
        if isinstance(one, discord.Button) and not one.disabled
    ]


def text_of(message: discord.Message) -> str:
    """The text of a message, which may be one in components."""
    shown = [one.content for one in parts(message) if isinstance(one, discord.TextDisplay)]
    return message.content or "\n".join(shown)


class Member:
    """A person on Discord who writes to the bot."""

    def __init__(self, stage: "Stage", name: str) -> None:
        self.user = stage.env.create_user(name)
        self.written: discord.Message | None = None
        self.used: simcord.InteractionResult | None = None
        self._stage = stage

    @property
    def replies(self) -> list[str]:
        """All that the bot has written to this person."""
        return [text_of(message) for message in self.messages if message.author.bot]

    @property
    def messages(self) -> list[discord.Message]:
        return self.user.dm_channel.history()

    async def write(self, text: str = "", **message: object) -> None:
        """Send a message, and wait for nothing."""
        self.written = await self.user.send_dm(text, **message)

    async def say(self, text: str = "", **message: object) -> str:
        """Send a message; return what the bot answers."""
        before = len(self.replies)
        await self.write(text, **message)
        await self._stage.settle()
        return "\n".join(self.replies[before:])

    async def edit(self, text: str, message: discord.Message | None = None) -> str:
        """Change a message, the latest one unless told; return what the bot answers."""
        assert self.written is not None
        before = len(self.replies)
        await self.user.edit(message or self.written, text)
        await self._stage.settle()
        return "\n".join(self.replies[before:])

    @property
    def answers(self) -> list[simcord.ResponseMessage]:
        """What came of the latest press, command or form, seen by this person alone or not."""
        assert self.used is not None
        first = [self.used.response] if self.used.response else []
        return first + self.used.followups

    @property
    def latest(self) -> discord.Message:
        """What the bot wrote last."""
        return next(message for message in reversed(self.messages) if message.author.bot)

    async def slash(self, command: str, **options: object) -> str:
        """Use a slash command; return what the bot answers."""
        before = len(self.replies)
        self.used = await self.user.slash(command, **options)
        await self._stage.settle()
        return "\n".join(self.replies[before:])

    @property
    def buttons(self) -> list[str]:
        """The labels under the latest message of the bot."""
        return labels(self.latest)

    async def press(self, label: str, message: discord.Message | None = None) -> str:
        """Press a button, of the latest message unless told; return what the bot answers."""
        before = len(self.replies)
        self.used = await self.user.click(message or self.latest, label=label)
        await self._stage.settle()
        return "\n".join(self.replies[before:])

    async def fill_in(self, label: str, **lines: str) -> str:
        """Press a button, fill in the form that it opens, and return what the bot answers."""
        await self.press(label)
        return await self.submit(**lines)

    async def submit(self, **lines: str) -> str:
        """Fill in the form that is open; return what the bot answers."""
        assert self.used is not None
        before = len(self.replies)
        self.used = await self.user.submit_modal(self.used, lines)
        await self._stage.settle()
        return "\n".join(self.replies[before:])

    async def register(self, username: str) -> str:
        """Make an account, and log in with it."""
        for text in ("register", username, PASSWORD):
            answer = await self.say(text)
        return answer

    async def receives(self, text: str, after: int = 0) -> str:
        """Wait for a message that has this text, after so many; return it whole."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for reply in self.replies[after:]:
                if text in reply:
                    return reply
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.replies}"
            await asyncio.sleep(0.02)


class Stage:
    """A simulated Discord with the bot on it."""

    def __init__(
        self, env: simcord.Env, world: World, client: DiscordClient, beside: Beside
    ) -> None:
        self.env = env
        self.world = world
        self.client = client
        self._beside = beside

    def person(self, name: str) -> Member:
        return Member(self, name)

    async def restart(self, *, forget: bool = True) -> None:
        """Start the bot again, as after a crash; it knows the same modules where told."""
        if forget:
            await self.world.restart()
        self.client = DiscordClient(AGENT, self._beside, lambda _: None)
        await self.env.restart_bot(self.client)

    async def settle(self) -> None:
        """Wait until everything that was said is answered."""
        await self._beside.idle()
        await self.env.settle()

    @asynccontextmanager
    async def pushing(self) -> AsyncIterator[None]:
        """Run the scheduler and the bot's deliveries."""
        stop = threading.Event()
        brisk = self.world.settings.model_copy(update={"wake_interval": 0.05})
        scheduler = threading.Thread(target=Daemon(brisk, stop, self.world.clock).run)
        loop = DeliveryLoop(
            self.world.api,
            PLATFORM,
            lambda: {AGENT: self.client.deliver},
            wake_interval=0.05,
            clock=self.world.clock,
        )
        scheduler.start()
        deliveries = asyncio.create_task(loop.run())
        try:
            yield
        finally:
            stop.set()
            await loop.finish()
            await deliveries
            await asyncio.to_thread(scheduler.join, PATIENCE)
            assert not scheduler.is_alive()


@pytest.fixture
async def beside(world: World) -> AsyncIterator[Beside]:
    """The agent of `world`, at work."""
    agent = Beside(lambda: world.conversation, world.answer)
    working = asyncio.create_task(agent.run())
    yield agent
    working.cancel()
    await asyncio.wait([working])


@pytest.fixture
def simcord_bot(beside: Beside) -> DiscordClient:
    """The bot that SimCord runs."""
    return DiscordClient(AGENT, beside, lambda _: None)


@pytest.fixture
def stage(
    world: World, beside: Beside, simcord_bot: DiscordClient, simcord_env: simcord.Env
) -> Stage:
    """A simulated Discord with the bot of `world` on it."""
    beside.env = simcord_env
    return Stage(simcord_env, world, simcord_bot, beside)
