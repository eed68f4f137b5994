"""Agents side by side: what happens to one touches no other."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.runtime import supervisor
from bot.runtime.supervisor import AgentRefused, ConnectionLost, DesiredAgent, Pool, Status
from tests.support.waiting import until

QUOTED = "something that a person wrote"


async def forever(_: int) -> None:
    await asyncio.Event().wait()


async def nothing() -> None:
    """Finish at once."""


class Agent:
    """Does what the test says at each start."""

    def __init__(
        self,
        act: Callable[[int], Awaitable[None]] = forever,
        end: Callable[[], Awaitable[None]] = nothing,
        wrong: str = "",
    ) -> None:
        self.status = Status()
        self.revision: int | None = None
        self.starts: list[float] = []
        self.running = self.closed = False
        self.lose = asyncio.Event()
        self.wishes: list[DesiredAgent] = []
        self.taken: list[DesiredAgent] = []
        self._act = act
        self._end = end
        self._wrong = wrong  # the kind of agent that is refused

    @property
    def can_send(self) -> bool:
        return self.running

    def look(self) -> None:
        self.status.guilds = 3

    def want(self, wish: DesiredAgent) -> None:
        self.wishes.append(wish)

    async def prepare(self) -> bool:
        wish = self.wishes[-1]
        if wish.type == self._wrong:
            raise AgentRefused(f"there is no {wish.type}")
        before = self.taken[-1] if self.taken else wish
        self.taken.append(wish)
        self.revision = wish.revision
        return before.token != wish.token

    async def run(self) -> None:
        self.starts.append(time.monotonic())
        self.running = True
        self.status.become("online")
        self.lose.clear()
        acting = asyncio.ensure_future(self._act(len(self.starts)))
        losing = asyncio.ensure_future(self.lose.wait())
        try:
            await asyncio.wait([acting, losing], return_when=asyncio.FIRST_COMPLETED)
            if acting.done():
                acting.result()
        finally:
            self.running = False
            acting.cancel()
            losing.cancel()

    async def deliver(self, account_id: str, text: str, subject: str) -> None:
        raise AssertionError("no test here delivers anything")

    async def finish(self) -> None:
        await self._end()

    async def close(self) -> None:
        self.closed = True


def wish(name: str, **changes: Any) -> DesiredAgent:  # noqa: ANN401
    return DesiredAgent(
        **{"name": name, "type": "echo", "token": "1", "answers": {}, "settings": {}} | changes
    )


@asynccontextmanager
async def pool_of(*agents: Agent, shutdown_timeout: float = 1) -> AsyncIterator[Pool]:
    """Run agents called a, b, ... for as long as the context is open."""
    waiting = dict(zip("abc", agents, strict=False))

    def make(wanted: DesiredAgent) -> Agent:
        agent = waiting[wanted.name]
        agent.revision = None
        agent.want(wanted)
        return agent

    pool = Pool(make, shutdown_timeout)
    pool.apply(wish(name) for name in waiting)
    try:
        yield pool
    finally:
        await pool.close()


async def crash_twice(number: int) -> None:
    if number <= 2:
        raise ValueError(QUOTED)
    await asyncio.Event().wait()


async def test_an_agent_that_crashes_starts_anew_after_growing_pauses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, sound = Agent(crash_twice), Agent()
    async with pool_of(broken, sound) as pool:
        await until(lambda: len(broken.starts) == 3)
        told, other = pool.report()
    assert "the agent a crashed" in caplog.text
    assert QUOTED not in caplog.text
    assert (told["state"], told["error"]) == ("online", None), "what is overcome is no error"
    assert other["error"] is None
    first, second, third = broken.starts
    assert 1 <= second - first < 1.5
    assert 2 <= third - second < 3
    assert len(sound.starts) == 1
    assert sound.closed


async def test_an_agent_that_is_refused_says_what_to_do_and_is_left_alone_for_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def refuse(_: int) -> None:
        raise AgentRefused("get another token")

    caplog.set_level(logging.INFO)
    refused, sound = Agent(refuse), Agent()
    async with pool_of(refused, sound) as pool:
        await until(lambda: "starts again" in caplog.text and sound.starts)
        told, _ = pool.report()
    assert (told["state"], told["error"]) == ("refused", "get another token")
    assert "the agent a can't start: get another token" in caplog.text
    assert "Traceback" not in caplog.text
    (pause,) = [int(line.split()[-2]) for line in caplog.messages if "starts again" in line]
    assert 60 <= pause <= 75


async def test_an_agent_that_has_to_wait_longer_is_left_alone_longer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def refuse(_: int) -> None:
        raise AgentRefused("too often", retry_after=3600)

    caplog.set_level(logging.INFO)
    async with pool_of(Agent(refuse)):
        await until(lambda: "starts again" in caplog.text)
    (pause,) = [int(line.split()[-2]) for line in caplog.messages if "starts again" in line]
    assert 3600 <= pause <= 4500


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError("secret.example"), "it can't connect: ConnectionRefusedError"),
        (TimeoutError("secret.example"), "it can't connect: TimeoutError"),
        (ConnectionLost("Discord is busy"), "it can't connect: Discord is busy"),
        (None, "it can't connect: Discord has ended the connection"),
    ],
)
async def test_a_lost_connection_is_one_line_in_the_log(
    error: Exception | None, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def lose(_: int) -> None:
        if error is not None:
            raise error

    async with pool_of(Agent(lose)) as pool:
        await until(lambda: "can't connect" in caplog.text)
        (told,) = pool.report()
    assert (told["state"], told["error"]) == ("waiting", said)
    assert "secret.example" not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("kind", [AgentRefused, ConnectionLost])
async def test_an_outage_is_told_once_however_often_it_is_tried_again(
    kind: type[Exception], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FIRST_PAUSE", "MAX_PAUSE", "REFUSED_PAUSE"):
        monkeypatch.setattr(supervisor, name, 0.001)
    caplog.set_level(logging.INFO)
    tries = iter(["down"] * 5 + ["otherwise"] * 5)

    async def fail(_: int) -> None:
        why = next(tries, "")
        agent.status.become("starting" if why else "online")
        raise kind(why or "down again")

    agent = Agent(fail)
    async with pool_of(agent):
        await until(lambda: len(agent.starts) > 12)
    told = [line for line in caplog.messages if "can't" in line]
    assert [line.rpartition(": ")[2] for line in told][:4] == [
        "down",
        "otherwise",
        "down again",
        "down again",
    ]
    assert caplog.text.count("starts again") == len(told)


async def test_a_change_is_taken_in_without_a_new_connection() -> None:
    agent = Agent()
    async with pool_of(agent) as pool:
        await until(lambda: agent.running)
        pool.apply([wish("a", settings={"prefix": "!"}, revision=2)])
        await until(lambda: agent.revision == 2)
        pool.apply([wish("a", settings={"prefix": "!"}, revision=2)])
        await asyncio.sleep(0.05)
        assert (len(agent.starts), len(agent.taken)) == (1, 2)


async def test_a_new_token_makes_a_new_connection_at_once() -> None:
    agent = Agent()
    async with pool_of(agent) as pool:
        await until(lambda: agent.running)
        pool.apply([wish("a", token="2", revision=2)])
        await until(lambda: len(agent.starts) == 2)
        assert agent.starts[1] - agent.starts[0] < 0.5
        assert not agent.closed


async def test_a_change_that_can_not_be_leaves_the_agent_as_it_was_and_is_told() -> None:
    agent = Agent(wrong="nonsense")
    async with pool_of(agent) as pool:
        await until(lambda: agent.running)
        pool.apply([wish("a", type="nonsense", revision=2)])
        await until(lambda: pool.report()[0]["error"])
        (told,) = pool.report()
        assert len(agent.starts) == 1
        agent.lose.set()
        await until(lambda: len(agent.starts) == 2)
        assert (told["state"], told["revision"]) == ("online", 0)
        assert told["error"] == "a change has no effect: there is no nonsense"
        assert agent.running, "it has come back with what it had"


async def test_what_sets_a_refused_agent_right_is_tried_at_once() -> None:
    agent = Agent(wrong="nonsense")
    async with pool_of(agent) as pool:
        await until(lambda: agent.running)
        pool.apply([])
        await until(lambda: agent.closed)
        agent.taken.clear()
        pool.apply([wish("a", type="nonsense")])
        await until(lambda: pool.report()[0]["state"] == "refused")
        pool.apply([wish("a", revision=2)])
        await until(lambda: len(agent.starts) == 2)


async def test_agents_come_and_go_beside_each_other() -> None:
    first, second = Agent(), Agent()
    async with pool_of(first, second) as pool:
        await until(lambda: first.running and second.running)
        pool.apply([wish("b")])
        await until(lambda: first.closed)
        assert [told["name"] for told in pool.report()] == ["b"]
        assert pool.report()[0]["guilds"] == 3
        pool.apply([wish("a"), wish("b")])
        await until(lambda: len(first.starts) == 2)
        assert set(pool.senders()) == {"a", "b"}
        assert len(second.starts) == 1


async def test_an_agent_that_is_wanted_again_while_it_stops_comes_back_afterwards() -> None:
    renew = asyncio.Event()
    agent = Agent(end=renew.wait)
    async with pool_of(agent, shutdown_timeout=5) as pool:
        await until(lambda: agent.running)
        pool.apply([])
        await until(lambda: pool.report()[0]["state"] == "stopping")
        pool.apply([wish("a")])
        assert pool.senders() == {}
        renew.set()
        await until(lambda: pool.report() == [])
        pool.apply([wish("a")])
        await until(lambda: len(agent.starts) == 2)


async def test_stopping_waits_for_what_is_under_way() -> None:
    finished = []

    async def finish() -> None:
        await asyncio.sleep(0.2)
        assert agent.running
        finished.append(True)

    agent = Agent(end=finish)
    async with pool_of(agent):
        await until(lambda: agent.running)
    assert finished
    assert agent.closed
    assert not agent.running


async def test_stopping_gives_up_on_what_does_not_end(caplog: pytest.LogCaptureFixture) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    stuck, sound = Agent(end=never), Agent()
    async with pool_of(stuck, sound, shutdown_timeout=0.1):
        await until(lambda: stuck.running and sound.running)
    assert "the agent a gave up answers under way after 0.1 s" in caplog.text
    assert stuck.closed
    assert sound.closed


async def test_since_is_when_the_state_began() -> None:
    status = Status()
    began = status.since
    status.become("starting")
    assert status.since == began
    status.become("online", "late")
    assert status.since > began
    assert status.error == "late"
