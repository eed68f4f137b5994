"""`manage.py new-domain`: the files of a domain that works as it is."""

import subprocess
from contextlib import suppress
from typing import Annotated

import typer

from cli.errors import fail
from cli.scaffold.domain import BadName, plural_of, read_field, render
from cli.writing import in_new_process, tidy
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
            (ROOT / path).parent.mkdir(exist_ok=True)
            (ROOT / path).write_text(text, "utf-8")
        in_new_process("db", "revision", f"Add {plural}")
        in_new_process("generate")
        written = [ROOT / path for path in files] + sorted({*VERSIONS.glob("*.py")} - before)
        tidy([path for path in written if path.suffix == ".py"])
    except subprocess.CalledProcessError as error:
        made = [ROOT / path for path in files] + sorted({*VERSIONS.glob("*.py")} - before)
        for file in made:
            file.unlink(missing_ok=True)
        with suppress(OSError):  # where it has other files, it was there before
            (ROOT / "tests" / "domains" / plural).rmdir()
        raise fail(f"{error.stdout}{error.stderr}Nothing was written.") from error
    for file in written:
        typer.echo(f"Wrote {file.relative_to(ROOT)}.")
    typer.echo(f"Try it: `make run`, and say `help`. Its tests: pytest tests/domains/{plural}")
