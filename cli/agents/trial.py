"""`manage.py agents test`: one exchange with an agent in the terminal, without Discord."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Annotated, Any

import typer

from bot.agent import Services, load_agent_types
from bot.api.client import ApiClient
from bot.console import account
from bot.markdown import plain
from bot.messages import Address, Incoming, WholeDraft
from bot.runtime.agent_spec import Plan, Planner
from bot.runtime.inbox import Inbox
from bot.runtime.supervisor import AgentRefused, DesiredAgent
from cli.errors import fail
from cli.preparation import open_database
from cli.services import services
from config.sealing import Sealer
from config.settings import Settings, get_settings
from core import agents
from runtime.logs import configure_logging

PLATFORM = "console"


def test(
    name: Annotated[str, typer.Argument(help="The agent's name.")],
    text: Annotated[str, typer.Argument(help="What you say to it.")],
) -> None:
    """Say one thing to an agent and print what it answers, enabled or not."""
    settings = get_settings()
    settings = settings.model_copy(
        update={
            "log_file": settings.log_file or settings.data_dir / "bot.log",
            "api_port": 0,  # a running service is not disturbed
            "metrics_port": 0,
        }
    )
    configure_logging(settings)
    with open_database(settings) as database, services(settings, database) as api_url:
        row = agents.find(name)
        settings = settings.model_copy(update={"api_url": api_url})
        asyncio.run(_exchange(settings, row, text))


async def _exchange(settings: Settings, row: dict[str, Any], text: str) -> None:
    wanted = ("name", "type", "token", "answers", "settings", "revision")
    api = ApiClient(settings.api_url, settings.service_key.get_secret_value())
    try:
        planner = Planner(load_agent_types(), Sealer(settings))
        kind, config = planner.configure(DesiredAgent(**{name: row[name] for name in wanted}))
        shared = Services(api, settings)
        agent = Plan(kind, config, token="").make_agent(shared)
        try:
            address = Address(PLATFORM, row["name"], account())
            await Inbox(agent, shared).handle(Incoming(address, PLATFORM, text), Terminal())
        finally:
            await agent.close()
    except AgentRefused as error:
        raise fail(f"{row['name']}: {error}") from error
    finally:
        await api.close()


class Terminal:
    """Prints what the agent answers."""

    async def send(self, text: str, buttons: Sequence[object] = (), question: str = "") -> None:
        """Print one reply."""
        typer.echo(plain(text))

    def draft(self) -> AbstractAsyncContextManager[Any]:
        """Print a reply once it is complete."""
        return WholeDraft(self.send)

    def expect_secret(self) -> bool:
        """Say that nothing more will be typed."""
        return False

    def typing(self) -> AbstractAsyncContextManager[object]:
        """Do nothing."""
        return nullcontext()
