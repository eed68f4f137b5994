"""A MariaDB server of our own on 127.0.0.1, for as long as a command runs.

`python -m tests.support.mariadb make test` runs the command with TEST_MYSQL_URL set, and ends as it
ends. The server's programs are those of Debian's package mariadb-server.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pymysql

from tests.support.servers import ServerProcess

ADMIN = "root"
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
# No defaults: the machine's own server, if any, is left alone. Durability is not what is tested.
FAST = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-fast-shutdown=2",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--max-connections=200",
)


class MariaDbServer(ServerProcess):
    """A server whose administrator needs no password."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        install = shutil.which("mariadb-install-db", path=PATH)
        self._program = shutil.which("mariadbd", path=PATH)
        if self._program is None or install is None:
            raise SystemExit("MariaDB's server is missing; on Debian: apt install mariadb-server")
        self._data = ("--no-defaults", f"--datadir={folder}/data")
        authentication = "--auth-root-authentication-method=normal"
        self.prepare(install, *self._data, authentication, "--skip-test-db")

    def command(self) -> list[str]:
        address = (f"--port={self.port}", "--bind-address=127.0.0.1")
        files = (f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid")
        return [str(self._program), *self._data, *files, *address, *FAST]

    def answers(self) -> bool:
        try:
            pymysql.connect(host="127.0.0.1", port=self.port, user=ADMIN).close()
        except pymysql.OperationalError:
            return False
        return True


if __name__ == "__main__":
    with MariaDbServer.running() as server:
        url = f"mysql+pymysql://{ADMIN}@127.0.0.1:{server.port}/"
        environment = {**os.environ, "TEST_MYSQL_URL": url}
        code = subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    raise SystemExit(code)
