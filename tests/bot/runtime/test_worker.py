"""Where an agent works: one that fails, blocks or goes harms nobody."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from ai.commands import Catalogue
from bot.agent import Agent, Services
from bot.agents.echo import AGENT_TYPE as ECHO
from bot.framework.registry import Registry
from bot.messages import Address, Button, Incoming, ReplyChannel
from bot.runtime.agent_spec import Planner
from bot.runtime.supervisor import AgentRefused, DesiredAgent
from bot.runtime.worker import FAILED, AgentWorker
from config.sealing import Sealer
from config.settings import get_settings
from runtime.logs import request_id
from tests.support.chat import World

SECRET = "what a person wrote"


class Page:
    """An outlet that keeps what it is given, and notes in which thread."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.events: list[str] = []
        self.threads: set[str] = set()

    async def send(self, text: str, buttons: tuple[Button, ...] = (), question: str = "") -> None:
        self.said.append(text)
        self.threads.add(threading.current_thread().name)

    def expect_secret(self) -> bool:
        return True

    def typing(self) -> "Page":
        return self

    def draft(self) -> "Page":
        return self

    async def show(self, text: str) -> None:
        self.threads.add(threading.current_thread().name)
        self.said.append(text)

    async def __aenter__(self) -> "Page":
        self.events.append("opened")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.events.append(f"closed by {kind.__name__}" if kind else "closed")


class Scripted(Agent):
    """An agent that does what the test says."""

    def __init__(self, act: Callable[[Incoming, ReplyChannel], Awaitable[None]]) -> None:
        self._act = act
        self.closed = False

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        await self._act(incoming, reply_channel)

    async def close(self) -> None:
        self.closed = True


def said(text: str = "hello") -> Incoming:
    return Incoming(Address("test", "agent", "1"), "dm", text, "message-1")


@pytest.fixture
def failures() -> list[str]:
    return []


@pytest.fixture
async def worker(world: World, failures: list[str]) -> AsyncIterator[AgentWorker]:
    worker = AgentWorker("agent", Services(world.api, world.settings), failures.append)
    yield worker
    await worker.close()


async def test_an_agent_that_blocks_holds_up_nobody_else(worker: AgentWorker) -> None:
    async def block(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        time.sleep(1)  # noqa: ASYNC251
        await reply_channel.send("done")

    await worker.take(lambda _: Scripted(block))
    page = Page()
    began = time.monotonic()
    blocked = asyncio.create_task(worker.handle(said(), page))
    longest = 0.0
    while not blocked.done():
        before = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - before)
    assert time.monotonic() - began >= 1
    assert longest < 0.5
    assert page.said == ["done"]
    assert page.threads == {threading.current_thread().name}


