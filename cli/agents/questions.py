"""The questions that `manage.py agents add` asks, made from the schema of agents."""

import sys
from collections.abc import Sequence

import typer

from bot.agent import load_agent_types
from cli.agents.values import Changes, Row, Schema, kinds, known_fields, read_value
from cli.errors import fail
from config.sealing import REFERENCE
from core.agents.validation import check_name, problems_of
from core.postgres import exists

FROM_INPUT = "-"
HOW_TO_GIVE_IT = "env:NAME for a variable that holds it, or - to read it from the standard input"
WHO = "answers.direct_messages"
UNLIKELY = {"array", "boolean", "integer", "null", "number", "object"}
"""Kinds of settings whose defaults suit most; they are asked for on request."""


def ask_for_token(given: str | None) -> str:
    """Return a token or reference: as given, from the standard input, or typed without echo."""
    if given == FROM_INPUT:
        return sys.stdin.readline().strip()
    if given is not None:
        if not given.startswith(REFERENCE):
            raise fail(
                "A token on the command line can be seen by others and stays in the shell's "
                f"history. Give {HOW_TO_GIVE_IT}."
            )
        return given
    if not sys.stdin.isatty():
        raise fail(f"Give a --token: {HOW_TO_GIVE_IT}.")
    return str(typer.prompt("The bot's token, or env:NAME (not shown)", hide_input=True)).strip()


def ask_for_agent(name: str | None, type_: str | None, given: Changes) -> tuple[str, str, Row]:
    """Ask for what was not given of a new agent; return its name, its type and its definition."""
    if not sys.stdin.isatty():
        raise fail("Give a name and a --type; without a terminal nothing can be asked.")
    name = name or str(typer.prompt("Name"))
    check_name(name)
    if exists("agents", {"name": name}):
        raise fail(f"There is an agent called {name} already.")
    known = known_types()
    if type_ is None:
        for kind, about in known.items():
            typer.echo(f"  {kind}: {about}")
    while type_ not in known:
        type_ = _prompt("Type", next(iter(known)), list(known))
    fields = known_fields(type_)
    definition = given.of(type_, {})
    own = [key for key in fields if key.startswith("settings.") and key not in given.values]
    first = [WHO] if WHO not in given.values else []
    first += [key for key in own if fields[key]["needed"] or not kinds(fields[key]) & UNLIKELY]
    rest = [key for key in own if key not in first]
    for key in first:
        _ask(key, fields[key], type_, definition)
    if rest and typer.confirm("Go through its other settings too?", default=False):
        for key in rest:
            _ask(key, fields[key], type_, definition)
    return name, type_, definition


def known_types() -> dict[str, str]:
    """Return what each type of agent does, by its name."""
    return {name: agent_type.description for name, agent_type in load_agent_types().items()}


def _ask(key: str, schema: Schema, type_: str, definition: Row) -> None:
    """Ask for one value until it is good, and keep it where it is not the default."""
    part, _, name = key.partition(".")
    default = schema.get("default")
    shown = ", ".join(map(str, default)) if isinstance(default, list) else default
    about = schema.get("description", "")
    if examples := schema.get("examples"):
        about += f" Such as {examples[0] if isinstance(examples[0], str) else examples[0][0]}."
    typer.echo(f"  {about}")
    words = name.replace("_", " ").capitalize()
    while True:
        value = read_value(_prompt(words, shown, schema.get("enum"), schema["needed"]), schema)
        if value == default:
            return
        whole = {"type": type_, part: {name: value}}
        problems = [one for one in problems_of(whole) if one.startswith(key)]
        if not problems:
            definition.setdefault(part, {})[name] = value
            return
        typer.secho(problems[0], fg="red")


def _prompt(
    words: str, default: object, choices: Sequence[object] | None, needed: bool = False
) -> str:
    if choices:
        words += f" ({', '.join(map(str, choices))})"
    shown = default not in (None, "")
    given = None if needed and not shown else str("" if default is None else default)
    return str(typer.prompt(words, default=given, show_default=shown))
