"""How a command of manage.py ends when something is wrong, and how it names files."""

from pathlib import Path

import typer


def fail(message: str) -> typer.Exit:
    """Write a message to the error stream; return what to raise (exit code 2)."""
    typer.secho(message, fg="red", err=True)
    return typer.Exit(2)


def shown(path: Path) -> str:
    """Return a path as a reader finds it: from the working directory, where it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
