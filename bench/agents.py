"""Fifty agents in one process, with real clients on a loopback stand-in of Discord.

How long until all are online, what each takes of memory, how many messages a second they answer,
and what an agent that blocks for ten seconds does to the others.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.support.processor import PLAIN
from core import agents, migrations
from core.db.engine import Database, use_database
from core.postgres import update
from tests.support.agents import Fleet, fleet
from tests.support.discord_gateway import Bot
from tests.support.discord_server import discord_server
from tests.support.process import Service

MANY = 50
MESSAGES = 3000  # to all agents, as fast as they are taken
AT_ONCE = 200  # of them that wait for an answer
CALM_SECONDS = 8.0
BLOCKED_SECONDS = 10.0
PER_SECOND = 50  # messages while latency is measured
PATIENCE = 120.0
MEGABYTE = 1 << 20


@dataclass
class Running:
    """A process of the bot and what it runs."""

    ships: Fleet
    bots: list[Bot]
    process: psutil.Process
    ready_after: float  # seconds

    @property
    def memory(self) -> float:
        """Resident megabytes."""
        return float(self.process.memory_info().rss) / MEGABYTE

    @property
    def cpu(self) -> float:
        """Seconds of processor time so far."""
        times = self.process.cpu_times()
        return times.user + times.system


def main() -> None:
    """Print the measurements; each is taken on agents that start for it."""
    for kind in ("echo", "commands"):
        with running(1, kind) as one:
            first = one.memory
        with running(MANY, kind) as many:
            each = (many.memory - first) / (MANY - 1)
            print(
                f"{MANY} agents of the type {kind}: online {many.ready_after:.1f} s after the "
                f"process began; {many.memory:.0f} MB, {first:.0f} MB with one alone, "
                f"{each:.2f} MB for each more"
            )
    with running(MANY, "echo", last="blocking") as all_of_them:
        _throughput(all_of_them)
        calm = _latencies(all_of_them, CALM_SECONDS)
        blocked = _block(all_of_them)
        _print_latencies("all agents at ease", calm)
        _print_latencies(f"one blocks for {BLOCKED_SECONDS:.0f} s", blocked)


@contextmanager
def running(count: int, kind: str, last: str = "") -> Iterator[Running]:
    """Run so many agents of a type, the last one of another, in a process of their own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Database(f"sqlite:///{folder}/app.db")) as database,
        discord_server() as discord,
    ):
        use_database(database)
        migrations.upgrade(database)
        with fleet(discord, database, Path(folder), agent_lease_seconds=60) as ships:
            settings = {} if kind == "echo" else {"settings": {}}
            bots = [ships.echo(f"agent-{n:02}", type=kind, **settings) for n in range(count)]
            if last:  # a type that the API does not know
                update("agents", {"type": last, "settings": {}}, {"name": f"agent-{count - 1}"})
            began = time.monotonic()
            service = ships.start("bench.support.agents_process", **PLAIN, AGENTS_SYNC_INTERVAL="1")
            discord.wait_until(lambda: all(bot.connected for bot in bots), PATIENCE)
            discord.wait_until(lambda: _all_online(), PATIENCE)
            ready_after = max(at for bot in bots for at in bot.identified) - began
            time.sleep(2)
            yield Running(ships, bots, psutil.Process(service.pid), ready_after)
            _end(service)


def _all_online() -> bool:
    return {row["status"]["state"] for row in agents.list_all()} == {"online"}


def _end(service: Service) -> None:
    service.terminate()
    assert service.exit_code() == 0


def _throughput(running: Running) -> None:
    """Have every agent but the last answer as fast as it can."""
    discord, echoes = running.ships.discord, running.bots[:-1]
    answered = len(discord.posts)
    cpu, began = running.cpu, time.monotonic()
    for number in range(MESSAGES):
        discord.say(str(1000 + number), "hello", echoes[number % len(echoes)])
        open_ones = number - AT_ONCE + answered
        discord.wait_until(lambda wanted=open_ones: len(discord.posts) > wanted, PATIENCE)
    discord.wait_until(lambda: len(discord.posts) >= answered + MESSAGES, PATIENCE)
    seconds, cpu = time.monotonic() - began, running.cpu - cpu
    print(
        f"echo: {MESSAGES / seconds:.0f} messages per second, each {1000 * cpu / MESSAGES:.2f} ms "
        f"of the processor: {MESSAGES / cpu:.0f} per second where it has one to itself"
    )


def _latencies(running: Running, seconds: float) -> list[float]:
    """Write to the agents in turn; return how long each answer took, in milliseconds."""
    discord, echoes = running.ships.discord, running.bots[:-1]
    said: dict[str, float] = {}
    until = time.monotonic() + seconds
    number = 0
    before = len(discord.posts)
    while time.monotonic() < until:
        number += 1
        person = str(10_000 + number)
        said[person] = time.monotonic()
        discord.say(person, "hello", echoes[number % len(echoes)])
        time.sleep(1 / PER_SECOND)
    answers = lambda: [post for post in discord.posts[before:] if post.user_id in said]  # noqa: E731
    discord.wait_until(lambda: len(answers()) == len(said), PATIENCE)
    return [1000 * (post.at - said[post.user_id]) for post in answers()]


def _block(running: Running) -> list[float]:
    """Measure the same while the last agent blocks its thread."""
    discord, blocking = running.ships.discord, running.bots[-1]
    discord.say("9", str(BLOCKED_SECONDS), blocking)
    time.sleep(0.5)
    found = _latencies(running, CALM_SECONDS)
    assert not any(post.bot is blocking for post in discord.posts), "it no longer blocks"
    discord.wait_until(lambda: any(post.bot is blocking for post in discord.posts), PATIENCE)
    return found


def _print_latencies(title: str, found: Sequence[float]) -> None:
    ordered = sorted(found)
    p50, p99 = (ordered[int(len(ordered) * part)] for part in (0.5, 0.99))
    print(f"answers while {title}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {ordered[-1]:.1f} ms")
