"""`manage.py agents knowledge`: what an llm agent looks things up in."""

from pathlib import Path
from typing import Annotated

import typer

from cli.agents.documents import NotRead, documents_in, read
from cli.data.tables import show_table
from cli.errors import fail
from cli.preparation import prepare_database
from core import agents
from core.agents import knowledge
from core.errors import InvalidInput

Name = Annotated[str, typer.Argument(help="The agent's name.")]


def add(
    name: Name,
    paths: Annotated[list[Path], typer.Argument(help="Files, and folders with all below them.")],
) -> None:
    """Add documents: Markdown, text, PDF; one of the same name is replaced."""
    prepare_database()
    row = agents.find(name)
    if row["type"] != "llm":
        raise fail(f"{name} is of the type {row['type']}: only llm agents look things up.")
    added, refused = 0, 0
    for path in paths:
        try:
            for document, file in documents_in(path):
                try:
                    knowledge.put(name, document, read(file))
                except (NotRead, InvalidInput) as error:
                    typer.secho(
                        f"{document} was left out: {str(error).rstrip('.')}.", fg="red", err=True
                    )
                    refused += 1
                else:
                    added += 1
        except NotRead as error:
            raise fail(f"{path}: {error}.") from error
    typer.echo(f"Added {added} document{'' if added == 1 else 's'} to {name}.")
    if added and not row["settings"].get("knowledge"):
        agents.edit(name, {"settings": {**row["settings"], "knowledge": True}})
        typer.echo(f"Switched on settings.knowledge of {name}.")
    if refused:
        raise typer.Exit(1)


def list_(name: Name) -> None:
    """List an agent's documents."""
    prepare_database()
    show_table(
        ("document", "characters", "added"),
        [
            (row["name"], f"{row['characters']:,}", f"{row['added_at']:%Y-%m-%d %H:%M} UTC")
            for row in knowledge.list_all(name)
        ],
        empty=f"{name} has no documents yet: `manage.py agents knowledge add` adds some.",
    )


def remove(
    name: Name,
    documents: Annotated[list[str], typer.Argument(help="Their names, as `list` shows them.")],
) -> None:
    """Remove documents."""
    prepare_database()
    for document in documents:
        knowledge.remove(name, document)
    typer.echo(f"Removed {len(documents)} document{'' if len(documents) == 1 else 's'}.")
