"""Files that only their owner may read: databases, logs, backups."""

import os
import stat
from contextlib import suppress
from pathlib import Path

OWNER_ONLY = 0o600
EVERYBODY = 0o007


def private(path: str, flags: int) -> int:
    """Open a file as `opener=` of open() does, readable by its owner alone.

    One that everybody could read, as earlier versions made them, is closed to all others. What its
    owner has opened to a group stays so.
    """
    file = os.open(path, flags, OWNER_ONLY)
    with suppress(OSError):  # another's file
        mode = os.fstat(file).st_mode
        if stat.S_ISREG(mode) and mode & EVERYBODY:  # not a device such as /dev/null
            os.fchmod(file, OWNER_ONLY)
    return file


def keep_private(file: Path, *beside: Path) -> None:
    """Make an empty file where there is none, and close it and what lies beside it to others.

    SQLite gives the files that it makes beside a database the rights of the database's.
    """
    for path in (file, *beside):
        if path == file or path.exists():
            os.close(private(str(path), os.O_WRONLY | os.O_CREAT))
