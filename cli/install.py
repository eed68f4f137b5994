"""Make the virtual environment and install a requirements file into it; `make` runs this.

uv installs, in seconds; where uv can't be had or fails, pip does, in a minute. Neither resolves
anything, for the file is complete. Only the standard library: no package is there yet.
"""

from __future__ import annotations  # an older Python must get as far as the line on its version

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

UV = "requirements-uv.txt"
BY_HASH = ("--quiet", "--no-deps", "--require-hashes")
OLDEST = (3, 11)
PROBE = """
import importlib.util, sys
print("%d.%d" % sys.version_info[:2], importlib.util.find_spec("pip") is not None)
"""
UNREACHABLE = re.compile(r"Retrying|Request failed|Failed to fetch|[Tt]imed out|IncompleteRead")


class InstallError(Exception):
    """The packages can't be installed; the message is one line: why, and what to do."""


def main() -> None:
    """Install `VENV REQUIREMENTS`, unless that is done; exit with one line where it fails."""
    if sys.version_info < OLDEST:
        sys.exit("Python 3.11 or newer is needed; name one with: make run PYTHON=python3.12")
    try:
        install(Path(sys.argv[1]), Path(sys.argv[2]))
    except InstallError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"The packages can't be installed: {error.strerror}: {error.filename}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. `make run` begins the installation again.")


def install(venv: Path, requirements: Path) -> None:
    """Install the packages of `requirements` into `venv`, which is made where it is missing.

    A second process waits for the first. Raises InstallError.
    """
    lock = os.open(requirements.parent, os.O_RDONLY)
    try:
        _wait_for(lock)
        stamp = venv / f".installed{requirements.stem.removeprefix('requirements')}"
        if not _is_newer(stamp, requirements, requirements.with_name(UV), venv / "bin" / "python"):
            _install(venv, requirements, lock)
            stamp.touch()
    finally:
        os.close(lock)


def _wait_for(lock: int) -> None:
    if fcntl is None:
        return
    with suppress(OSError):  # a file system without locks
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Another installation is running here; waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)


def _is_newer(stamp: Path, *files: Path) -> bool:
    try:
        return all(stamp.stat().st_mtime >= file.stat().st_mtime for file in files)
    except OSError:
        return False


def _install(venv: Path, requirements: Path, lock: int) -> None:
    python, uv, log = venv / "bin" / "python", venv / "bin" / "uv", venv / "install.log"
    unfinished = venv / ".installing"  # there while packages may be half written

    def call(*command: str | Path) -> bool:
        """Run a command into the log. It holds the lock too, should this process be killed."""
        with log.open("ab") as output:
            return not subprocess.run(  # noqa: S603 - what this file names
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[lock],
                check=False,
            ).returncode

    def pip(*arguments: str | Path) -> bool:
        return call(python, "-m", "pip", "--disable-pip-version-check", *arguments)

    def said() -> str:
        return log.read_text("utf-8", errors="replace")

    if os.path.lexists(unfinished):
        _say("The last installation did not end; beginning again ...")
        shutil.rmtree(venv)
    has_pip = os.path.lexists(venv) and _has_pip(venv)
    venv.mkdir(exist_ok=True)
    unfinished.touch()
    log.write_bytes(b"")
    if not has_pip:
        _say(f"Making {venv} with Python {sys.version.split()[0]} ...")
        if not call(sys.executable, "-m", "venv", venv):
            # What is there is marked as unfinished, so that the next try begins with nothing.
            raise _venv_error(venv, said())
    _say(f"Installing the packages of {requirements.name} ...")
    has_uv = os.environ.get("INSTALLER") != "pip" and pip(
        *("install", "--only-binary=:all:", "--retries=2", *BY_HASH),
        *("-r", requirements.with_name(UV)),
    )
    with_uv = has_uv and call(
        uv, "pip", "install", "--python", python, *BY_HASH, "-r", requirements
    )
    installed = with_uv
    # A pip that can't reach the index for uv won't for the rest.
    if not with_uv and (has_uv or not UNREACHABLE.search(said())):
        _say("uv can't be used here; installing with pip, which takes a minute ...")
        installed = pip("install", "--no-compile", *BY_HASH, "-r", requirements)
    if not installed:
        if UNREACHABLE.search(said()):  # nothing was changed yet: both fetch everything first
            unfinished.unlink()
        raise _download_error(said(), log)
    if not (call(uv, "pip", "check", "--python", python) if with_uv else pip("check")):
        _say(f"Some packages in {venv} don't fit together: {_last_line(said())}")
    unfinished.unlink()


def _has_pip(venv: Path) -> bool:
    """Say whether the environment has pip. Raises InstallError where it can't be used."""
    if not os.access(venv, os.R_OK | os.W_OK | os.X_OK):
        raise _unusable(venv, f"it belongs to {_owner(venv)}")
    if not venv.is_dir():
        raise _unusable(venv, "it is no folder")
    if not any(venv.iterdir()):
        return False
    python = venv / "bin" / "python"
    if not os.path.lexists(python):
        raise _unusable(venv, "there is no bin/python in it")
    if not python.exists():
        raise _unusable(venv, f"the Python that made it is gone ({os.path.realpath(python)})")
    try:
        probe = subprocess.run(  # noqa: S603 - the project's own
            [python, "-I", "-c", PROBE], capture_output=True, check=True
        )
    except OSError as error:
        raise _unusable(venv, f"its Python does not start ({error.strerror})") from error
    except subprocess.CalledProcessError as error:
        raise _unusable(venv, f"its Python ends with code {error.returncode}") from error
    now, has_pip = probe.stdout.decode().split()
    folder = venv / "lib" / f"python{now}" / "site-packages"
    if not folder.is_dir():
        raise _unusable(venv, f"another Python made it than {now}, which is in its place now")
    if not os.access(folder, os.W_OK):
        raise _unusable(venv, f"{folder} belongs to {_owner(folder)}")
    if tuple(map(int, now.split("."))) < OLDEST:
        raise _unusable(venv, f"its Python is {now}, and 3.11 or newer is needed")
    return has_pip == "True"


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return f"the user with the number {path.stat().st_uid}"


def _unusable(venv: Path, cause: str) -> InstallError:
    return InstallError(
        f"{venv} can't be used: {cause}. Remove {venv}; `make run` then makes a new one."
    )


def _venv_error(venv: Path, said: str) -> InstallError:
    if "ensurepip" in said or "No module named venv" in said:
        return InstallError("venv is missing; on Debian and Ubuntu: apt install python3-venv")
    return InstallError(f"{venv} can't be made: {_last_line(said)}")


def _download_error(said: str, log: Path) -> InstallError:
    cause = "the package index can't be reached" if UNREACHABLE.search(said) else _last_line(said)
    return InstallError(
        f"The packages can't be installed: {cause}. Check the network, and the index where you "
        f"have set one; then `make run` goes on from here. Details: {log}"
    )


def _last_line(said: str) -> str:
    lines = said.strip().splitlines() or ["no reason given"]
    return re.sub(r"^\s*(ERROR|error|cause):\s*", "", lines[-1])


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
