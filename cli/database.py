"""`manage.py db`: the database and its migrations."""

from pathlib import Path
from typing import Annotated

import typer

from cli.exits import settings_or_exit

app = typer.Typer(no_args_is_help=True, help="The database and its migrations.")


def shown(path: Path) -> str:
    """Return a path as a reader finds it: from the working directory, where it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@app.command()
def upgrade() -> None:
    """Bring the database up to date."""
    from core import migrations
    from core.database import get_database

    settings_or_exit()
    migrations.upgrade(get_database())
    typer.echo(f"The database is at {migrations.current(get_database())}.")


@app.command()
def current() -> None:
    """Say at which migration the database is."""
    from core import migrations
    from core.database import get_database

    settings_or_exit()
    database = get_database()
    at = migrations.state(database)
    state = "behind" if migrations.pending(database) else "up to date"
    if migrations.is_ahead(at):
        state = "ahead, compatible with this program"
    typer.echo(f"{at.revision or 'empty'} ({state})")


@app.command()
def check() -> None:
    """Compare the database with the tables that the program declares; 1 where they differ."""
    from api.discovery import load_routes
    from core import migrations, tables
    from core.database import get_database

    settings_or_exit()
    load_routes()
    found = migrations.differences(get_database(), tables.metadata)
    for difference in found:
        typer.echo(str(difference))
    if found:
        typer.echo("The database differs: `db upgrade` brings it up to date, `db revision` writes.")
        raise typer.Exit(1)
    typer.echo("The database is as the program declares it.")


@app.command()
def revision(message: Annotated[str, typer.Argument(help="What changes, in a few words.")]) -> None:
    """Write a migration from what has changed in the tables."""
    from api.discovery import load_routes
    from core import migrations, tables
    from core.database import get_database

    settings_or_exit()
    load_routes()
    path = migrations.revision(get_database(), tables.metadata, message)
    typer.echo(f"Wrote {shown(path)}. Read it before you commit it.")
