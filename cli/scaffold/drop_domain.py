"""`manage.py drop-domain`: takes domains out, with their tables, tests and sentences."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer
from apiflask import APIFlask

from api.discovery import add_routes, load_routes
from cli.errors import fail
from cli.scaffold.writing import in_new_process, tidy
from config.settings import ROOT
from core import tables

COMMANDS, ROUTES = ROOT / "bot" / "commands", ROOT / "api" / "routes"
PAGES = ROOT / "api" / "console" / "pages"
VERSIONS = ROOT / "core" / "migrations" / "versions"
NAMED = re.compile(r"""(?:CommandModule|register_module)\(\s*["'](\w+)["']""")
PATH = re.compile(r"/api/[\w-]+")
CODE = ("ai", "api", "bot", "cli", "core", "scheduler")
PARTS = {"account", "notification", "undo", "usage"}  # of the program itself
MARKED = re.compile(
    r"^[ \t]*<!-- domain: ([\w ]+) -->\n.*?^[ \t]*<!-- end of domain -->\n",
    re.MULTILINE | re.DOTALL,
)


def drop_domain(
    names: Annotated[list[str], typer.Argument(help="What one is called, such as task.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Remove domains: modules, tests and sentences, and their tables by a migration."""
    modules = _modules()
    stems = sorted({modules[name] for name in names if name in modules})
    if unknown := [name for name in names if name not in modules or name in PARTS]:
        free = ", ".join(sorted(set(modules) - PARTS)) or "none"
        raise fail(f"{unknown[0]!r} is no domain that can be dropped; there are: {free}.")
    if besides := [name for name in modules if modules[name] in stems and name not in names]:
        raise fail(f"{besides[0]} is in the same file: name it as well. Nothing was removed.")
    files = [path for stem in stems for path in _files_of(stem)]
    dropped = _tables_of(stems)
    _check_nothing_needs(stems, dropped)
    typer.echo("".join(f"Remove {path.relative_to(ROOT)}.\n" for path in files), nl=False)
    if dropped:
        typer.echo(f"The next start deletes the tables {', '.join(dropped)} with all their rows.")
    if not yes:
        typer.confirm("Go on?", abort=True)
    pages = _without(set(names), stems)
    saved = {path: path.read_bytes() for path in [*_all(files), *pages]}
    before = {*VERSIONS.iterdir()}
    try:
        for path, text in pages.items():
            path.write_text(text, "utf-8")
        for path in files:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if dropped:
            options = [option for table in dropped for option in ("--drop", table)]
            in_new_process("db", "revision", f"Drop {' '.join(stems)}"[:80], *options)
        tidy([path for path in VERSIONS.glob("*.py") if path not in before])
        in_new_process("generate")
    except (OSError, subprocess.CalledProcessError) as error:
        for path in {*VERSIONS.iterdir()} - before:
            path.unlink()
        for path, content in saved.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        told = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise fail(f"{told.strip()} Nothing was removed.") from error
    for path in pages:
        typer.echo(f"Changed {path.relative_to(ROOT)}.")
    typer.echo(
        f"Dropped {', '.join(names)}. `make format check` says whether anything still needs them."
    )


def _modules() -> dict[str, str]:
    """Return the file, without its ending, of each domain that people can talk about."""
    return {
        name: path.stem
        for path in sorted(COMMANDS.glob("*.py"))
        for name in NAMED.findall(path.read_text("utf-8"))
    }


def _files_of(stem: str) -> list[Path]:
    """Return the files and folders that are a domain's own."""
    own = [ROUTES / f"{stem}.py", ROOT / "tests" / "domains" / stem]
    found = [path for folder in (COMMANDS, PAGES) for path in sorted(folder.glob(f"{stem}.*"))]
    return [*(path for path in own if path.exists()), *found]


def _all(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from (one for one in path.rglob("*") if one.is_file()) if path.is_dir() else (path,)


def _tables_of(stems: list[str]) -> list[str]:
    """Return the tables that the routes of domains declare. Raises BrokenModule."""
    load_routes()
    found = [
        value.name
        for stem in stems
        if (ROUTES / f"{stem}.py").exists()
        for value in vars(import_module(f"api.routes.{stem}")).values()
        if isinstance(value, sa.Table) and value not in vars(tables).values()
    ]
    return list(dict.fromkeys(found))


def _check_nothing_needs(stems: list[str], dropped: list[str]) -> None:
    """Refuse to drop what other code uses: routes that it calls, modules, tables."""
    for table in tables.metadata.sorted_tables:
        needs = {key.column.table.name for key in table.foreign_keys} & {*dropped}
        if needs and table.name not in dropped:
            raise fail(f"The table {table.name} refers to {needs.pop()}. Nothing was removed.")
    gone = {folder / f"{stem}.py" for stem in stems for folder in (COMMANDS, ROUTES, PAGES)}
    app = APIFlask("gone")
    for path in gone:
        if path.parent == ROUTES and path.exists():
            add_routes(app, import_module(f"api.routes.{path.stem}"))
    used = {found[0] for rule in app.url_map.iter_rules() if (found := PATH.match(rule.rule))}
    used |= {f"{folder}.{stem}" for stem in stems for folder in ("bot.commands", "api.routes")}
    for path in sorted(_all(ROOT / package for package in CODE)):
        if path.suffix != ".py" or path in gone:
            continue
        text = path.read_text("utf-8")
        if need := next((x for x in used if re.search(rf"{re.escape(x)}(?![\w-])", text)), ""):
            raise fail(
                f"{path.relative_to(ROOT)} uses {need}, which would go: drop its domain as well, "
                "or change it first. Nothing was removed."
            )


def _without(names: set[str], stems: list[str]) -> dict[Path, str]:
    """Return the pages that tell of domains, as they are without them.

    What stands between marks that name one goes; elsewhere a path of a file that goes becomes the
    folder's.
    """
    folders = "|".join(str(folder.relative_to(ROOT)) for folder in (COMMANDS, ROUTES, PAGES))
    named = re.compile(rf"(?:`\w+(?:\(\))?` in )?`({folders})/(?:{'|'.join(stems)})\.(?:py|toml)`")
    pages = [*ROOT.glob("*.md"), *ROOT.glob("*.txt"), *(ROOT / "docs").rglob("*.md")]
    changed = {}
    for path in pages:
        before = path.read_text("utf-8")
        text = MARKED.sub(lambda one: "" if names & {*one[1].split()} else one[0], before)
        text = named.sub(r"a module of yours in `\1/`", text)
        if text != before:
            changed[path] = text
    return changed
