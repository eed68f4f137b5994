"""`manage.py users`: who may manage agents over the API."""

from typing import Annotated

import typer

from cli.data.tables import show_table
from core import users

Username = Annotated[str, typer.Argument(help="The user's name.")]


def promote(username: Username) -> None:
    """Make a user an administrator."""
    users.set_role(username, "admin")
    typer.echo(f"{username} is an administrator.")


def demote(username: Username) -> None:
    """Take an administrator's rights away, at once."""
    users.set_role(username, "user")
    typer.echo(f"{username} is no administrator.")


def list_(
    admins: Annotated[bool, typer.Option("--admins", help="Administrators only.")] = False,
) -> None:
    """List the users."""
    rows = users.list_users("admin" if admins else None)
    show_table(
        ("name", "called", "role", "since"),
        [
            (row["username"], row["display_name"], row["role"], f"{row['created_at']:%Y-%m-%d}")
            for row in rows
        ],
        empty="There are no users yet.",
    )
