"""`manage.py agents apply` and `export`: agents as YAML files."""

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer
import yaml

from cli.agents.schema import agents_schema
from cli.agents.values import Row
from cli.agents.yaml_files import read_yaml, write_yaml
from cli.errors import fail
from cli.preparation import prepare_database
from core import agents
from core.agents.validation import use_schema
from core.db.engine import transaction
from core.errors import AppError

STANDARD_INPUT = Path("-")
WRITTEN = ("type", "enabled", "token", "answers", "settings", "memory_days")
DEFAULTS: Row = {"enabled": True, "answers": {}, "settings": {}, "memory_days": None}
HEAD = "# yaml-language-server: $schema=agents.schema.json\n"
KEPT = "# {name}: its token is sealed in the database and not written here.\n"


def apply(
    file: Annotated[
        Path, typer.Argument(help="A YAML file, such as config/agents.example.yml; - is the pipe.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove agents that are not in the file.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask before removing.")] = False,
) -> None:
    """Make and change agents as a file says, all or none; again, it changes nothing."""
    prepare_database()
    use_schema(agents_schema())
    wanted = _read(file)
    there = {row["name"]: row for row in agents.list_all()}
    pruned = sorted(there.keys() - wanted.keys()) if prune else []
    if pruned and not (yes or dry_run):
        what = f"Remove {', '.join(pruned)}, and all that they remember?"
        typer.confirm(what, abort=True)
    done: list[str] = []
    try:
        with transaction():
            for name in pruned:
                agents.remove(name)
                done.append(f"removed {name}\n{_difference(name, there[name], None)}")
            for name, entry in _in_order(wanted, there):
                done += _apply_one(name, entry, there.get(name))
            if dry_run:
                raise _OnlyShown
    except _OnlyShown:
        done.append("Nothing was changed: this was a dry run.")
    typer.echo("\n".join(done) or "Everything is as the file says.")


class _OnlyShown(Exception):
    """What was done is to be undone: it was done for show."""


def export(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all, where left out.")] = None,
) -> None:
    """Write agents as a file that `apply` takes; tokens only where they are references."""
    prepare_database()
    rows = [agents.find(name) for name in names] if names else agents.list_all()
    kept = [KEPT.format(name=row["name"]) for row in rows if row["token"] == agents.SEALED]
    entries = {row["name"]: _entry(row) for row in rows}
    typer.echo(HEAD + "".join(kept) + write_yaml({"agents": entries}), nl=False)


def _read(file: Path) -> dict[str, Row]:
    """Return the agents of a file by name, or end the command."""
    try:
        data = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
        whole = read_yaml(data.decode("utf-8"))
    except OSError as error:
        raise fail(f"{file} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise fail(f"{file} is no text in UTF-8.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise fail(f"{file}{where}: {getattr(error, 'problem', 'this is no YAML')}.") from error
    entries = whole["agents"] if isinstance(whole, dict) and [*whole] == ["agents"] else None
    if not isinstance(entries, dict) or not all(isinstance(one, dict) for one in entries.values()):
        raise fail(f"{file}: write `agents:`, and below it each agent by its name.")
    return {str(name): entry for name, entry in entries.items()}


def _in_order(wanted: dict[str, Row], there: dict[str, Row]) -> list[tuple[str, Row]]:
    """Put changes before new agents, so that a token which moves on is free by then."""
    return sorted(wanted.items(), key=lambda item: item[0] not in there)


def _apply_one(name: str, entry: Row, row: Row | None) -> list[str]:
    """Make or change one agent; return what changed, in words and as a diff, or nothing."""
    token = entry.get("token")
    if token is not None and not str(token).startswith("env:"):
        raise fail(f"{name}: token: a file names a variable, env:NAME; it holds no token itself.")
    said = {key: value for key, value in entry.items() if key != "token" and value is not None}
    definition = {**DEFAULTS, **said}
    try:
        if row is None:
            if token is None:
                raise fail(f"{name}: token: a new agent needs one, as env:NAME.")
            after = agents.add(name, token, definition)
        else:
            after = agents.edit(name, definition, token)
    except AppError as error:
        raise fail("\n".join(f"{name}: {line}" for line in str(error).splitlines())) from error
    if row is not None and after["revision"] == row["revision"]:
        return []
    return [f"{'changed' if row else 'added'} {name}\n{_difference(name, row, after)}"]


def _difference(name: str, before: Row | None, after: Row | None) -> str:
    texts = [write_yaml({name: _entry(row, whole=True)}) if row else "" for row in (before, after)]
    old, new = (text.splitlines() for text in texts)
    lines = list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]  # without file names
    return "\n".join(f"  {line}" for line in lines if not line.startswith("@@"))


def _entry(row: Row, whole: bool = False) -> Row:
    """Return an agent as a file has it: what is at its default, and a sealed token, left out."""
    entry = {key: row[key] for key in WRITTEN}
    if not whole and not entry["token"].startswith("env:"):
        del entry["token"]
    return {key: value for key, value in entry.items() if DEFAULTS.get(key, ...) != value}
