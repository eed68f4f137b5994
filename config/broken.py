"""What keeps the program from starting, told in one line: which file, where in it, and why."""

import importlib
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from config.private import private

ROOT = Path(__file__).resolve().parent.parent
# Where others' code lies, and this file, which stands between.
FOREIGN = re.compile(r"^<|/(?:site|dist)-packages/|/lib/python3|/config/broken\.py$")


class CannotStart(Exception):
    """The program can't start; the message says in one line what to change, and where."""


class BrokenModule(CannotStart):
    """A file of a folder whose modules are found by themselves can't be used."""


def load_folder(package: str) -> Iterator[ModuleType]:
    """Import every file of a package, by name. Raises BrokenModule."""
    folder = importlib.import_module(package).__path__
    for found in sorted(pkgutil.iter_modules(folder), key=lambda file: file.name):
        name = f"{package}.{found.name}"
        with using(file_of(name)):
            module = importlib.import_module(name)
        yield module


def file_of(module: str) -> str:
    """Return the path of a module's file, from the repository."""
    return f"{module.replace('.', '/')}.py"


@contextmanager
def using(file: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file or folder is used into a BrokenModule."""
    try:
        yield
    except CannotStart:
        raise
    except Exception as error:
        place = _place(error, file)
        where = place if file in place and place else f"{file} ({place})" if place else file
        raise BrokenModule(f"{where}: {words_of(error)}") from error


def words_of(error: BaseException) -> str:
    """Return in one line what an error says, with its kind where it is none of the program's."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{shown(error.filename)}: " if error.filename else ""
        return f"{where}{error.strerror}"
    error = getattr(error, "orig", None) or error  # SQLAlchemy's errors wrap the driver's
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join((said if _is_own(error) else f"{type(error).__name__}: {said}").split())


def run(main: Callable[[], int | None]) -> NoReturn:
    """Run a program and exit with its code; tell in one line what ends it otherwise (code 2)."""
    try:
        code = main()
    except Exception as error:
        sys.stderr.write(f"{told(error)}\n")
        code = 2
    sys.exit(code)


def told(error: Exception) -> str:
    """Return the line for an error that ends the program.

    In development the traceback goes to the log file, which the line names.
    """
    if isinstance(error, CannotStart):
        line = str(error)
    elif isinstance(error, OSError):
        line = f"{words_of(error)}; DATA_DIR and LOG_FILE say where files are kept"
    else:
        line = words_of(error) if _is_own(error) else f"{words_of(error)} ({_place(error)})"
    kept = _keep(error)
    return f"{line}. The traceback is in {shown(kept)}." if kept else line


def _place(error: BaseException, file: str = "") -> str:
    """Return where an error arose in our own files, as "file, line 3"; "" where that is unknown.

    Of a file or folder that is given it is the innermost place behind it; what the program itself
    complains of lies in the file.
    """
    if isinstance(error, SyntaxError) and error.filename:
        places = [(error.filename, error.lineno)]
    else:
        stack = traceback.extract_tb(error.__traceback__)
        places = [(frame.filename, frame.lineno) for frame in stack]
    ours = [(shown(name), line) for name, line in places if not FOREIGN.search(name)]
    inside = [number for number, (name, _) in enumerate(ours) if file in name]
    ours = ours[: inside[-1] + 1] if inside and _is_own(error) else ours
    return "{}, line {}".format(*ours[-1]) if inside and ours else ""


def _is_own(error: BaseException) -> bool:
    """Tell whether the program has named this kind of error, in words that need no more."""
    return (ROOT / type(error).__module__.partition(".")[0]).is_dir()


def shown(path: str | Path) -> str:
    """Return a path from the repository, where it lies there."""
    whole = Path(path)
    return str(whole.relative_to(ROOT)) if whole.is_relative_to(ROOT) else str(path)


def _keep(error: Exception) -> Path | None:
    """Append a traceback to the log file of development; None where there is none to keep."""
    from config.settings import get_settings  # which may be what is broken

    if isinstance(error, OSError) or (_is_own(error) and not isinstance(error, BrokenModule)):
        return None
    with suppress(Exception):
        settings = get_settings()
        if settings.app_env == "development":
            path = settings.log_file or settings.data_dir / "bot.log"
            with open(path, "a", encoding="utf-8", opener=private) as file:
                file.write(f"{datetime.now(UTC).isoformat()} the program can't start\n")
                file.writelines(traceback.format_exception(error))
            return path
    return None
