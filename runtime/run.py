"""Run a program to its exit code; what ends it otherwise is told in one line."""

import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from config.broken import BrokenModule, CannotStart, is_own, place_in_files, shown, words_of
from config.private import private


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
        line = words_of(error) if is_own(error) else f"{words_of(error)} ({place_in_files(error)})"
    kept = _keep(error)
    return f"{line}. The traceback is in {shown(kept)}." if kept else line


def _keep(error: Exception) -> Path | None:
    """Append a traceback to the log file of development; None where there is none to keep."""
    from config.settings import get_settings  # late: a start that goes well needs none here

    if isinstance(error, OSError) or (is_own(error) and not isinstance(error, BrokenModule)):
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
