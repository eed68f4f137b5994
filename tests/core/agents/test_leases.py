"""Which process runs which agent: shared fairly, taken over, and never run twice."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from core import agents
from core.agents import memory
from core.agents.leases import Assignment, Leases, Report, Running
from core.agents.tables import ChatAddress
from core.deliveries import queue
from core.deliveries.routing import CHAT, bot_at
from core.postgres import count, delete, select, update
from runtime.clock import utc_now
from tests.support.people import chat, user, waiting

LEASE = 10.0

pytestmark = pytest.mark.usefixtures("database")


@dataclass
class Stopwatch:
    """A monotonic clock that is moved by hand."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Process:
    """A bot process that does as it is told: it runs what it was given, and nothing else."""

    leases: Leases
    name: str
    capacity: int = 50
    environment: bool = False
    running: set[str] = field(default_factory=set)

    def sync(self, stopping: bool = False) -> Assignment:
        told = self.leases.sync(
            Report(
                self.name,
                self.capacity,
                self.environment,
                stopping,
                [Running(name, "ready") for name in sorted(self.running)],
            )
        )
        self.running = {row["name"] for row in told.agents}
        if told.environment:
            self.running.add("default")
        return told


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def process(stopwatch: Stopwatch) -> Callable[..., Process]:
    """Return bot processes that ask one API."""
    leases = Leases(LEASE, stopwatch)

    def make(name: str, capacity: int = 50, environment: bool = False) -> Process:
        return Process(leases, name, capacity, environment)

    return make


def make_agents(number: int) -> set[str]:
    names = {f"agent-{number:02}" for number in range(number)}
    for name in names:
        agents.add(name, f"token-of-{name}", {"type": "echo"})
    return names


def holders() -> dict[str, str | None]:
    return {row["agent"]: row["holder"] for row in select("agent_leases")}


def test_one_process_runs_every_enabled_agent(process: Callable[..., Process]) -> None:
    names = make_agents(3)
    agents.edit("agent-01", {"enabled": False})
    told = process("p").sync()

    assert {row["name"] for row in told.agents} == names - {"agent-01"}
    assert told.lease_seconds < LEASE
    assert not told.environment
    assert told.agents[0] == {
        "name": "agent-00",
        "type": "echo",
        "token": told.agents[0]["token"],
        "answers": {},
        "settings": {},
        "revision": 1,
        "created_at": told.agents[0]["created_at"],
    }
    assert "token-of" not in told.agents[0]["token"]


def test_two_processes_share_fairly_and_a_moved_agent_stops_first(
    process: Callable[..., Process],
) -> None:
    names = make_agents(5)
    first, second = process("first"), process("second")
    first.sync()
    assert first.running == names

    second.sync()
    assert second.running == set(), "the first one still runs them"
    first.sync()  # is told to stop some
    assert len(first.running) == 3
    second.sync()
    assert second.running == set(), "the first one has not said that they stopped"
    first.sync()
    second.sync()
    assert len(second.running) == 2
    assert first.running | second.running == names
    for _ in range(3):
        before = first.running, second.running
        first.sync()
        second.sync()
        assert (first.running, second.running) == before, "nothing is moved without need"


def test_a_process_that_dies_loses_its_agents_within_the_lease_time(
    process: Callable[..., Process], stopwatch: Stopwatch
) -> None:
    names = make_agents(2)
    first, second = process("first"), process("second")
    lasts = first.sync().lease_seconds
    second.sync()
    stopwatch.seconds += lasts
    second.sync()
    assert second.running == set(), "it may still be alive"
    stopwatch.seconds += LEASE - lasts
    second.sync()
    assert second.running == names

    first.sync()
    assert first.running == set(), "it comes back too late"


