"""How a command of manage.py ends when something is wrong."""

import typer

from config.settings import ConfigError, Settings, get_settings


def fail(message: str) -> typer.Exit:
    """Write a message to the error stream; return what to raise (exit code 2)."""
    typer.secho(message, fg="red", err=True)
    return typer.Exit(2)


def prepare_database() -> None:
    """Use the database that the settings name, and bring it up to date."""
    from core import migrations
    from core.database import get_database

    settings_or_exit()
    migrations.upgrade(get_database())


def settings_or_exit() -> Settings:
    """Return this process's settings; where they can't be used, say why and exit with 2."""
    try:
        return get_settings()
    except ConfigError as error:
        raise fail(f"The settings can't be used:\n{error}") from error
