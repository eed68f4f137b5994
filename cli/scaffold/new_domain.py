"""`manage.py new-domain`: the files of a domain that works as it is."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from cli.errors import fail
from cli.scaffold.domain import BadName, plural_of, read_field, render
from config.settings import ROOT

VERSIONS = ROOT / "core" / "migrations" / "versions"


def new_domain(
    name: Annotated[str, typer.Argument(help="What one of them is called, such as book.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(help="What is kept besides its name: field:text, int, float, bool, when."),
    ] = None,
    plural: Annotated[str | None, typer.Option(help="What several are called.")] = None,
) -> None:
    """Write a domain: commands, routes, migration, sentences and tests."""
    plural = plural or plural_of(name)
    try:
        files = render(name, plural, [read_field(field) for field in fields or []])
    except BadName as error:
        raise fail(str(error)) from error
    there = [path for path in files if (ROOT / path).exists()]
    if there:
        raise fail(f"{', '.join(there)} exists already. Nothing was written.")
    before = {*VERSIONS.glob("*.py")}
    try:
        for path, text in files.items():
            (ROOT / path).write_text(text, "utf-8")
        _migrate(f"Add {plural}")
        written = [ROOT / path for path in files] + sorted({*VERSIONS.glob("*.py")} - before)
        _tidy([path for path in written if path.suffix == ".py"])
    except subprocess.CalledProcessError as error:
        made = [ROOT / path for path in files] + sorted({*VERSIONS.glob("*.py")} - before)
        for file in made:
            file.unlink(missing_ok=True)
        raise fail(f"{error.stdout}{error.stderr}Nothing was written.") from error
    for file in written:
        typer.echo(f"Wrote {file.relative_to(ROOT)}.")
    typer.echo(
        f"Try it: `make run`, and say `help`. Its tests: pytest tests/domains/test_{plural}.py"
    )


def _migrate(message: str) -> None:
    """Write the migration as `db revision` does, against a new database, and renew schema.sql."""
    with TemporaryDirectory() as folder:
        settings = {"DATABASE_URL": f"sqlite:///{folder}/app.db", "DATA_DIR": folder}
        for command in (["db", "upgrade"], ["db", "revision", message], ["generate"]):
            _run(["manage.py", *command], os.environ | settings)


def _tidy(paths: list[Path]) -> None:
    """Format the files, where the tools for development are installed."""
    if _has_ruff():
        for command in (["format", "--quiet"], ["check", "--fix", "--quiet"]):
            _run(["-m", "ruff", *command, *map(str, paths)], dict(os.environ))


def _has_ruff() -> bool:
    return find_spec("ruff") is not None


def _run(arguments: list[str], environment: dict[str, str]) -> None:
    subprocess.run(  # noqa: S603 - this Python, with arguments of ours
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
