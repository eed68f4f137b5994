"""Agents side by side: what happens to one touches no other."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import pytest

from bot.pool import AgentRefused, Pool

PATIENCE = 10


async def forever(_: int) -> None:
    await asyncio.Event().wait()


async def nothing() -> None:
    """Finish at once."""


class Agent:
    """Does what the test says at each start."""

    def __init__(
        self,
        name: str,
        act: Callable[[int], Awaitable[None]] = forever,
        end: Callable[[], Awaitable[None]] = nothing,
    ) -> None:
        self.name = name
        self.starts: list[float] = []
        self.ended = False
        self._act = act
        self._end = end

    async def run(self) -> None:
        self.starts.append(time.monotonic())
        try:
            await self._act(len(self.starts))
        finally:
            self.ended = True

    async def finish(self) -> None:
        await self._end()


async def run_until(
    condition: Callable[[], bool], *agents: Agent, shutdown_timeout: float = 1
) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(Pool(agents, shutdown_timeout).run(stop))
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - it watches the agents, which tell nobody
            await asyncio.sleep(0.01)
        stop.set()
        await running


async def crash_twice(number: int) -> None:
    if number <= 2:
        raise ValueError(f"crash {number}")
    await asyncio.Event().wait()


async def test_an_agent_that_crashes_starts_anew_after_growing_pauses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, sound = Agent("broken", crash_twice), Agent("sound")
    await run_until(lambda: len(broken.starts) == 3, broken, sound)
    assert "the agent broken crashed" in caplog.text
    assert "crash 2" in caplog.text
    first, second, third = broken.starts
    assert 1 <= second - first < 1.5
    assert 2 <= third - second < 3
    assert len(sound.starts) == 1
    assert sound.ended


async def test_an_agent_that_is_refused_says_what_to_do_and_is_left_alone_for_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def refuse(_: int) -> None:
        raise AgentRefused("get another token")

    caplog.set_level(logging.INFO)
    refused, sound = Agent("refused", refuse), Agent("sound")
    await run_until(lambda: "starts again" in caplog.text and bool(sound.starts), refused, sound)
    assert "the agent refused can't start: get another token" in caplog.text
    assert "Traceback" not in caplog.text
    (pause,) = [int(line.split()[-2]) for line in caplog.messages if "starts again" in line]
    assert 60 <= pause <= 75


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError("secret.example"), "can't connect: ConnectionRefusedError"),
        (None, "lost its connection"),
    ],
)
async def test_a_lost_connection_is_one_line_in_the_log(
    error: Exception | None, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def lose(_: int) -> None:
        if error is not None:
            raise error

    agent = Agent("lost", lose)
    await run_until(lambda: said in caplog.text, agent)
    assert "Traceback" not in caplog.text
    assert "secret.example" not in caplog.text


async def test_stopping_waits_for_what_is_under_way() -> None:
    finished = []

    async def finish() -> None:
        await asyncio.sleep(0.2)
        assert not agent.ended
        finished.append(True)

    agent = Agent("busy", end=finish)
    await run_until(lambda: bool(agent.starts), agent)
    assert finished
    assert agent.ended


async def test_stopping_gives_up_on_what_does_not_end(caplog: pytest.LogCaptureFixture) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    stuck, sound = Agent("stuck", end=never), Agent("sound")
    await run_until(lambda: bool(stuck.starts), stuck, sound, shutdown_timeout=0.1)
    assert "answers under way were given up after 0.1 s" in caplog.text
    assert stuck.ended
    assert sound.ended