def test_an_agent_that_is_disabled_is_held_until_it_has_stopped(
    process: Callable[..., Process],
) -> None:
    make_agents(1)
    first, second = process("first"), process("second")
    first.sync()
    agents.edit("agent-00", {"enabled": False})
    agents.edit("agent-00", {"enabled": True})
    second.sync()
    assert second.running == set()
    agents.remove("agent-00")
    assert holders() == {"agent-00": "first"}
    make_agents(1)
    second.sync()
    assert second.running == set(), "the one of that name may still run"


def test_an_agent_without_a_row_to_take_gets_one(process: Callable[..., Process]) -> None:
    names = make_agents(2)  # removed and added again while it was let go, it may have none
    delete("agent_leases", {"agent": "agent-01"})
    first = process("first")
    first.sync()
    assert first.running == names


def test_what_a_removed_agent_notes_before_it_stops_is_forgotten_too(
    process: Callable[..., Process],
) -> None:
    make_agents(1)
    first = process("first")
    first.sync()
    agents.remove("agent-00")
    said = memory.Turn("assistant", "the last word")
    memory.append(ChatAddress("discord", "agent-00", "1"), [said], utc_now())
    first.sync()  # is told to stop it
    assert count("agent_turns") == 1
    first.sync()
    assert count("agent_turns") == 0
    assert holders() == {}


def test_a_clock_that_jumps_changes_nothing(
    process: Callable[..., Process], stopwatch: Stopwatch
) -> None:
    names = make_agents(2)
    first, second = process("first"), process("second")
    first.sync()
    for jump in (timedelta(days=365), -timedelta(days=365)):
        moved = {"seen_at": utc_now() + jump}  # what such a clock leaves behind
        update("bot_processes", moved, {"process": "first"})
        second.sync()
        assert second.running == set()
        stopwatch.seconds += LEASE / 4
    first.sync()
    assert len(first.running) == len(names) / 2, "both are alive, and share"


def test_a_late_look_at_an_old_beat_buries_nobody(
    process: Callable[..., Process], stopwatch: Stopwatch
) -> None:
    make_agents(1)
    first, second = process("first"), process("second")
    first.sync()
    second.sync()
    stopwatch.seconds += LEASE * 10  # nobody asked this API for long
    first.sync()
    second.sync()
    assert first.running == {"agent-00"}
    assert second.running == set()


def test_stopping_frees_what_no_longer_runs(process: Callable[..., Process]) -> None:
    names = make_agents(2)
    first, second = process("first"), process("second")
    first.sync()
    first.running = {"agent-01"}
    first.sync(stopping=True)
    second.sync()
    assert second.running == {"agent-00"}
    first.sync(stopping=True)
    second.sync()
    assert second.running == names
    assert [row["process"] for row in select("bot_processes")] == ["second"]


def test_the_environments_agent_runs_in_one_process_and_only_without_others(
    process: Callable[..., Process],
) -> None:
    without, first, second = process("without"), process("a", 50, True), process("b", 50, True)
    assert without.sync().agents == []
    assert first.sync().environment
    assert not second.sync().environment
    assert first.sync().environment, "it goes on"
    make_agents(1)
    assert first.sync() is not None
    assert first.running <= {"agent-00"}
    second.sync()
    assert "default" not in second.running


def test_what_a_dead_process_was_sending_goes_on_with_the_one_that_takes_over(
    process: Callable[..., Process], stopwatch: Stopwatch
) -> None:
    make_agents(1)
    dead, heir = process("dead"), process("heir")
    dead.sync()
    ada = user()
    home = chat(ada, address=("discord", "agent-00"))
    waiting(ada, CHAT, chat_account_id=home)
    sender, now = [bot_at(("discord", "agent-00"))], utc_now()
    assert len(queue.claim(sender, now)) == 1
    heir.sync()
    assert queue.claim(sender, utc_now()) == []
    stopwatch.seconds += LEASE
    for _ in range(2):
        heir.sync()
    assert heir.running == {"agent-00"}
    assert len(queue.claim(sender, utc_now())) == 1
