"""Attacks on the agent service: what one agent, person or answer does must harm no other."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import discord
import pytest

import core.agents
from bot.agent import Agent, Services
from bot.agents import llm
from bot.agents.llm.settings import LlmSettings
from bot.api.client import ApiClient
from bot.discord import start_limits
from bot.discord.client import UNKNOWN_TO_DISCORD, DiscordClient, use_api
from bot.messages import Incoming, ReplyChannel
from bot.runtime import worker
from bot.runtime import worker as worker_module
from bot.runtime.assignments import NO_AGENTS, AssignmentSync, Lease
from bot.runtime.deliveries import DeliveryLoop, Undeliverable
from bot.runtime.supervisor import AgentRefused, DesiredAgent, Pool, Status
from bot.runtime.worker import STILL_BLOCKED, AgentWorker
from config.sealing import Sealer, SealError
from config.settings import Settings, get_settings, load_settings
from core.errors import InvalidInput
from tests.support.chat import Person, World
from tests.support.discord_server import TOKEN, DiscordServer
from tests.support.waiting import until

AGENT = {"name": "a", "type": "echo", "token": "env:T", "answers": {}, "settings": {}}
ELSEWHERE = "https://collector.example/v1"


class Quiet(Agent):
    """An agent that says nothing."""

    def __init__(self) -> None:
        self.closed = False

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None: ...

    async def close(self) -> None:
        self.closed = True


# An agent whose constructor blocks


@pytest.fixture
def blocker() -> Iterator[threading.Event]:
    """What a constructor waits for; set in the end, so that no thread stays."""
    renew = threading.Event()
    yield renew
    renew.set()


@pytest.fixture
async def services(world: World) -> Services:
    return Services(world.api, world.settings)


async def test_an_agent_that_is_not_made_in_time_is_refused_and_made_once_only(
    services: Services, blocker: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "MAKING_SECONDS", 0.05)
    monkeypatch.setattr(worker_module, "ENDING_SECONDS", 0.05)
    late = Quiet()

    def make(_: Services) -> Agent:
        blocker.wait(30)
        return late

    place = AgentWorker("a", services, [].append)
    with pytest.raises(AgentRefused, match="was not made within"):
        await place.take(make)
    with pytest.raises(AgentRefused, match=STILL_BLOCKED):
        await place.take(make)
    blocker.set()
    await until(lambda: late.closed)
    await until(lambda: place._given_up is not None and place._given_up.has_ended)
    await place.take(lambda _: Quiet())
    await place.close()


class Making:
    """An agent of the pool whose agent is made by what the test says."""

    def __init__(self, services: Services, make: Any) -> None:  # noqa: ANN401
        self.status = Status()
        self.revision: int | None = None
        self.closed = False
        self._worker = AgentWorker("a", services, self.status.complain)
        self._make = make

    def look(self) -> None: ...

    def want(self, wish: DesiredAgent) -> None: ...

    async def prepare(self) -> bool:
        await self._worker.take(self._make)
        self.revision = (self.revision or 0) + 1
        return False

    async def run(self) -> None:
        self.status.become("online")
        await asyncio.Event().wait()

    async def deliver(self, account_id: str, text: str, subject: str) -> None: ...

    async def finish(self) -> None: ...

    async def close(self) -> None:
        await self._worker.close()
        self.closed = True


@pytest.mark.parametrize("calm_starts", [0, 1], ids=["at the start", "at a change"])
async def test_an_agent_that_blocks_while_it_is_made_can_be_stopped(
    services: Services,
    blocker: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    calm_starts: int,
) -> None:
    monkeypatch.setattr(worker_module, "ENDING_SECONDS", 0.05)
    monkeypatch.setattr(worker, "CLOSING_SECONDS", 0.05)
    begun: list[int] = []

    def make(_: Services) -> Agent:
        begun.append(1)
        if len(begun) > calm_starts:
            blocker.wait(30)
        return Quiet()

    agent = Making(services, make)
    pool = Pool(lambda _: agent, shutdown_timeout=1)
    pool.apply([DesiredAgent(**AGENT)])
    if calm_starts:
        await until(lambda: agent.status.state == "online")
        pool.apply([DesiredAgent(**AGENT, revision=2)])
    await until(lambda: len(begun) > calm_starts)
    async with asyncio.timeout(5):
        await pool.close()
    assert agent.closed
    assert pool.report() == []


# An API that is older or newer than the bot


class Told(ApiClient):
    """An API that answers what the test says."""

    def __init__(self, **answer: object) -> None:
        super().__init__("http://127.0.0.1:9", "")
        self.answer: dict[str, Any] = {"lease_seconds": 15, "environment": False, **answer}

    async def service(self, path: str, data: dict[str, Any]) -> Any:  # noqa: ANN401
        return self.answer


class Named:
    """A pool that only keeps the names."""

    def __init__(self) -> None:
        self.running: set[str] = set()

    def report(self) -> list[dict[str, Any]]:
        return []

    def apply(self, wishes: list[DesiredAgent], as_they_are: set[str]) -> None:
        self.running = {wish.name for wish in wishes} | (self.running & as_they_are)

    async def close(self) -> None: ...


@pytest.fixture
async def following() -> AsyncIterator[tuple[Told, Named]]:
    api, pool = Told(agents=[AGENT]), Named()
    settings = get_settings().model_copy(update={"agents_sync_interval": 0.01})
    sync = AssignmentSync(api, pool, Lease(), settings)  # type: ignore[arg-type]
    task = asyncio.create_task(sync.follow())
    await until(lambda: pool.running)
    yield api, pool
    assert not task.done(), "the process would end"
    task.cancel()
    await asyncio.wait([task])
    await api.close()


async def test_a_field_that_a_newer_api_adds_is_ignored(following: tuple[Told, Named]) -> None:
    api, pool = following
    api.answer["agents"] = [{**AGENT, "name": "b", "colour": "red"}]
    await until(lambda: pool.running == {"b"})


async def test_a_field_that_is_missing_keeps_its_agent_as_it_was_and_no_other(
    following: tuple[Told, Named], caplog: pytest.LogCaptureFixture
) -> None:
    api, pool = following
    broken = {key: value for key, value in AGENT.items() if key != "settings"}
    new = {**broken, "name": "c"}
    api.answer["agents"] = [broken, {**AGENT, "name": "b"}, new]
    await until(lambda: pool.running == {"a", "b"})
    await asyncio.sleep(0.05)
    assert caplog.messages.count("of the agent a the API says no usable settings") == 1
    assert caplog.messages.count("of the agent c the API says no usable settings") == 1


@pytest.mark.parametrize(
    "change", [{"agents": None}, {"lease_seconds": "soon"}, {"agents": ["a"]}, {"agents": [{}]}]
)
async def test_an_answer_that_makes_no_sense_ends_nothing(
    following: tuple[Told, Named], caplog: pytest.LogCaptureFixture, change: dict[str, object]
) -> None:
    api, pool = following
    before = {**api.answer}
    api.answer |= change
    await until(lambda: "its answer can't be used" in caplog.text)
    assert pool.running == {"a"}
    api.answer = before | {"agents": [{**AGENT, "name": "b"}]}
    await until(lambda: pool.running == {"b"})


async def test_a_process_that_gets_no_agent_says_so_only_where_there_is_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    for wanted, told in ((3, "other processes run all agents"), (0, NO_AGENTS)):
        api = Told(agents=[], wanted=wanted)
        await AssignmentSync(api, Named(), Lease(), get_settings())._ask()  # type: ignore[arg-type]
        assert told in caplog.text
        assert (NO_AGENTS in caplog.text) == (wanted == 0)
        await api.close()


async def test_a_delivery_that_makes_no_sense_holds_up_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent: list[str] = []

    async def send(account_id: str, text: str, subject: str) -> None:
        sent.append(text)

    good = dict.fromkeys(("id", "lease_id", "account_id"), "1") | {"agent": "a", "text": "good"}
    good |= {"subject": "", "request_id": "", "due_at": "2030-01-01T00:00:00+00:00"}
    without_text = {key: value for key, value in good.items() if key != "text"}
    api = Told(deliveries=[{}, without_text, {**good, "agent": "b"}, good], next_due_at=None)
    loop = DeliveryLoop(api, "discord", lambda: {"a": send}, wake_interval=0.01)
    running = asyncio.create_task(loop.run())
    await until(lambda: "good" in sent)
    api.answer = {"deliveries": "none", "next_due_at": 5}
    await until(lambda: "deliveries wait" in caplog.text)
    api.answer = {"deliveries": [{**good, "text": "later"}], "next_due_at": None}
    await until(lambda: "later" in sent)
    await loop.finish()
    await running
    await api.close()


# Secrets that an agent may not name


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings as they come, with the operator's keys."""
    monkeypatch.setenv("AGENT_VARIABLES", "AGENT_*,LISTED_API_KEY")
    for name in ("OPENAI_API_KEY", "AGENT_LOCAL_API_KEY", "GITHUB_TOKEN", "LISTED_API_KEY"):
        monkeypatch.setenv(name, f"value of {name}")
    return load_settings()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({}, "value of OPENAI_API_KEY"),
        ({"base_url": ELSEWHERE}, None),
        ({"api_key": "env:OPENAI_API_KEY"}, "value of OPENAI_API_KEY"),
        ({"api_key": "env:OPENAI_API_KEY", "base_url": ELSEWHERE}, None),
        ({"api_key": "env:OPENAI_API_KEY", "provider": "anthropic"}, None),
        ({"api_key": "env:STRIPE_API_KEY", "base_url": ELSEWHERE}, None),
        ({"api_key": "env:AGENT_LOCAL_API_KEY", "base_url": ELSEWHERE}, "value of AGENT_LOCAL"),
        ({"api_key": "env:LISTED_API_KEY", "base_url": ELSEWHERE}, "value of LISTED_API_KEY"),
    ],
)
def test_a_key_goes_where_it_belongs_alone(
    strict: Settings, settings: dict[str, Any], key: str | None
) -> None:
    given, why = llm._key(LlmSettings(model="m", **settings), strict)
    assert (given or "").startswith(key or "") and bool(given) == bool(key)
    assert bool(why) == (key is None and "api_key" in settings)


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "PATH", "OPENAI_API_KEY", "AGENT_TOKEN_KEYS"])
def test_a_token_is_no_variable_of_the_machines(strict: Settings, name: str) -> None:
    with pytest.raises(SealError, match=name):
        Sealer(strict).check(f"env:{name}")
    with pytest.raises(SealError, match=name):
        Sealer(strict).open(f"env:{name}")


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "env:GITHUB_TOKEN"},
        {"settings": {"model": "m", "api_key": "env:OPENAI_API_KEY", "base_url": ELSEWHERE}},
        {"settings": {"model": "m", "api_key": "env:STRIPE_API_KEY"}},
    ],
)
def test_no_agent_is_made_or_changed_so(
    world: World, strict: Settings, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    monkeypatch.setattr(core.agents, "get_settings", lambda: strict)
    whole = {"token": "env:AGENT_A_TOKEN", "settings": {"model": "m"}, **changes}
    token = whole.pop("token")
    with pytest.raises(InvalidInput):
        core.agents.add("a", token, {"type": "llm", **whole})
    core.agents.add("a", "env:AGENT_A_TOKEN", {"type": "llm", "settings": {"model": "m"}})
    with pytest.raises(InvalidInput):
        core.agents.edit("a", {"settings": whole["settings"]}, token)


# What the status and the log say


def test_what_is_overcome_is_no_error() -> None:
    status = Status()
    status.become("waiting", "it can't connect")
    status.become("starting")
    assert status.error == "it can't connect"
    status.become("online")
    assert status.error is None
    status.complain("a key is missing")
    status.become("reconnecting")
    status.become("online")
    assert status.error == "a key is missing"
    status.complain("")
    assert status.error is None


async def test_an_agent_that_answers_again_has_not_failed(services: Services) -> None:
    told: list[str] = []

    class Moody(Quiet):
        fails = True

        async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
            if self.fails:
                raise ValueError

    agent, place = Moody(), AgentWorker("a", services, told.append)
    await place.take(lambda _: agent)
    person = Person(World, "1")  # type: ignore[arg-type]
    said = Incoming(person.address, "dm", "hello")
    await place.handle(said, person)
    agent.fails = False
    await place.handle(said, person)
    assert told == ["", "it failed: ValueError", ""]
    await place.close()


@pytest.fixture
def discord_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[DiscordServer]:
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    monkeypatch.setattr(start_limits, "WINDOW", 0.0)
    server = DiscordServer()  # which the test closes
    use_api(server.url)
    yield server


async def test_a_token_that_died_and_an_outage_are_told(
    discord_at: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    status = Status()
    async with DiscordClient("a", Quiet(), lambda _: None, status=status) as client:
        running = asyncio.create_task(client.run_agent(TOKEN))
        await until(client.is_ready)
        while status.error is None:
            discord_at.refuse(401, {"message": "401: Unauthorized", "code": 0})
            with suppress(Undeliverable):  # it may be told of by something else before
                await client.deliver("42", "hello")
        assert (status.state, status.error) == ("online", UNKNOWN_TO_DISCORD)
        await asyncio.to_thread(discord_at.close)
        await until(lambda: "has lost Discord" in caplog.text)
        await asyncio.sleep(1)
        await client.close()
        running.cancel()
        await asyncio.wait([running])
    assert "Traceback" not in caplog.text
    assert caplog.text.count("has lost Discord") == 1
