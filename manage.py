"""The one command line: `python manage.py --help`.

This is the composition root: the only place that knows every room and puts them together.
"""

import asyncio
from typing import Annotated

import typer

import cli.agents
import cli.database
import cli.deliveries
import cli.users
from cli.backup import backup, restore
from cli.database import shown
from cli.doctor import doctor
from cli.exits import fail, settings_or_exit
from cli.new_domain import new_domain
from cli.secrets import secrets
from cli.services import open_database, services
from config.logs import configure_logging
from config.metrics import serving
from config.settings import ROOT, Settings
from core.errors import AppError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(cli.agents.app, name="agents")
app.add_typer(cli.database.app, name="db")
app.add_typer(cli.deliveries.app, name="deliveries")
app.add_typer(cli.users.app, name="users")
app.command()(doctor)
app.command()(backup)
app.command()(restore)
app.command()(new_domain)
app.command()(secrets)

SCHEMA = ROOT / "config" / "schema.sql"


@app.command()
def up(
    chat: Annotated[str | None, typer.Option(help="Answer this one order and end.")] = None,
) -> None:
    """Start everything in one process: database, API, scheduler and the conversation."""
    settings = settings_or_exit()
    with open_database(settings) as database:
        in_terminal = chat is not None or not _has_bots(settings)
        if in_terminal and settings.log_file is None:  # the screen belongs to the conversation
            settings = settings.model_copy(update={"log_file": settings.data_dir / "bot.log"})
        configure_logging(settings)
        if chat is not None:  # one order disturbs no running service
            settings = settings.model_copy(update={"api_port": 0, "metrics_port": 0})
        with serving(settings), services(settings, database) as api_url:
            settings = settings.model_copy(update={"api_url": api_url})
            if chat is None:
                typer.echo(_welcome(settings, in_terminal=in_terminal))
            code = asyncio.run(_converse(settings, chat, in_terminal=in_terminal))
    raise typer.Exit(code)


@app.command()
def chat(text: Annotated[str | None, typer.Argument(help="One order; none: talk.")] = None) -> None:
    """Talk to the bot in the terminal, with the API that runs at API_URL."""
    settings = settings_or_exit()
    settings = settings.model_copy(
        update={"log_file": settings.log_file or settings.data_dir / "bot.log"}
    )
    configure_logging(settings)
    raise typer.Exit(asyncio.run(_converse(settings, text, in_terminal=True)))


def _has_bots(settings: Settings) -> bool:
    """Say whether there is anything to run on Discord: agents, or a token in the environment."""
    from core import agents

    return settings.discord_bot_token is not None or bool(agents.list_all())


async def _converse(settings: Settings, text: str | None, *, in_terminal: bool) -> int:
    """Hold the conversation where it takes place; return the exit code."""
    if in_terminal:
        from bot.transports.console import run_console

        return await run_console(settings, text)
    from bot.bot import run_discord
    from bot.brains import load_brains

    return await run_discord(settings, load_brains())


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


@app.command()
def generate(
    check: Annotated[bool, typer.Option("--check", help="Only say what is out of date.")] = False,
) -> None:
    """Renew the generated files: SQL schema, .env.example, schema of agents, README."""
    from api.discovery import load_routes
    from cli.agent_schema import agents_schema_text
    from core.agent_rules import SCHEMA_FILE
    from core.schema import postgres_ddl
    from core.tables import metadata
    from docs.settings_table import ENV_EXAMPLE, README, env_example, readme_with_table

    load_routes()
    files = {
        SCHEMA: postgres_ddl(metadata),
        SCHEMA_FILE: agents_schema_text(),
        ENV_EXAMPLE: env_example(),
        README: readme_with_table(),
    }
    stale = [
        path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text
    ]
    if check and stale:
        names = ", ".join(shown(path) for path in stale)
        raise fail(f"Out of date: {names}. `make format` renews them.")
    for path in stale:
        path.write_text(files[path], "utf-8")
        typer.echo(f"Renewed {shown(path)}.")


def main() -> None:
    """Run a command; tell what went wrong in one line where that says it all."""
    try:
        app()
    except AppError as error:
        raise SystemExit(fail(str(error)).exit_code) from error


if __name__ == "__main__":
    main()
