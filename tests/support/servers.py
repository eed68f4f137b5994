"""What the tests' own database servers have in common: a free port, and a user without rights."""

import os
import pwd
import socket
from pathlib import Path
from typing import Any

UNPRIVILEGED = "nobody"  # database servers refuse to run as root


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ownership(folder: Path) -> dict[str, Any]:
    """Return what makes a child process unprivileged, and give it the folder; {} if we are."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(UNPRIVILEGED)
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
