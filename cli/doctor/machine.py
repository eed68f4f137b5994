"""Python, its packages, the settings and the secrets: what can be known without asking anyone."""

import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from importlib import metadata
from pathlib import Path

from pydantic import SecretStr

from config.broken import CannotStart
from config.own_settings import OwnSettings, own_settings
from config.secrets import GENERATED_SECRETS, weakness
from config.settings import (
    ROOT,
    ConfigError,
    Settings,
    load_settings,
    settings_file,
    values_in,
)
from core.checks import Finding, Findings

OLDEST = (3, 11)
PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)(?: *; *([^\\\n]+))?", re.MULTILINE)


def python() -> Findings:
    """Check the version of Python, and that the packages are the ones that the project pins."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        needed = ".".join(map(str, OLDEST))
        return [Finding("bad", "Python", running, f"Install Python {needed} or newer.")]
    other = list(_other_versions((ROOT / "requirements.txt").read_text("utf-8")))
    if not other:
        return [Finding("good", "Python", f"{running}, with the packages that are pinned")]
    names = ", ".join(other[:5]) + (" ..." if len(other) > 5 else "")
    advice = "Run `make run`, which installs what requirements.txt pins."
    return [
        Finding("good", "Python", running),
        Finding("warning", "Packages", f"{len(other)} not as pinned: {names}", advice),
    ]


def _other_versions(requirements: str) -> Iterator[str]:
    for name, version, marker in PIN.findall(requirements):
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            if not marker:  # with one, it is for some machines only
                yield f"{name} (missing)"
        else:
            if installed != version:
                yield f"{name} {installed}"


def settings() -> tuple[Settings | None, Findings]:
    """Read the settings; None where they can't be used."""
    env_file = settings_file()
    try:
        read = load_settings()
    except ConfigError as error:
        advice = f"Change it in {_shown(env_file)}, or in the environment."
        return None, [Finding("bad", "Settings", line, advice) for line in str(error).splitlines()]
    names = sorted(name.upper() for name in read.model_fields_set - _made(read).keys())
    told = f"{len(names)} set: {', '.join(names)}" if names else "none set, which is fine"
    findings = [Finding("good", "Settings", f"{told} ({read.app_env})")]
    own: list[type[OwnSettings]] = []
    try:
        own = [*own_settings()]
        findings += [finding for kind in own for finding in _own(kind)]
    except CannotStart as error:
        findings += [Finding("bad", "Settings", line) for line in str(error).splitlines()]
    if env_file.is_file():
        fields = [Settings.model_fields, *(kind.model_fields for kind in own)]
        known = [name.upper() for some in fields for name in some]
        findings += _env_file(env_file, names, known)
    return read, findings


def _own(kind: type[OwnSettings]) -> Findings:
    """Tell which settings of a module are set, or what is wrong with them."""
    try:
        read = kind.read()
    except ConfigError as error:
        return [Finding("bad", "Settings", line) for line in str(error).splitlines()]
    names = [
        f"{name.upper()}{'' if name in read.model_fields_set else ' (default)'}"
        for name in kind.model_fields
    ]
    return [Finding("good", "Settings", f"{kind.__module__}: {', '.join(names)}")]


def _env_file(env_file: Path, names: list[str], known: list[str]) -> Iterator[Finding]:
    for name in values_in(env_file):
        near = get_close_matches(name.upper(), known, 1, cutoff=0.8)
        if near and name.upper() not in known and near[0] not in names:
            what = f"{name} in {_shown(env_file)} is no setting"
            yield Finding("warning", "Settings", what, f"Did you mean {near[0]}?")
    if os.name == "posix" and env_file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        what = f"{_shown(env_file)} can be read by other users of this machine"
        yield Finding("warning", "Settings", what, f"Run `chmod 600 {_shown(env_file)}`.")


def secrets(read: Settings) -> Findings:
    """Check the strength of the secrets that are kept for good."""
    made = _made(read)
    findings = []
    for name in GENERATED_SECRETS:
        value: SecretStr = getattr(read, name)
        if problem := weakness(name, value.get_secret_value()):
            advice = "Production refuses it; `make secrets` makes good ones."
            findings.append(Finding("warning", "Secrets", f"{name.upper()} {problem}", advice))
        else:
            where = f"made by itself, in {_shown(read.data_dir)}" if name in made else "strong"
            findings.append(Finding("good", "Secrets", f"{name.upper()} is {where}"))
    return findings


def _made(read: Settings) -> dict[str, str]:
    """Return the secrets that the program made itself and uses."""
    kept: dict[str, str] = {}
    for file in (read.data_dir / "secrets.json", read.data_dir / "agent_keys.json"):
        if file.is_file():
            kept |= json.loads(file.read_text("utf-8"))
    return {
        name: value
        for name, value in kept.items()
        if name in GENERATED_SECRETS and getattr(read, name).get_secret_value() == value
    }


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
