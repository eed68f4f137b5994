"""`manage.py agents`: agents are added, changed, switched on and off, and removed."""

from typing import Annotated

import typer

from cli.agents.questions import ask_for_agent, ask_for_token
from cli.agents.values import Changes
from cli.errors import fail
from cli.preparation import prepare_database
from core import agents

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


def add(
    name: OptionalName = None,
    type_: Type = None,
    token: TokenOption = None,
    set_: Set = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Don't start it yet.")] = False,
) -> None:
    """Make an agent; what is not given is asked for; the token is not shown."""
    prepare_database()
    given = Changes.read(set_ or [])
    if name is None or type_ is None:
        name, type_, definition = ask_for_agent(name, type_, given)
    else:
        definition = given.of(type_, {})
    agents.add(name, ask_for_token(token), {"enabled": not disabled, **definition, "type": type_})
    typer.echo(f"Added {name}." + ("" if disabled else " It starts within seconds."))


def edit(
    name: Name,
    type_: Type = None,
    token: TokenOption = None,
    new_token: Annotated[bool, typer.Option("--new-token", help="Ask for a token.")] = False,
    set_: Set = None,
    unset: Unset = None,
) -> None:
    """Change an agent; the service takes it in within seconds."""
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


def enable(name: Name) -> None:
    """Have an agent run."""
    _switch(name, True)


def disable(name: Name) -> None:
    """Have an agent stop; it keeps its settings and what it remembers."""
    _switch(name, False)


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Delete an agent, with all that it remembers."""
    prepare_database()
    agents.find(name)
    if not yes:
        typer.confirm(f"Delete {name}, and all that it remembers?", abort=True)
    agents.remove(name)
    typer.echo(f"Removed {name}.")


def rotate_keys() -> None:
    """Seal every token with the first of AGENT_TOKEN_KEYS; then the others can go."""
    prepare_database()
    count = agents.reseal()
    typer.echo(f"Sealed {count} token{'' if count == 1 else 's'} with the first key.")


def _switch(name: str, enabled: bool) -> None:
    prepare_database()
    agents.edit(name, {"enabled": enabled})
    typer.echo(f"{'Enabled' if enabled else 'Disabled'} {name}.")
