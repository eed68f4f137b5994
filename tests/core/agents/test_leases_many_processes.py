"""Many processes ask at once: real ones, on every database. No agent ever runs in two of them."""

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import combinations
from multiprocessing.connection import Connection

import pytest
from sqlalchemy import URL

from core import agents
from core.agents.leases import Leases, Report, Running
from core.db.engine import Database, use_database
from core.errors import Unavailable
from core.postgres import select

LEASE = 3.0  # seconds
PATIENCE = 60.0
NAMES = {f"agent-{number:02}" for number in range(12)}

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.slow]
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["core.agents", "core.agents.leases"])  # once for all of them


def work(url: str, name: str, line: Connection) -> None:
    """Be an API and a bot in one: ask again and again, and tell what runs from when on."""
    with closing(Database(url)) as database:
        use_database(database)
        leases = Leases(LEASE)
        running: list[str] = []
        stopping = False
        until = time.monotonic()
        while not stopping or running:
            stopping = stopping or line.poll(0.02)
            asked = time.monotonic()
            report = Report(
                name, 50, stopping=stopping, agents=[Running(one, "online") for one in running]
            )
            try:
                told = leases.sync(report)
            except Unavailable:  # two who wait for each other: one of them is to ask again
                running = running if time.monotonic() < until else []
            else:
                until = asked + told.lease_seconds
                running = [row["name"] for row in told.agents]
            line.send((time.monotonic(), running))
        leases.sync(Report(name, 50, stopping=True))


class Worker:
    """One such process, and all that it told."""

    def __init__(self, url: URL, name: str) -> None:
        self.name = name
        self.told: list[tuple[float, list[str]]] = []
        self._line, other = processes.Pipe()
        address = url.render_as_string(hide_password=False)
        self.process = processes.Process(target=work, args=(address, name, other))
        self.process.start()
        other.close()

    def running(self) -> set[str]:
        """Return what it runs by its latest word."""
        try:
            while self._line.poll():
                self.told.append(self._line.recv())
        except (EOFError, OSError):  # it has ended
            return set()
        return set(self.told[-1][1]) if self.told else set()

    def stop(self) -> None:
        self._line.send("stop")
        self.process.join(PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.running()
        self.told.append((time.monotonic(), []))

    def spells(self, agent: str) -> Iterator[tuple[float, float]]:
        """Yield from when until when it ran an agent."""
        began: float | None = None
        for moment, names in self.told:
            if agent in names:
                began = moment if began is None else began
            elif began is not None:
                yield began, moment
                began = None
        if began is not None:
            yield began, float("inf")


@pytest.fixture
def start(database_url: URL) -> Iterator[Callable[[], Worker]]:
    """Start such processes; at the end no agent has run in two of them at any moment."""
    for name in NAMES:
        agents.add(name, f"token-of-{name}", {"type": "echo"})
    started: list[Worker] = []

    def make() -> Worker:
        started.append(Worker(database_url, f"process-{len(started)}"))
        return started[-1]

    yield make
    for worker in started:
        if worker.process.is_alive():
            worker.kill()
        worker.running()
    for agent in NAMES:
        for one, other in combinations(started, 2):
            for began, ended in one.spells(agent):
                for later, earlier in other.spells(agent):
                    assert ended <= later or earlier <= began, (agent, one.name, other.name)


def shared_evenly(*workers: Worker) -> bool:
    """Say whether these run every agent, the same number each."""
    running = [worker.running() for worker in workers]
    even = {len(one) for one in running} == {len(NAMES) // len(workers)}
    return even and set.union(*running) == NAMES


def wait_until(condition: Callable[[], bool]) -> float:
    """Wait until it holds; return how many seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.02)
    return time.monotonic() - began


def test_agents_are_shared_moved_and_taken_over(start: Callable[[], Worker]) -> None:
    one, two, three = start(), start(), start()
    wait_until(lambda: shared_evenly(one, two, three))
    killed = time.monotonic()
    three.kill()
    wait_until(lambda: shared_evenly(one, two))
    took = time.monotonic() - killed
    assert took < LEASE + 10, "seconds for a busy machine"
    two.stop()
    wait_until(lambda: shared_evenly(one))
    assert [row["process"] for row in select("bot_processes")] == [one.name]


def test_whatever_happens_nothing_runs_twice(start: Callable[[], Worker]) -> None:
    chance = random.Random(7)  # noqa: S311 - the same each time
    workers = [start() for _ in range(3)]
    wait_until(lambda: shared_evenly(*workers))
    ends = time.monotonic() + 6
    while time.monotonic() < ends:
        name = chance.choice(sorted(NAMES))
        match chance.randrange(4):
            case 0:
                agents.edit(name, {"enabled": False})
            case 1:
                agents.edit(name, {"enabled": True})
            case 2:
                agents.remove(name)
                agents.add(name, f"token-of-{name}", {"type": "echo"})
            case 3:
                for worker in workers:
                    worker.running()
        time.sleep(0.02)
    workers.pop().kill()
    for name in NAMES:
        agents.edit(name, {"enabled": True})
    wait_until(lambda: shared_evenly(*workers))
