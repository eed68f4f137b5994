"""`manage.py agents`: the agents in the database, from a terminal or a script."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from cli.agent_files import apply, export
from cli.agent_logs import logs
from cli.agent_questions import ask_for_agent, ask_for_token
from cli.agent_trial import test
from cli.agent_values import Changes
from cli.exits import fail, prepare_database
from cli.tables import show_table
from cli.yaml_files import write_yaml
from config.clock import utc_now

app = typer.Typer(no_args_is_help=True, help="The agents: bots of one service, each its own.")
app.command()(apply)
app.command()(export)
app.command()(logs)
app.command()(test)

Row = dict[str, Any]
Name = Annotated[str, typer.Argument(help="The agent's name.")]
OptionalName = Annotated[str | None, typer.Argument(help="Small letters, digits, - and _.")]
Type = Annotated[str | None, typer.Option("--type", help="What answers: commands, echo, llm.")]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token", help="env:NAME, the variable that holds it; - reads it from the standard input."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="A value, such as settings.prefix='> ', answers.direct_messages=off, memory_days=30.",
    ),
]
Unset = Annotated[list[str] | None, typer.Option(help="Back to the default: settings.prefix.")]


@app.command("list")
def list_() -> None:
    """List the agents and how they are doing."""
    from core import agents

    prepare_database()
    now = utc_now()
    show_table(
        ("name", "type", "state", "since", "guilds", "latency", "last error"),
        [_line(row, now) for row in agents.list_all()],
        empty="There are no agents yet: `manage.py agents add` makes one.",
    )


@app.command()
def show(name: Name) -> None:
    """Show all that is known of an agent, except its token."""
    from core import agents

    prepare_database()
    row = agents.find(name)
    status = {key: value for key, value in row.pop("status").items() if value is not None}
    row = {key: value for key, value in row.items() if value is not None}
    typer.echo(write_yaml({**row, "status": status}), nl=False)


@app.command()
def add(
    name: OptionalName = None,
    type_: Type = None,
    token: TokenOption = None,
    set_: Set = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Don't start it yet.")] = False,
) -> None:
    """Make an agent; what is not given is asked for, the token unseen."""
    from core import agents

    prepare_database()
    given = Changes.read(set_ or [])
    if name is None or type_ is None:
        name, type_, definition = ask_for_agent(name, type_, given)
    else:
        definition = given.of(type_, {})
    agents.add(name, ask_for_token(token), {"enabled": not disabled, **definition, "type": type_})
    typer.echo(f"Added {name}." + ("" if disabled else " It starts within seconds."))


@app.command()
def edit(
    name: Name,
    type_: Type = None,
    token: TokenOption = None,
    new_token: Annotated[bool, typer.Option("--new-token", help="Ask for a token.")] = False,
    set_: Set = None,
    unset: Unset = None,
) -> None:
    """Change an agent; the service takes it in within seconds."""
    from core import agents

    prepare_database()
    row = agents.find(name)
    if type_ not in (None, row["type"]):
        row["settings"] = {}  # those of the other type mean nothing here
    changes = Changes.read(set_ or [], unset or []).of(type_ or row["type"], row)
    if type_ is not None:
        changes = {"type": type_, "settings": row["settings"], **changes}
    secret = ask_for_token(token) if token or new_token else None
    if not changes and secret is None:
        raise fail("There is nothing to change: name it with --set, --unset, --type or --token.")
    changed = agents.edit(name, changes, secret)
    said = "Changed" if changed["revision"] != row["revision"] else "Nothing was different in"
    typer.echo(f"{said} {name}.")


@app.command()
def enable(name: Name) -> None:
    """Have an agent run."""
    _switch(name, True)


@app.command()
def disable(name: Name) -> None:
    """Have an agent stop; it keeps its settings and what it remembers."""
    _switch(name, False)


@app.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Delete an agent, with all that it remembers."""
    from core import agents

    prepare_database()
    agents.find(name)
    if not yes:
        typer.confirm(f"Delete {name}, and all that it remembers?", abort=True)
    agents.remove(name)
    typer.echo(f"Removed {name}.")


@app.command("rotate-keys")
def rotate_keys() -> None:
    """Seal every token with the first of AGENT_TOKEN_KEYS; then the others can go."""
    from core import agents

    prepare_database()
    count = agents.reseal()
    typer.echo(f"Sealed {count} token{'' if count == 1 else 's'} with the first key.")


def _switch(name: str, enabled: bool) -> None:
    from core import agents

    prepare_database()
    agents.edit(name, {"enabled": enabled})
    typer.echo(f"{'Enabled' if enabled else 'Disabled'} {name}.")


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
