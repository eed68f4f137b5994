"""`manage.py rename`: the bot's own name, in everything that bears it."""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import fail
from config.settings import ROOT

NAME = re.compile(r"[A-Z][A-Za-z0-9]*(?:[ -][A-Za-z0-9]+)*")
LENGTHS = range(3, 41)  # characters: a Kubernetes namespace takes 63, a heading looks well with 40
TITLE = re.compile(r'^ *title="([^"]+)",$', re.MULTILINE)  # of the API, in api/main.py
KEPT = {
    "LICENSE",  # it names whose work this is
    "docs/first-day.md",
    "docs/upgrading.md",
}
FOLDERS = {".ci", ".github"}  # of those that begin with a dot
NOT_SEARCHED = {"tests", "var", "__pycache__", "node_modules"}
MAX_BYTES = 1_000_000


def rename(
    name: Annotated[str, typer.Argument(help="The new name, in words.")],
) -> None:
    """Give the bot a name of its own: in package, image, Compose project, namespace and pages."""
    if not NAME.fullmatch(name) or len(name) not in LENGTHS:
        raise fail(
            f"A name has {LENGTHS[0]} to {LENGTHS[-1]} characters, a to z, digits, and single "
            "blanks or hyphens in between, and begins with a capital letter. Nothing was changed."
        )
    changes = changed(_texts(), name)
    try:
        for path, (_, after) in changes.items():
            path.write_bytes(after)
    except OSError as error:
        for path, (before, _) in changes.items():
            if os.access(path, os.W_OK):
                path.write_bytes(before)
        raise fail(f"{error.filename}: {error.strerror}. Nothing was changed.") from error
    for path in changes:
        typer.echo(f"Changed {path.relative_to(ROOT)}.")
    typer.echo(f"It is called {name} now. What it is for, README.md and pyproject.toml say.")


def changed(texts: dict[Path, bytes], name: str) -> dict[Path, tuple[bytes, bytes]]:
    """Return each file that bears the old name: as it is, and as it will be.

    Raises typer.Exit where the new name can't be told from other words of the files.
    """
    old_slug = tomllib.loads(texts[ROOT / "pyproject.toml"].decode())["project"]["name"]
    found = TITLE.search(texts[ROOT / "api" / "main.py"].decode())
    old_title = found[1] if found else old_slug
    slug = re.sub(r"[ -]+", "-", name).lower()
    if (old_title, old_slug) == (name, slug):
        raise fail(f"It is called {name} already.")
    for new in {name, slug} - {old_title, old_slug}:
        if there := next((path for path, text in texts.items() if _word(new).search(text)), None):
            raise fail(
                f"{new} stands in {there.relative_to(ROOT)} already and could not be told from it; "
                "take a name that no file has. Nothing was changed."
            )
    names = {old_title.encode(): name.encode(), old_slug.encode(): slug.encode()}
    old = _word(old_title, old_slug)
    replaced = {path: old.sub(lambda one: names[one[0]], text) for path, text in texts.items()}
    return {path: (text, replaced[path]) for path, text in texts.items() if replaced[path] != text}


def _word(*names: str) -> re.Pattern[bytes]:
    """Find names where they stand alone, and are no part of another."""
    either = "|".join(map(re.escape, names))
    return re.compile(rf"(?<![\w-])(?:{either})(?![\w-])".encode())


def _texts() -> dict[Path, bytes]:
    """Return every text of the project that may bear its name; its secrets are not read."""
    found = {}
    for path in _files(ROOT):
        if path.name.startswith(".env") or path.stat().st_size > MAX_BYTES:
            continue
        text = path.read_bytes()
        if b"\0" not in text:
            found[path] = text
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or str(path.relative_to(ROOT)) in KEPT or path.name in NOT_SEARCHED:
            continue
        if path.is_file():
            yield path
        elif not path.name.startswith(".") or path.name in FOLDERS:
            yield from _files(path)
