"""`manage.py backup` and `restore`: all data in one file, and back."""

import os
import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import IO, Annotated

import typer

from api.discovery import load_routes
from cli.errors import fail
from config.private import private
from config.settings import get_settings
from core.db.engine import get_database
from core.transfer import database as backups

FILE = Annotated[str, typer.Argument(metavar="FILE", help="The backup; - is the pipe.")]


def backup(file: FILE) -> None:
    """Write all data into a file that only you can read, while the services go on."""
    load_routes()
    if file == "-":
        if sys.stdout.isatty():
            raise fail("A backup is no text for a terminal: add a file to write to, > bot.backup.")
        try:
            with closing(backups.Checked(sys.stdout.buffer)) as out:
                rows = backups.write(get_database(), out)
            out.flush()
        except OSError as error:
            raise fail(f"The pipe can't be written: {error.strerror}.") from error
        found, digest = out.result()
    else:
        path = Path(file)
        draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")  # never half a backup at `path`
        try:
            with open(draft, "xb", opener=private) as to:
                rows = backups.write(get_database(), to)
                os.fsync(to.fileno())
            with draft.open("rb") as written:
                found, digest = backups.read_back(written)
            if found.rows == rows:
                draft.replace(path)
        except OSError as error:
            raise fail(f"{file} can't be written: {error.strerror}.") from error
        finally:
            draft.unlink(missing_ok=True)
    if found.rows != rows:
        raise fail(f"The backup is bad: it has {_told(found.rows)}, the database {_told(rows)}.")
    typer.echo(f"Backed up {_told(rows)}; read back and complete. SHA-256: {digest}", err=True)


def restore(
    file: FILE,
    force: Annotated[bool, typer.Option("--force", help="Delete what the database has.")] = False,
) -> None:
    """Put a backup into an empty database. Stop API, scheduler and bot before."""
    settings = get_settings()
    load_routes()
    with _opened(file, settings.data_dir) as source:
        rows = backups.restore(get_database(), source, force=force)
    typer.echo(f"Restored {_told(rows)}.", err=True)


def _opened(file: str, data_dir: Path) -> IO[bytes]:
    """Open the file; what comes through the pipe is kept first, for it is read twice."""
    if file != "-":
        try:
            return Path(file).open("rb")
        except OSError as error:
            raise fail(f"{file} can't be read: {error.strerror}.") from error
    if sys.stdin.isatty():
        raise fail("The backup comes through the standard input: add its file, < bot.backup.")
    # Not in /tmp, which in a container is memory.
    folder = data_dir if data_dir.is_dir() else None
    kept = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the caller closes it
    shutil.copyfileobj(sys.stdin.buffer, kept)
    kept.seek(0)
    return kept


def _told(rows: dict[str, int]) -> str:
    filled = sum(1 for number in rows.values() if number)
    return f"{sum(rows.values())} rows of {filled} tables"
