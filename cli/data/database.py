"""`manage.py db`: the database and its migrations."""

from typing import Annotated

import typer

from api.discovery import load_routes
from cli.errors import shown
from core import migrations, tables
from core.db.engine import get_database


def upgrade() -> None:
    """Bring the database up to date."""
    migrations.upgrade(get_database())
    typer.echo(f"The database is at {migrations.current(get_database())}.")


def current() -> None:
    """Say at which migration the database is."""
    database = get_database()
    at = migrations.state(database)
    state = "behind" if migrations.pending(database) else "up to date"
    if migrations.is_ahead(at):
        state = "ahead, compatible with this program"
    typer.echo(f"{at.revision or 'empty'} ({state})")


def check() -> None:
    """Compare the database with the tables that the program declares; 1 where they differ."""
    database = get_database()
    load_routes()
    found = migrations.differences(database, tables.metadata)
    for difference in found:
        typer.echo(str(difference))
    if found:
        typer.echo("The database differs: `db upgrade` brings it up to date, `db revision` writes.")
        raise typer.Exit(1)
    typer.echo("The database is as the program declares it.")


def revision(
    message: Annotated[str, typer.Argument(help="What changes, in a few words.")],
    drop: Annotated[
        list[str] | None,
        typer.Option(help="A table to drop, which no module declares any more; may be repeated."),
    ] = None,
) -> None:
    """Write a migration from what has changed in the tables; no database is needed."""
    load_routes()
    path = migrations.revision(tables.metadata, message, dropped=drop or ())
    typer.echo(f"Wrote {shown(path)}. Read it before you commit it.")


def merge() -> None:
    """Join the migrations that both come last after a merge; say so where there are none."""
    path = migrations.merge()
    typer.echo(f"Wrote {shown(path)}." if path else "There is a single line of migrations.")
