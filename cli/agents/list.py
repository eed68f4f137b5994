"""`manage.py agents list` and `show`."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from cli.agents.yaml_files import write_yaml
from cli.data.tables import show_table
from cli.preparation import prepare_database
from core import agents
from core.db.compiled import Row
from runtime.clock import utc_now

Name = Annotated[str, typer.Argument(help="The agent's name.")]


def list_() -> None:
    """List the agents and how they are doing."""
    prepare_database()
    now = utc_now()
    show_table(
        ("name", "type", "state", "since", "guilds", "latency", "last error"),
        [_line(row, now) for row in agents.list_all()],
        empty="There are no agents yet: `manage.py agents add` makes one.",
    )


def show(name: Name) -> None:
    """Show all that is known of an agent, except its token."""
    prepare_database()
    row = agents.find(name)
    status = {key: value for key, value in row.pop("status").items() if value is not None}
    row = {key: value for key, value in row.items() if value is not None}
    typer.echo(write_yaml({**row, "status": status}), nl=False)


def _line(row: Row, now: datetime) -> tuple[object, ...]:
    status = row["status"]
    latency = status["latency_ms"]
    return (
        row["name"],
        row["type"],
        status["state"],
        _ago(now - status["since"]) if status["since"] else None,
        status["guilds"],
        None if latency is None else f"{latency:.0f} ms",
        status["error"],
    )


def _ago(passed: timedelta) -> str:
    """Return how long ago something was, in its largest unit."""
    seconds = max(0, int(passed.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