async def test_what_an_agent_shows_goes_the_same_way_as_without_a_thread(
    worker: AgentWorker,
) -> None:
    async def write(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        assert reply_channel.expect_secret()
        async with reply_channel.typing(), reply_channel.draft() as draft:
            await draft.show("Hel")
            await draft.show("Hello")

    await worker.take(lambda _: Scripted(write))
    page = Page()
    await worker.handle(said(), page)
    assert page.said == ["Hel", "Hello"]
    assert page.events == ["opened", "opened", "closed", "closed"]
    assert page.threads == {threading.current_thread().name}


async def test_an_agent_that_fails_is_told_of_without_what_was_said(
    worker: AgentWorker, failures: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        async with reply_channel.draft() as draft:
            await draft.show("I thi")
            raise ZeroDivisionError(incoming.text)

    await worker.take(lambda _: Scripted(fail))
    page = Page()
    await worker.handle(said(SECRET), page)
    assert page.said == ["I thi", FAILED]
    assert page.events == ["opened", "closed by ZeroDivisionError"]
    assert failures == ["", "it failed: ZeroDivisionError"]
    assert "the agent agent failed" in caplog.text
    assert SECRET not in caplog.text


async def test_another_agent_takes_over_and_the_first_answers_what_it_began(
    worker: AgentWorker,
) -> None:
    renew = threading.Event()

    async def wait(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        await asyncio.to_thread(renew.wait, 10)
        await reply_channel.send("first")

    async def answer(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        await reply_channel.send("second")

    first, second = Scripted(wait), Scripted(answer)
    await worker.take(lambda _: first)
    page = Page()
    under_way = asyncio.create_task(worker.handle(said(), page))
    await asyncio.sleep(0.05)
    await worker.take(lambda _: second)
    await worker.handle(said(), page)
    assert (page.said, first.closed) == (["second"], False)
    renew.set()
    await under_way
    await worker.close()
    assert page.said == ["second", "first"]
    assert first.closed
    assert second.closed


async def test_an_agent_that_never_comes_back_is_left_to_itself(
    worker: AgentWorker, caplog: pytest.LogCaptureFixture
) -> None:
    renew = threading.Event()

    async def block(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        renew.wait(30)

    await worker.take(lambda _: Scripted(block))
    under_way = asyncio.create_task(worker.handle(said(), Page()))
    await asyncio.sleep(0.05)
    await worker.close()
    assert "1 threads of agent don't end" in caplog.text
    assert not under_way.done()
    renew.set()
    await under_way


async def test_an_agent_that_can_not_be_made_leaves_the_one_before(worker: AgentWorker) -> None:
    async def answer(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        await reply_channel.send("still here")

    def broken(_: Services) -> Agent:
        raise ValueError

    threads = threading.active_count()
    await worker.take(lambda _: Scripted(answer))
    with pytest.raises(ValueError):
        await worker.take(broken)
    page = Page()
    await worker.handle(said(), page)
    assert page.said == ["still here"]
    await worker.close()
    async with asyncio.timeout(5):
        while threading.active_count() > threads:  # noqa: ASYNC110 - a thread tells nobody
            await asyncio.sleep(0.01)


async def test_the_api_is_reached_through_the_bots_own_connections(
    worker: AgentWorker, world: World
) -> None:
    seen: list[object] = []

    class Asking(Scripted):
        def __init__(self, services: Services) -> None:
            super().__init__(self.ask)
            self._api = services.api

        async def ask(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
            request_id.set(incoming.message_id)
            seen.append(await self._api.request("GET", "/health"))
            await self._api.close()

    await worker.take(Asking)
    await worker.handle(said(), Page())
    assert seen == [{"status": "ok"}]
    assert await world.api.request("GET", "/health") == {"status": "ok"}, "it is not closed"


async def test_a_worker_says_what_its_agent_is_able_to(worker: AgentWorker, world: World) -> None:
    class Able(Scripted):
        takes_images = remembers = True
        registry = Registry(Catalogue())

        async def suggest(self, *_: object) -> list[str]:
            return [threading.current_thread().name]

    async def nothing(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Say nothing."""

    await worker.take(lambda _: Scripted(nothing))
    assert (worker.takes_images, worker.remembers) == (False, False)
    assert worker.registry.list_registered() == []
    assert await worker.suggest(said().address, ("a", "b"), "c", "d") == []
    await worker.take(lambda _: Able(nothing))
    assert (worker.takes_images, worker.remembers) == (True, True)
    assert worker.registry is Able.registry
    assert await worker.suggest(said().address, ("a", "b"), "c", "d") == ["agent agent"]


# From what is wanted to what can be run


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"type": "oracle"}, "there is no agent type 'oracle'; there are echo"),
        ({"answers": {"mention": "maybe"}}, "mention: Input should be a valid boolean"),
        ({"settings": {"prefix": 5}}, "prefix: Input should be a valid string"),
        ({"settings": {"shout": SECRET}}, "shout: Extra inputs are not permitted"),
        ({"token": "env:NOBODY_SETS_THIS"}, "the variable NOBODY_SETS_THIS"),
        ({"token": "sealed by nobody"}, "AGENT_TOKEN_KEYS"),
    ],
)
def test_what_can_not_be_run_is_refused_with_the_reason(
    changes: dict[str, object], told: str
) -> None:
    sealer = Sealer(get_settings())
    good = {"name": "a", "type": "echo", "token": sealer.seal("t"), "answers": {}, "settings": {}}
    planner = Planner({"echo": ECHO}, sealer)
    assert planner.plan(DesiredAgent(**good)).token == "t"  # type: ignore[arg-type]
    with pytest.raises(AgentRefused) as error:
        planner.plan(DesiredAgent(**good | changes))  # type: ignore[arg-type]
    assert told in str(error.value)
    assert SECRET not in str(error.value)


async def test_a_kind_whose_brains_can_not_be_made_is_refused(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> Agent:
        raise KeyError(SECRET)

    sealer = Sealer(get_settings())
    broken = replace(ECHO, name="broken", make=fail)
    plan = Planner({"broken": broken}, sealer).plan(
        DesiredAgent("a", "broken", sealer.seal("t"), {}, {})
    )
    with pytest.raises(AgentRefused, match="it can't be made: KeyError"):
        plan.make_agent(Services(world.api, world.settings))
    assert "the agent a can't be made" in caplog.text
    assert SECRET not in caplog.text


def test_rules_of_the_kind_hold_where_the_agents_own_say_nothing() -> None:
    sealer = Sealer(get_settings())
    quiet = replace(ECHO, name="quiet", rules={"mention": False})
    planner = Planner({"quiet": quiet}, sealer)
    wish = DesiredAgent("a", "quiet", sealer.seal("t"), {}, {})
    assert planner.plan(wish).config.rules.mention is False
    own = DesiredAgent("a", "quiet", sealer.seal("t"), {"mention": True}, {})
    assert planner.plan(own).config.rules.mention is True


async def test_a_trouble_that_comes_up_while_it_works_is_told_once_and_taken_back(
    worker: AgentWorker, failures: list[str]
) -> None:
    async def act(incoming: Incoming, reply_channel: ReplyChannel) -> None:
        agent.trouble = incoming.text

    agent = Scripted(act)
    await worker.take(lambda _: agent)
    for text in ("the window is small", "the window is small", ""):
        await worker.handle(said(text), Page())
    assert failures == ["", "the window is small", ""]
