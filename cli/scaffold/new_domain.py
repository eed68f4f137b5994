"""`manage.py new-domain`: the files of a domain that works as it is."""

import asyncio
import re
import subprocess
from contextlib import suppress
from typing import Annotated

import typer

from ai.config import get_ai_config
from ai.llm.registry import model_of
from ai.llm.types import ModelError
from api.discovery import load_routes
from bot.discord.slash_commands import RESERVED
from bot.framework.registry import load_commands
from cli.errors import fail
from cli.scaffold.describe import MAX_TOKENS, Plan, propose
from cli.scaffold.domain import KINDS, BadName, plural_of, read_field, render
from cli.scaffold.writing import in_new_process, tidy
from config.settings import ROOT, get_settings
from core.tables import metadata

FIELDS_HELP = (
    f"What is kept besides its name: field:type, of {', '.join(KINDS)}; decimal:km with a unit; "
    "open|paid for choices; a ? behind it for what may be missing."
)
PATH = re.compile(r'"/(?:api/)?(\w+)')
IMPORTED = {
    "resource",
    "register",
    "metadata",
    "named",
    "amount",
    "length",
    "spoken",
    "escape",
    "report",
}
PATIENCE = 600  # seconds for an answer: a model on one's own machine may be slow
VERSIONS = ROOT / "core" / "migrations" / "versions"


def new_domain(
    name: Annotated[
        str | None, typer.Argument(help="What one of them is called, such as book.")
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Argument(help=FIELDS_HELP),
    ] = None,
    plural: Annotated[str | None, typer.Option(help="What several are called.")] = None,
    describe: Annotated[
        str | None,
        typer.Option(help="Say what it is about, and the model proposes name, fields and more."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Write a domain: commands, routes, migration, sentences and tests."""
    if (name is None) == (describe is None):
        raise fail("Give a name, such as book, or what it is about by --describe.")
    try:
        if describe is not None:
            plan = _plan(describe, plural)
            name, plural, files = plan.word, plan.plural, plan.files
        else:
            name = name or ""
            plural = plural or plural_of(name)
            files = render(name, plural, [read_field(field) for field in fields or []])
        there = [path for path in files if (ROOT / path).exists()]
        if there:
            raise BadName(f"{', '.join(there)} exists already. Nothing was written.")
        _check_free(name, plural)
    except (BadName, ModelError) as error:
        raise fail(str(error)) from error
    if describe is not None:
        typer.echo("\n".join(plan.lines()))
        if not yes:
            typer.confirm("Write it?", abort=True)
    before = {*VERSIONS.glob("*.py")}
    try:
        for path, text in files.items():
            (ROOT / path).parent.mkdir(exist_ok=True)
            (ROOT / path).write_text(text, "utf-8")
        in_new_process("db", "revision", f"Add {plural}")
        in_new_process("generate", "--strict")  # says where its sentences are another's too
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
    typer.echo("Try it: `make run`, and say `help`.")
    typer.echo(f"Then: `make format check test ARGS=tests/domains/{plural}`")


def _plan(description: str, plural: str | None) -> Plan:
    """Ask the model. Raises BadName and ModelError."""
    config = get_ai_config()
    patient = config.validation.model_copy(update={"timeout_seconds": PATIENCE})
    more = {"max_tokens": max(MAX_TOKENS, config.max_tokens), "validation": patient}
    model = model_of(get_settings(), config.model_copy(update=more))
    if model is None:
        raise BadName(
            "There is no model to ask: set OPENROUTER_API_KEY, or name the fields yourself, as in "
            "new-domain book pages:int."
        )
    known = [*load_commands().specs]

    async def ask() -> Plan:
        try:
            return await propose(model, description, known, plural)
        finally:
            await model.aclose()

    return asyncio.run(ask())


def _check_free(name: str, plural: str) -> None:
    """Refuse what means something already. Raises BadName."""
    modules = {*load_commands().list_registered()} | RESERVED
    load_routes()  # which have tables of their own
    code = "".join(path.read_text("utf-8") for path in (ROOT / "api").rglob("*.py"))
    paths = {*PATH.findall(code)}
    taken = {name} & modules or {plural} & ({*metadata.tables} | paths | IMPORTED)
    for one in taken:
        raise BadName(f"{one!r} means something here already; take another name or --plural.")
