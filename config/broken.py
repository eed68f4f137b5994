"""What keeps the program from starting, told in one line: which file, where in it, and why."""

import importlib
import pkgutil
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
# Where others' code lies, and the files that stand between.
MODULES = (
    "bot/commands/",
    "api/routes/",
    "api/console/pages/",
    "bot/agents/",
    "scheduler/jobs/",
)
FOREIGN = re.compile(
    r"^<|/(?:site|dist)-packages/|/lib/python3|/config/broken\.py$|/runtime/run\.py$"
)


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
        place = place_in_files(error, file)
        where = place if file in place and place else f"{file} ({place})" if place else file
        raise BrokenModule(f"{where}: {words_of(error)}") from error


def words_of(error: BaseException) -> str:
    """Return in one line what an error says, with its kind where it is none of the program's."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{shown(error.filename)}: " if error.filename else ""
        return f"{where}{error.strerror}"
    error = getattr(error, "orig", None) or error  # SQLAlchemy's errors wrap the driver's
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join((said if is_own(error) else f"{type(error).__name__}: {said}").split())


def place_in_files(error: BaseException, file: str = "") -> str:
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
    ours = ours[: inside[-1] + 1] if inside and is_own(error) else ours
    return "{}, line {}".format(*ours[-1]) if inside and ours else ""


def place_in_modules(error: BaseException) -> str:
    """Return where an error arose in the modules that a project adds, innermost; "" where none."""
    stack = [(shown(one.filename), one.lineno) for one in traceback.extract_tb(error.__traceback__)]
    return next(
        ("{}, line {}".format(*one) for one in stack[::-1] if one[0].startswith(MODULES)), ""
    )


def is_own(error: BaseException) -> bool:
    """Tell whether the program has named this kind of error, in words that need no more."""
    return (ROOT / type(error).__module__.partition(".")[0]).is_dir()


def shown(path: str | Path) -> str:
    """Return a path from the repository, where it lies there."""
    whole = Path(path)
    return str(whole.relative_to(ROOT)) if whole.is_relative_to(ROOT) else str(path)
