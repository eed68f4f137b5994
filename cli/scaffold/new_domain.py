"""`manage.py new-domain`: the files of a domain that works as it is."""

import re
import subprocess
from contextlib import suppress
from typing import Annotated

import typer

from api.discovery import load_routes
from bot.discord.slash_commands import RESERVED
from bot.framework.registry import load_commands
from cli.errors import fail
from cli.scaffold.domain import KINDS, BadName, plural_of, read_field, render
from cli.writing import in_new_process, tidy
from config.settings import ROOT
from core.tables import metadata

FIELDS_HELP = (
    f"What is kept besides its name: field:type, of {', '.join(KINDS)}; decimal:km with a unit; "
    "open|paid for choices; a ? behind it for what may be missing."
)
PATH = re.compile(r'"/(?:api/)?(\w+)')
IMPORTED = {"resource", "register", "metadata", "named", "amount", "length", "spoken", "escape"}
VERSIONS = ROOT / "core" / "migrations" / "versions"


def new_domain(
    name: Annotated[str, typer.Argument(help="What one of them is called, such as book.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(help=FIELDS_HELP),
    ] = None,
    plural: Annotated[str | None, typer.Option(help="What several are called.")] = None,
) -> None:
    """Write a domain: commands, routes, migration, sentences and tests."""
    plural = plural or plural_of(name)
    try:
        files = render(name, plural, [read_field(field) for field in fields or []])
        there = [path for path in files if (ROOT / path).exists()]
        if there:
            raise BadName(f"{', '.join(there)} exists already. Nothing was written.")
        _check_free(name, plural)
    except BadName as error:
        raise fail(str(error)) from error
    before = {*VERSIONS.glob("*.py")}
    try:
        for path, text in files.items():
            (ROOT / path).parent.mkdir(exist_ok=True)
            (ROOT / path).write_text(text, "utf-8")
        in_new_process("db", "revision", f"Add {plural}")
        in_new_process("generate")
        in_new_process("generate", "--check")  # says where its sentences are another's too
        written = [ROOT / path for path in files] + sorted({*VERSIONS.glob("*.py")} - before)
        tidy([path for path in written if path.suffix == ".py"])
    except subprocess.CalledProcessError as error:
        made = [ROOT / path for path in files] + sorted({*VERSIONS.glob("*.py")} - before)
        for file in made:
            file.unlink(missing_ok=True)
        with suppress(OSError):  # where it has other files, it was there before
            (ROOT / "tests" / "domains" / plural).rmdir()
        in_new_process("generate")
        raise fail(f"{error.stdout}{error.stderr}Nothing was written.") from error
    for file in written:
        typer.echo(f"Wrote {file.relative_to(ROOT)}.")
    typer.echo(f"Try it: `make run`, and say `help`. Its tests: pytest tests/domains/{plural}")


def _check_free(name: str, plural: str) -> None:
    """Refuse what means something already. Raises BadName."""
    modules = {*load_commands().list_registered()} | RESERVED
    load_routes()  # which have tables of their own
    code = "".join(path.read_text("utf-8") for path in (ROOT / "api").rglob("*.py"))
    paths = {*PATH.findall(code)}
    taken = {name} & modules or {plural} & ({*metadata.tables} | paths | IMPORTED)
    for one in taken:
        raise BadName(f"{one!r} means something here already; take another name or --plural.")
