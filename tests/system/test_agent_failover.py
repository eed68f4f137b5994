"""A minute of traffic while agents are killed, disabled, edited and given other tokens.

What "answered once" means:

- No message is ever answered twice, whatever happens to who runs the agent.
- A message that reaches an agent which then stays connected is answered once.
- Discord keeps no messages for a bot that is not there, and a process that is killed takes those
  with it that it had received and not answered. A person who hears nothing says it again, and that
  is another message. So it is done here, and in the end everything that was said has its answer.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core import agents
from core.db.engine import Database
from tests.support.agents import Fleet, fleet
from tests.support.databases import on_postgresql
from tests.support.discord_gateway import Bot
from tests.support.discord_server import DiscordServer, discord_server
from tests.support.process import Service

SECONDS = 60.0
AGENTS = 8
PROCESSES = 3
LEASE_SECONDS = 10.0
BETWEEN_KILLS = 15.0
BETWEEN_MESSAGES = 0.1
BETWEEN_BLOWS = (0.5, 2.0)
DICE = random.Random()  # noqa: S311 - no secret comes of it
STAYS = 3.0  # seconds that a connection has to last for an answer to be owed
SAYS_AGAIN = 5.0  # seconds after which a person who hears nothing says it again
PATIENCE = 60.0  # to recover, on a busy machine


@dataclass(frozen=True)
class Said:
    """One message that a person has written."""

    bot: Bot
    topic: int  # what it is about; the same when it is said again
    text: str
    message_id: str
    at: float


@dataclass
class Traffic:
    """People who write all the time."""

    discord: DiscordServer
    bots: list[Bot]
    said: list[Said] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._stop.wait(BETWEEN_MESSAGES):
            self.say(len(self.said), DICE.choice(self.bots))

    def stop(self) -> None:
        self._stop.set()

    def say(self, topic: int, bot: Bot) -> None:
        text = f"message {len(self.said)} about {topic}."
        number = self.discord.say(str(1000 + topic), text, bot)
        self.said.append(Said(bot, topic, text, number, time.monotonic()))

    def answers(self) -> Counter[str]:
        """How often each text was answered."""
        return Counter(post.text.partition("> ")[2] for post in self.discord.posts)

    def unanswered(self) -> list[Said]:
        """The latest message about each topic that nothing was answered to."""
        answers = self.answers()
        latest = {said.topic: said for said in self.said}
        done = {said.topic for said in self.said if answers[said.text]}
        return [said for topic, said in latest.items() if topic not in done]

    def say_again_until_answered(self) -> None:
        """Say again what was not answered for long, until everything has its answer."""
        deadline = time.monotonic() + PATIENCE
        while unanswered := self.unanswered():
            assert time.monotonic() < deadline, unanswered
            for said in unanswered:
                if said.at < time.monotonic() - SAYS_AGAIN:
                    self.say(said.topic, said.bot)
            time.sleep(BETWEEN_MESSAGES)

    def owed(self) -> list[Said]:
        """What reached an agent that stayed connected."""
        return [said for said in self.said if self._is_owed(said)]

    def _is_owed(self, said: Said) -> bool:
        return any(
            session.ended_at is None or session.ended_at > said.at + STAYS
            for session in self.discord.heard.get(said.message_id, [])
        )


@pytest.fixture
def discord() -> Iterator[DiscordServer]:
    with discord_server() as server:
        yield server


class Blows:
    """What is done to the agents."""

    def __init__(self, ships: Fleet, bots: dict[str, Bot]) -> None:
        self.dealt: Counter[str] = Counter()
        self._ships = ships
        self._bots = bots
        self._processes: list[Service] = [ships.start() for _ in range(PROCESSES)]
        self._edits = 0
        self._killed_at = 0.0

    def deal(self) -> None:
        """Do something bad to somebody."""
        blows: list[Callable[[str, Bot], None]] = [
            self.kill,
            self.switch,
            self.give_another_token,
            self.edit,
            self.confuse,
            self.cut_off,
        ]
        blow = DICE.choice(blows)
        self.dealt[blow.__name__] += 1
        blow(*DICE.choice(list(self._bots.items())))

    def kill(self, name: str, bot: Bot) -> None:
        if time.monotonic() < self._killed_at + BETWEEN_KILLS:
            self.edit(name, bot)
            return
        self._killed_at = time.monotonic()
        self._processes.pop(DICE.randrange(PROCESSES)).kill()
        self._processes.append(self._ships.start())

    def switch(self, name: str, _bot: Bot) -> None:
        agents.edit(name, {"enabled": not agents.find(name)["enabled"]})

    def give_another_token(self, name: str, bot: Bot) -> None:
        agents.edit(name, {}, token=self._ships.discord.reset_token(bot))

    def edit(self, name: str, _bot: Bot) -> None:
        self._edits += 1
        agents.edit(name, {"settings": {"prefix": f"{name} {self._edits}> "}})

    def confuse(self, _name: str, bot: Bot) -> None:
        self._ships.discord.malformed(bot)

    def cut_off(self, _name: str, bot: Bot) -> None:
        self._ships.discord.drop_connections(4000, bot)

    def end(self) -> None:
        """Leave everybody in peace, and wait until they have recovered."""
        for name in self._bots:
            agents.edit(name, {"enabled": True})
        self._ships.discord.wait_until(
            lambda: all(row["status"]["state"] == "online" for row in agents.list_all()), PATIENCE
        )

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        assert [process.exit_code() for process in self._processes] == [0] * PROCESSES


@pytest.mark.slow
@on_postgresql
def test_every_message_is_answered_once(
    discord: DiscordServer, database: Database, tmp_path: Path
) -> None:
    with fleet(discord, database, tmp_path, agent_lease_seconds=LEASE_SECONDS) as ships:
        bots = {
            f"agent-{number}": ships.echo(
                f"agent-{number}",
                discord.add_bot(max_concurrency=16),
                settings={"prefix": f"agent-{number} 0> "},
            )
            for number in range(AGENTS)
        }
        blows = Blows(ships, bots)
        ships.online(*bots.values())
        traffic = Traffic(discord, list(bots.values()))
        people = threading.Thread(target=traffic.run)
        people.start()
        try:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                time.sleep(DICE.uniform(*BETWEEN_BLOWS))
                blows.deal()
            blows.end()
        finally:
            traffic.stop()
            people.join()
        first = len(traffic.said)
        traffic.say_again_until_answered()
        owed = traffic.owed()
        discord.wait_until(lambda: all(traffic.answers()[said.text] for said in owed), PATIENCE)
        assert max(traffic.answers().values()) == 1
        blows.stop()
    assert len(blows.dealt) == 6
    assert len(owed) > first / 10
