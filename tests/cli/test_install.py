"""The installation, as `make` begins it: by the system's Python, into a folder of the test's.

Nothing is downloaded. uv is not to be had here, so that pip installs; .ci/install tries both.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from cli import install
from config.settings import ROOT

SCRIPT = ROOT / "cli" / "install.py"
WHEEL = "parts-1.0-py3-none-any.whl"
FILES = {
    "parts.py": "",
    "parts-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: parts\nVersion: 1.0\n",
    "parts-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "parts-1.0.dist-info/RECORD": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that requires one package; its folder has a blank in its name."""
    folder = tmp_path / "my project"
    (folder / "wheels").mkdir(parents=True)
    wheel = folder / "wheels" / WHEEL
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "requirements.txt").write_text(f"parts==1.0 --hash=sha256:{digest}\n")
    shutil.copy(ROOT / "requirements-uv.txt", folder)
    return folder


def begin(project: Path, index: str = "") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-I", SCRIPT, ".venv", "requirements.txt"],
        cwd=project,
        env={"PATH": os.environ["PATH"], "HOME": str(project), "PIP_CONFIG_FILE": os.devnull}
        | (
            {"PIP_INDEX_URL": index} if index else {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "wheels"}
        ),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background has them ignore it, and their children too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def end(process: "subprocess.Popen[str]") -> list[str]:
    """The lines that were said; the last one is the result."""
    said = process.communicate(timeout=120)[1]
    assert "Traceback" not in said
    return said.splitlines()


@pytest.mark.slow
def test_a_broken_download_is_one_line_and_the_next_try_goes_on(project: Path) -> None:
    with socket.socket() as closed:  # it is bound and does not listen
        closed.bind(("127.0.0.1", 0))
        process = begin(project, "http://{}:{}/simple".format(*closed.getsockname()))
        *_, last = end(process)
    assert process.returncode == 1
    assert last.startswith("The packages can't be installed: the package index can't be reached.")
    made = (project / ".venv" / "pyvenv.cfg").stat().st_mtime_ns

    both = [begin(project), begin(project)]
    said = [end(process) for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert (project / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == made, "it was kept"
    assert list(project.glob(".venv/lib/*/site-packages/parts.py"))
    installing = "Installing the packages of requirements.txt ..."
    assert sum(lines.count(installing) for lines in said) == 1, "one installs, the other waits"
    assert end(begin(project)) == [], "nothing is left to do"


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_installation_begins_again(project: Path, sign: signal.Signals) -> None:
    process = begin(project)
    while not (project / ".venv" / "bin" / "python").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, sign)
    said = end(process)
    assert said
    if sign == signal.SIGINT:
        assert said[-1] == "Interrupted. `make run` begins the installation again."

    process = begin(project)
    said = end(process)

    assert process.returncode == 0, said
    assert said[0] == "The last installation did not end; beginning again ..."
    assert list(project.glob(".venv/lib/*/site-packages/parts.py"))


def broken(venv: Path, how: str) -> None:
    """Make an environment that can't be used."""
    (venv / "bin").mkdir(parents=True)
    python = venv / "bin" / "python"
    if how == "python is gone":
        python.symlink_to("/nowhere/python3.10")
    elif how == "python does not start":
        python.write_text("#!/nowhere/python")
        python.chmod(0o700)
    elif how == "python ends":
        python.symlink_to(shutil.which("false") or "/bin/false")
    elif how == "another python":
        python.symlink_to(sys.executable)
        (venv / "lib" / "python3.8" / "site-packages").mkdir(parents=True)


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("no python", "there is no bin/python in it"),
        ("python is gone", "the Python that made it is gone (/nowhere/python3.10)"),
        ("python does not start", "its Python does not start (No such file or directory)"),
        ("python ends", "its Python ends with code 1"),
        ("another python", "another Python made it than 3."),
    ],
)
def test_an_environment_that_cant_be_used_is_named_with_its_cause(
    project: Path, how: str, cause: str
) -> None:
    broken(project / ".venv", how)

    process = begin(project)
    said = end(process)

    assert process.returncode == 1
    assert len(said) == 1
    assert said[0].startswith(f".venv can't be used: {cause}")
    assert said[0].endswith("Remove .venv; `make run` then makes a new one.")


def test_another_users_environment_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = project / ".venv"
    broken(venv, "no python")
    monkeypatch.setattr(os, "access", lambda path, mode: path != venv)  # the tests may be root's

    with pytest.raises(install.InstallError, match=f"it belongs to {venv.owner()}"):
        install.install(venv, project / "requirements.txt")


def test_an_old_python_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))

    with pytest.raises(SystemExit, match=r"Python 3\.11 or newer is needed"):
        install.main()
