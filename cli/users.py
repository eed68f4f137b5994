"""`manage.py users`: who may manage agents over the API."""

from typing import Annotated

import typer

from cli.exits import settings_or_exit

app = typer.Typer(no_args_is_help=True, help="Users and their roles.")

Username = Annotated[str, typer.Argument(help="The user's name.")]


@app.command()
def promote(username: Username) -> None:
    """Make a user an administrator."""
    from core import users

    settings_or_exit()
    users.set_role(username, "admin")
    typer.echo(f"{username} is an administrator.")


@app.command()
def demote(username: Username) -> None:
    """Take an administrator's rights away, at once."""
    from core import users

    settings_or_exit()
    users.set_role(username, "user")
    typer.echo(f"{username} is no administrator.")


@app.command("list")
def list_(
    admins: Annotated[bool, typer.Option("--admins", help="Administrators only.")] = False,
) -> None:
    """List the users."""
    from cli.tables import show_table
    from core import users

    settings_or_exit()
    rows = users.list_users("admin" if admins else None)
    show_table(
        ("name", "called", "role", "since"),
        [
            (row["username"], row["display_name"], row["role"], f"{row['created_at']:%Y-%m-%d}")
            for row in rows
        ],
        empty="There are no users yet.",
    )
