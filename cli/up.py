"""`manage.py up` and `chat`: the conversation, with everything else in the same process or not."""

import asyncio
from typing import Annotated

import typer

from api.console import first_link
from bot.agent import load_agent_types
from bot.mcp import mcp_server
from cli.errors import shown
from cli.lazy import load
from cli.preparation import open_database
from cli.services import services
from config.settings import Settings, get_settings
from core import agents
from runtime.logs import configure_logging
from runtime.metrics import metrics_server


def up(
    chat: Annotated[str | None, typer.Option(help="Answer this one order and end.")] = None,
) -> None:
    """Start everything in one process: database, API, scheduler and the conversation."""
    settings = get_settings()
    with open_database(settings) as database:
        in_terminal = chat is not None or not _has_bots(settings)
        if in_terminal and settings.log_file is None:  # the screen belongs to the conversation
            settings = settings.model_copy(update={"log_file": settings.data_dir / "bot.log"})
        configure_logging(settings)
        if chat is not None:  # one order disturbs no running service
            ports = dict.fromkeys(("api_port", "metrics_port", "mcp_port"), 0)
            settings = settings.model_copy(update=ports)
        with metrics_server(settings), services(settings, database) as api_url:
            settings = settings.model_copy(update={"api_url": api_url})
            if chat is None:
                typer.echo(_welcome(settings, in_terminal=in_terminal))
                if link := first_link.make(settings, api_url):
                    typer.echo(f"Console: {link} signs you in once, as administrator.")
            with mcp_server(settings):
                code = asyncio.run(_converse(settings, chat, in_terminal=in_terminal))
    raise typer.Exit(code)


def chat(text: Annotated[str | None, typer.Argument(help="One order; none: talk.")] = None) -> None:
    """Talk to the bot in the terminal, with the API that runs at API_URL."""
    settings = get_settings()
    settings = settings.model_copy(
        update={"log_file": settings.log_file or settings.data_dir / "bot.log"}
    )
    configure_logging(settings)
    raise typer.Exit(asyncio.run(_converse(settings, text, in_terminal=True)))


def _has_bots(settings: Settings) -> bool:
    """Say whether there is anything to run on Discord: agents, or a token in the environment."""
    return settings.discord_bot_token is not None or bool(agents.list_all())


async def _converse(settings: Settings, text: str | None, *, in_terminal: bool) -> int:
    """Hold the conversation where it takes place; return the exit code."""
    if in_terminal:
        return int(await load("bot.console:run_console")(settings, text))
    return int(await load("bot.bot:run_discord")(settings, load_agent_types()))


def _welcome(settings: Settings, *, in_terminal: bool) -> str:
    """Say in five lines or fewer what runs, what is missing for more, and where to set it."""
    lines = [
        f"Started: {settings.sqlalchemy_url.get_dialect().name} database, "
        f"API on {settings.api_url}, scheduler, "
        + ("conversation in this terminal." if in_terminal else "conversation on Discord.")
    ]
    if in_terminal:
        lines.append("For Discord set DISCORD_BOT_TOKEN in config/.env (README: Discord).")
    if settings.openrouter_api_key is None:
        lines.append(
            "No model key: only the sentences in `help` are understood. "
            "For more set OPENROUTER_API_KEY in config/.env."
        )
    if settings.log_file:
        lines.append(f"Logs: {shown(settings.log_file)}. Ctrl-D ends.")
    return "\n".join(lines)
