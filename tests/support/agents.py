"""Agents in the database, and the bot's processes that run them on a stand-in of Discord."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from api.main import create_app
from config.settings import get_settings
from core import agents
from core.db.engine import Database
from tests.support.api import running
from tests.support.discord_gateway import Bot
from tests.support.discord_server import DiscordServer
from tests.support.process import Service, service

LEASE_SECONDS = 3.0
INTERVAL = 0.2
PATIENCE = 60.0  # processes start slowly where many do at once


class Fleet:
    """An API, a Discord, and as many processes of the bot as are started."""

    def __init__(self, discord: DiscordServer, url: str, folder: Path, stack: ExitStack) -> None:
        self.discord = discord
        self.url = url
        self._folder = folder
        self._stack = stack
        self._started = 0

    def start(self, module: str = "bot.bot", **settings: str) -> Service:
        """Start a process of the bot."""
        self._started += 1
        common = {
            "API_URL": self.url,
            "DISCORD_API_URL": self.discord.url,
            "AGENTS_SYNC_INTERVAL": str(INTERVAL),
        }
        log = self._folder / f"log {self._started}"
        return self._stack.enter_context(service(module, log, **common | settings))

    def warnings(self) -> str:
        """What the processes had to say that was no good news."""
        lines = (line for log in self._folder.glob("log *") for line in log.read_text().split("\n"))
        return "\n".join(sorted(line for line in lines if " WARNING " in line or " ERROR " in line))

    def echo(self, name: str, bot: Bot | None = None, **definition: Any) -> Bot:  # noqa: ANN401
        """Make an echo agent that says its name before what it is told; return its bot."""
        bot = bot or self.discord.add_bot()
        whole = {"type": "echo", "settings": {"prefix": f"{name}: "}} | definition
        agents.add(name, bot.token, whole)
        return bot

    def online(self, *bots: Bot) -> None:
        """Wait until these are connected."""
        self.discord.wait_until(lambda: all(bot.connected for bot in bots), PATIENCE)

    def status(self, name: str) -> dict[str, Any]:
        """How an agent is doing, as the database knows."""
        return dict(agents.find(name)["status"])

    def wait_for(self, name: str, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait until an agent is doing so; return how it is doing then."""
        self.discord.wait_until(lambda: condition(self.status(name)), PATIENCE)
        return self.status(name)

    def ask(self, bot: Bot, text: str, user_id: str = "42") -> str:
        """Write to a bot; return what it answers."""
        before = len(self.discord.posts)
        self.discord.say(user_id, text, bot)

        def answers() -> list[str]:
            return [post.text for post in self.discord.posts[before:] if post.bot is bot]

        self.discord.wait_until(answers)
        return answers()[0]


@contextmanager
def fleet(
    discord: DiscordServer, database: Database, folder: Path, **settings: object
) -> Iterator[Fleet]:
    """Run an API for a fleet; its processes are dead at the end."""
    changed = get_settings().model_copy(update={"agent_lease_seconds": LEASE_SECONDS} | settings)
    with running(create_app(changed, database)) as url, ExitStack() as stack:
        yield Fleet(discord, url, folder, stack)
